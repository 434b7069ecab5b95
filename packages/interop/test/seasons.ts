import { localToInstant, toLocal } from '@coatcheck/core';

/** When sessions are made, when they end, and when the expired ones are cleared. */
export interface Season {
  readonly title: string;
  readonly start: string;
  readonly ends: readonly string[];
  readonly moments: readonly string[];
  /** Moments in the hour that stands twice: local time does not say which of the two it is. */
  readonly twice?: readonly string[];
}

// New York sets its clocks back at 06:00 UTC on the first of November, and forward at 07:00 UTC on the eighth of March.
export const seasons: readonly Season[] = [
  {
    title: 'when the clocks go back',
    start: '2026-10-31T16:00:00Z',
    ends: [
      '2026-10-31T17:00:00Z',
      '2026-11-01T04:59:59.500Z',
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:30:00Z',
      '2026-11-01T07:30:00Z',
      '2026-11-02T05:30:00Z',
    ],
    moments: [
      '2026-10-31T16:59:59.999Z',
      '2026-10-31T17:00:00Z',
      '2026-11-01T04:59:59Z',
      '2026-11-01T04:59:59.900Z',
      '2026-11-01T07:00:00Z',
      '2026-11-01T08:00:00Z',
      '2026-11-14T15:59:59Z',
      '2026-11-14T17:00:01Z',
    ],
    twice: ['2026-11-01T05:45:00Z', '2026-11-01T06:15:00Z', '2026-11-01T06:45:00Z'],
  },
  {
    title: 'when the clocks go forward',
    start: '2026-03-07T16:00:00Z',
    ends: [
      '2026-03-08T06:30:00Z',
      '2026-03-08T06:59:59Z',
      '2026-03-08T07:00:00.500Z',
      '2026-03-08T07:30:00Z',
      '2026-03-08T08:30:00Z',
    ],
    moments: [
      '2026-03-08T06:59:58Z',
      '2026-03-08T07:00:00Z',
      '2026-03-08T07:15:00Z',
      '2026-03-08T07:30:00Z',
      '2026-03-08T08:00:00Z',
      '2026-03-21T14:59:59Z',
      '2026-03-21T16:00:01Z',
    ],
  },
];

/** What `setExpiry` is given, a date as its text, and when the session ends. */
export interface Lifetime {
  readonly expiry: number | string | null;
  readonly endsAt: number;
}

/** Each end as seconds and as a date; then the default, and the same without a cookie that says so. */
export function lifetimesOf({ start, ends }: Season): Lifetime[] {
  const since = Date.parse(start);
  return [
    ...ends.map((end) => ({ expiry: (Date.parse(end) - since) / 1000, endsAt: Date.parse(end) })),
    ...ends.map((end) => ({ expiry: end, endsAt: Date.parse(end) })),
    ...[null, 0].map((expiry) => ({ expiry, endsAt: since + 1_209_600_000 })),
  ];
}

/** A date is stored as seconds, which are whole ones, where a Django 3.2 takes part. */
export function inWholeSeconds(lifetime: Lifetime, { start }: Season): Lifetime {
  const { expiry, endsAt } = lifetime;
  if (typeof expiry !== 'string') return lifetime;
  const since = Date.parse(start);
  return { expiry, endsAt: since + Math.ceil((endsAt - since) / 1000) * 1000 };
}

/**
 * Where Django has no time zones it adds seconds to the time on the wall, and the hour that the clocks gain or lose is
 * the session's. None where the wall never shows the result.
 */
export function onTheWall(
  { expiry, endsAt }: Lifetime,
  { start }: Season,
  timeZone: string,
): Lifetime[] {
  if (typeof expiry === 'string') return [{ expiry, endsAt }];
  const since = Date.parse(start);
  const wall = toLocal(new Date(start), timeZone).getTime() + endsAt - since;
  const end = localToInstant(wall, timeZone);
  return toLocal(end, timeZone).getTime() === wall ? [{ expiry, endsAt: end.getTime() }] : [];
}
