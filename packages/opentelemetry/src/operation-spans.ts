import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import type { OperationTrace } from '@coatcheck/core';
import { type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';

/** Makes a span of each call of a backend, inside the span that is active then. */
export function traceOperations(tracer: Tracer): () => void {
  const spans = new WeakMap<OperationTrace, Span>();
  const subscribers: Partial<TracingChannelSubscribers<OperationTrace>> = {
    start(trace) {
      const { operation, backend, session } = trace;
      const span = tracer.startSpan(`session ${operation}`, {
        kind: SpanKind.CLIENT,
        attributes: {
          'coatcheck.operation': operation,
          'coatcheck.backend': backend,
          'coatcheck.session': session,
        },
      });
      spans.set(trace, span);
    },
    asyncEnd(trace) {
      const span = spans.get(trace);
      if (trace.error !== undefined) tellFailure(span, trace.error as Error);
      span?.end();
    },
  };
  const channels = tracingChannel<unknown, OperationTrace>('coatcheck:operation');
  channels.subscribe(subscribers as TracingChannelSubscribers<OperationTrace>);
  return () => channels.unsubscribe(subscribers as TracingChannelSubscribers<OperationTrace>);
}

/** Anything but `BackendUnavailable` is an answer, such as that the record was changed meanwhile. */
function tellFailure(span: Span | undefined, error: Error): void {
  span?.setAttribute('error.type', error.name);
  if (error.name !== 'BackendUnavailable') return;
  // What the driver said is more to the point; core has left nothing in it that was sent.
  span?.recordException(error.cause instanceof Error ? error.cause : error);
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}
