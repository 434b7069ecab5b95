import type { Awaitable } from '@coatcheck/core';
import type { SessionStatements } from './session-statements.ts';

/** One SQL statement and the values for its placeholders. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number)[];
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

/** What `DatabaseBackend` needs of a kind of database; one file each. */
export interface DatabaseDriver {
  readonly answers: 'synchronously' | 'later';
  readonly statements: SessionStatements;

  /** The instant as `expire_date` holds it. The database compares expiries, never this code. */
  toColumn(date: Date): string;

  /** The instant in an `expire_date`, to the millisecond; `undefined` when it holds none. */
  fromColumn(value: unknown): Date | undefined;

  /** Whether the error says that the primary key is taken. */
  isDuplicateKey(error: unknown): boolean;

  /** The rows of a SELECT. A table that does not exist has none. */
  read(statement: Statement): Awaitable<readonly Row[]>;

  /**
   * Runs the operation so that it is atomic and durable once the promise resolves, in a table made if it is missing.
   * The operation may be started again after a rollback.
   */
  write<T>(operation: () => Operation<T>): Promise<T>;

  /** Makes the table; `false` when it was there. */
  migrate(): Promise<boolean>;

  /** Waits for writes under way, then closes what the driver opened itself. */
  close(): Promise<void>;
}
