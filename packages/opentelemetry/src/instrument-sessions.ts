import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { measureEvents } from './event-metrics.ts';
import { measureOperations } from './operation-metrics.ts';
import { traceOperations } from './operation-spans.ts';

/** Where metrics and spans go. */
export interface InstrumentationOptions {
  /** @default the one that is registered with `@opentelemetry/api` */
  readonly meterProvider?: MeterProvider | undefined;
  /** @default the one that is registered with `@opentelemetry/api` */
  readonly tracerProvider?: TracerProvider | undefined;
}

const NAME = '@coatcheck/opentelemetry';

/**
 * Turns what all sessions of this process tell into metrics and spans, until the function that it returns is called.
 * Call it once, after the providers are registered. Neither keys nor data are in them: a session is a keyed digest, and
 * only in spans.
 */
export function instrumentSessions(options: InstrumentationOptions = {}): () => void {
  const meter = (options.meterProvider ?? metrics.getMeterProvider()).getMeter(NAME);
  const tracer = (options.tracerProvider ?? trace.getTracerProvider()).getTracer(NAME);
  const stops = [measureEvents(meter), measureOperations(meter), traceOperations(tracer)];
  return () => {
    for (const stop of stops) stop();
  };
}
