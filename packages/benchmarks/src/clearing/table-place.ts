import type { DatabaseOptions } from '@coatcheck/db';

/** A database in which the same session table is made several times, each to be cleared in another way. */
export interface TablePlace {
  readonly name: string;
  /** The most that clearing may take, as a multiple of one DELETE. */
  readonly limit: number;
  /** What a commit means here, the same for both. */
  readonly durability: string;
  /** Makes the table that the others are copies of. */
  fill(count: number, now: Date): Promise<void>;
  /** Makes an equal table. */
  copy(name: string): Promise<void>;
  /** Removes all that have expired by one statement; how many. */
  deleteExpired(name: string, now: Date): Promise<number>;
  count(name: string, now: Date): Promise<{ expired: number; live: number }>;
  /** The settings of a backend on the table. */
  settings(name: string): DatabaseOptions;
  close(): Promise<void>;
}
