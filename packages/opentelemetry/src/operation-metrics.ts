import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import type { OperationTrace } from '@coatcheck/core';
import type { Attributes, Meter } from '@opentelemetry/api';

/** Seconds: from a call inside the process to one that was given up. */
const BUCKETS = [
  ...[0.00001, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** Measures how long the calls of backends take. */
export function measureOperations(meter: Meter): () => void {
  const duration = meter.createHistogram('coatcheck.backend.operation.duration', {
    description: 'Time until a call of the backend was answered, failed or was given up.',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const starts = new WeakMap<OperationTrace, number>();
  const subscribers: Partial<TracingChannelSubscribers<OperationTrace>> = {
    start: (trace) => void starts.set(trace, performance.now()),
    asyncEnd(trace) {
      const start = starts.get(trace);
      // It began before anybody measured.
      if (start === undefined) return;
      const { operation, backend } = trace;
      const attributes: Attributes = { operation, backend };
      if (trace.error !== undefined) attributes['error.type'] = (trace.error as Error).name;
      duration.record((performance.now() - start) / 1000, attributes);
    },
  };
  const channels = tracingChannel<unknown, OperationTrace>('coatcheck:operation');
  channels.subscribe(subscribers as TracingChannelSubscribers<OperationTrace>);
  return () => channels.unsubscribe(subscribers as TracingChannelSubscribers<OperationTrace>);
}
