import type { Place } from './place.ts';

/**
 * What a backend may be unable to do, each with the reason as it shall stand in the test report. The tests that need
 * it are skipped by name.
 */
export interface Inabilities {
  /** Keep a record under the key that it is given. */
  readonly keepKeys?: string;
  /** Tell whether the stored bytes are still the base of an update. */
  readonly compare?: string;
  /** End a session for good. */
  readonly revoke?: string;
  /** Know by itself when a record has expired. */
  readonly expire?: string;
  /** Have expired records to remove and count. */
  readonly clear?: string;
  /** Give two processes the same sessions. */
  readonly share?: string;
  /** Refuse calls after `close`. */
  readonly close?: string;
}

/** One sentence about every backend, and how to check it. */
export interface ConformanceTest {
  readonly title: string;
  readonly needs?: readonly (keyof Inabilities)[];
  /** Whether the keys are digests, as core makes them where `hashKeys` is set. */
  readonly hashKeys?: boolean;
  readonly run: (place: Place) => Promise<void>;
}
