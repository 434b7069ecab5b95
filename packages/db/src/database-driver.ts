import type { Awaitable, SafetyFinding } from '@coatcheck/core';
import type { AccountStatements } from './account-statements.ts';
import type { ClearingPace } from './clearing-pace.ts';
import type { SessionStatements } from './session-statements.ts';
import type { SessionTable } from './session-table.ts';

/** One SQL statement and the values that it calls $1, $2 and so on. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number | null)[];
  /** The key of the only session that it loads, or whose row it changes; none: it may be any, or several. */
  readonly key?: string;
  /** It changes other tables alone. */
  readonly changesNoSession?: true;
  /** What there is to load of this session where the statement has changed its row; none: it has to be looked up. */
  readonly leaves?: Row;
  /** At most one row answers it, so that nobody need look for more. */
  readonly isForOneRow?: boolean;
  /** No visitor waits for it, so that it may take minutes. */
  readonly mayTakeLong?: boolean;
}

/** A row of the table, as the driver hands it over. */
export type Row = Readonly<Record<string, unknown>>;

/** What a statement did. */
export interface Outcome {
  /** The rows of a SELECT; empty otherwise. */
  readonly rows: readonly Row[];
  /** Rows inserted, matched by an UPDATE, or removed. */
  readonly changes: number;
}

/**
 * One write as a generator: it yields the statements that it wants run and is resumed with what each did, or with the
 * error that it met. So the semantics are written once, for drivers that answer at once and for those that answer later.
 */
export type Operation<T> = Generator<Statement, T, Outcome>;

/** How a write is done. */
export interface WriteOptions {
  /** A power cut may undo it: what is done again by itself need not wait for the disk, which holds up others. */
  readonly mayBeLost?: boolean;
  /** A table that is missing is made. @default true */
  readonly needsTable?: boolean;
}

/** What is to be cleared. */
export interface ClearingOrder extends Required<Pick<WriteOptions, 'mayBeLost'>> {
  /** The expiry at or before which a row has expired. */
  readonly cutoff: string;
  /** The most rows of a batch. */
  readonly most: number;
  readonly isStopped: () => boolean;
}

/** The removal of rows in batches. */
export interface Clearing {
  readonly pace: ClearingPace;
  /** Removes one batch: how many rows that were, or `undefined` when none is left that can be removed. */
  removeSome(): Promise<number | undefined>;
  /** To be called in the end, whatever happened. */
  end(): void;
}

/** What `DatabaseBackend` needs of a kind of database; one file each. */
export interface DatabaseDriver {
  readonly answers: 'synchronously' | 'later';
  readonly statements: SessionStatements;
  readonly accounts: AccountStatements;
  readonly table: SessionTable;

  /** The instant as `expire_date` holds it. The database compares expiries, never this code. */
  toColumn(date: Date): string;

  /** The instant in an `expire_date`, to the millisecond; `undefined` when it holds none. */
  fromColumn(value: unknown): Date | undefined;

  /** Whether the error says that the primary key is taken. */
  isDuplicateKey(error: unknown): boolean;

  /** Whether the error says that another process has just made the table. */
  isExistingTable(error: unknown): boolean;

  /** Whether there is a table of this name. */
  hasTable(name: string): Awaitable<boolean>;

  /** The rows of a SELECT. A table that does not exist has none. */
  read(statement: Statement): Awaitable<readonly Row[]>;

  /**
   * Runs the operation in a table made if it is missing; what it did is durable once the promise resolves, unless it
   * may be lost. Each statement is atomic, and the operations need no more: each statement says itself what it expects
   * to find. The operation may be started again when nothing of it was applied.
   */
  write<T>(operation: () => Operation<T>, options?: WriteOptions): Promise<T>;

  /** Begins to remove what has expired. */
  clearing(order: ClearingOrder): Clearing;

  /** What the database would lose, as it is set up now. */
  reportSafety(): Promise<readonly SafetyFinding[]>;

  /** Makes the table; `false` when it was there. */
  migrate(): Promise<boolean>;

  /** Waits for writes under way, then closes what the driver opened itself. */
  close(): Promise<void>;
}
