import type { Django } from '@coatcheck/test-support';
import { it } from '@jest/globals';

/** What a place of sessions, or a Django, cannot do, with the reason. */
export interface Limits {
  /** Why what ended lives on in copied cookies. */
  readonly revokesNothing?: string;
  /** Why the clock of the Koa half ends nothing. */
  readonly ownClock?: string;
  /** Why Django cannot set an expiry as a date. */
  readonly djangoStoresNoDates?: string;
  /** Why Django reads a session beyond an expiry of its own, given in seconds. */
  readonly djangoForgetsSeconds?: string;
  /** Why Django reads a session beyond an expiry of its own, given as a date. */
  readonly djangoForgetsDates?: string;
}

/** What this Django cannot do anywhere. */
export function limitsOf(django: Django): Limits {
  return isBefore(django, 4, 1) ? { djangoStoresNoDates: 'Django 3.2 has no dates in JSON' } : {};
}

/** Whether the Django is older than that release. */
export function isBefore({ version }: Django, major: number, minor: number): boolean {
  const [itsMajor = 0, itsMinor = 0] = version.split('.').map(Number);
  return itsMajor < major || (itsMajor === major && itsMinor < minor);
}

/** `it`, or the skipped one with the reason for the title. */
export function unless(
  reason: string | undefined,
): [itRuns: Pick<typeof it, 'each'> & Define, because: string] {
  return reason === undefined ? [it, ''] : [it.skip, ` (${reason})`];
}

type Define = (title: string, run: () => Promise<void>) => void;
