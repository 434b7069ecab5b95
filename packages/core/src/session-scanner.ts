import type { StoredSession } from './session-backend.ts';

/** One session as it is stored. */
export interface ScannedSession {
  /** The key as the backend knows it: a digest where `hashKeys` is set. */
  readonly key: string;
  readonly stored: StoredSession;
}

/** Some of the sessions of a place, the next after those before. */
export interface ScannedBatch {
  readonly sessions: readonly ScannedSession[];
  /** What the `after` of another scan has to be to go on behind this batch; left out where the place has no order. */
  readonly after?: string;
}

/** How a scan goes about it. */
export interface ScanOptions {
  /**
   * A text in the order of the keys, such as the `after` of a batch or the beginning of a key: the scan starts with
   * the first key behind it.
   *
   * @default at the beginning
   */
  readonly after?: string | undefined;
  /** Sessions read in one step, so that others get their turn. @default 1000 */
  readonly batchSize?: number | undefined;
  /** Ends the scan between two batches, without an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A backend that can go through all that it keeps. Every session that is there from the beginning of a scan to its end
 * is found; one that comes or goes meanwhile may be. Where the place has an order, each is found once, in the order of
 * the keys; elsewhere perhaps twice. A record that has expired may be among them: its `expiresAt` says so.
 */
export interface SessionScanner {
  /** @throws {ImproperlyConfigured} for `after`, where the place has no order to go on in. */
  scan(options?: ScanOptions): AsyncIterable<ScannedBatch>;
}

/** Whether the backend is a `SessionScanner`. */
export function scansSessions<Backend extends object>(
  backend: Backend,
): backend is Backend & SessionScanner {
  return typeof (backend as Partial<SessionScanner>).scan === 'function';
}

/** How many records a step may take. @default 1000 @throws {RangeError} unless it is a whole number above zero */
export function checkedBatchSize(batchSize = 1000): number {
  if (Number.isSafeInteger(batchSize) && batchSize > 0) return batchSize;
  throw new RangeError('batchSize must be a whole number above zero.');
}
