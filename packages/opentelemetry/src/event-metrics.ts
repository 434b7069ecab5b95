import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SessionEvents } from '@coatcheck/core';
import type { Attributes, Meter } from '@opentelemetry/api';

type Name = keyof SessionEvents | 'cacheFailed';

/** What of an event tells kinds apart; there are few values of each. */
const KINDS: Readonly<Record<Name, readonly string[]>> = {
  created: [],
  saved: [],
  moved: [],
  merged: [],
  interrupted: [],
  rejected: ['reason'],
  unavailable: ['reason', 'operation'],
  breakerOpened: ['reason', 'affects'],
  breakerClosed: ['affects'],
  cookieSkipped: [],
  cacheControlChanged: [],
  error: [],
  cacheFailed: [],
};

/** Counts the events by name and reason, the writes that a merge took, and the circuit breakers that are open. */
export function measureEvents(meter: Meter): () => void {
  const events = meter.createCounter('coatcheck.events', {
    description: 'What happened to sessions, by event and reason.',
    unit: '{event}',
  });
  const attempts = meter.createHistogram('coatcheck.merge.attempts', {
    description: 'Writes that it took to store changes which met those of others.',
    unit: '{attempt}',
    advice: { explicitBucketBoundaries: [1, 2, 3, 5, 10, 25, 50, 100] },
  });
  const commits = meter.createHistogram('coatcheck.merge.commits', {
    description: 'Commits that shared a write.',
    unit: '{commit}',
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 25, 50, 100, 250, 1000] },
  });
  const open = { all: 0, writes: 0 };
  const breakers = meter.createObservableGauge('coatcheck.breakers.open', {
    description: 'Circuit breakers that are open, of those for all calls and of those for writes.',
    unit: '{breaker}',
  });
  const observe: Parameters<typeof breakers.addCallback>[0] = (result) => {
    for (const [affects, count] of Object.entries(open)) result.observe(count, { affects });
  };
  breakers.addCallback(observe);

  const more: { [Each in keyof SessionEvents]?: (event: SessionEvents[Each][0]) => void } = {
    merged(event) {
      attempts.record(event.attempts);
      commits.record(event.commits);
    },
    breakerOpened({ affects }) {
      open[affects] += 1;
    },
    breakerClosed({ affects }) {
      // It may have opened before anybody counted.
      open[affects] = Math.max(0, open[affects] - 1);
    },
  };
  const listeners = Object.entries(KINDS).map(([name, kinds]) => {
    // A channel has one kind of message, which its name says.
    const also = more[name as keyof SessionEvents] as ((event: unknown) => void) | undefined;
    const listener = (event: unknown): void => {
      const attributes: Attributes = { event: name };
      for (const kind of kinds) attributes[kind] = String((event as Record<string, unknown>)[kind]);
      events.add(1, attributes);
      also?.(event);
    };
    subscribe(`coatcheck:${name}`, listener);
    return [name, listener] as const;
  });
  return () => {
    for (const [name, listener] of listeners) unsubscribe(`coatcheck:${name}`, listener);
    breakers.removeCallback(observe);
  };
}
