import {
  type AccountIndex,
  type AccountNote,
  type Awaitable,
  type ClearExpiredOptions,
  CreateError,
  checkedBatchSize,
  type NotedSession,
  type SafetyFinding,
  type SafetyReporter,
  type ScannedBatch,
  type ScanOptions,
  type SessionBackend,
  SessionError,
  type SessionRecord,
  type SessionScanner,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';
import { AccountTable } from './account-table.ts';
import type { DatabaseDriver, Operation, Row, Statement } from './database-driver.ts';
import { columnValues } from './session-table.ts';

/** A note is kept this long although its session is not stored: it may be about to be. */
const SETTLED_AFTER_MS = 60_000;

/** Rows that a clearing removes in one step at most; time usually ends it before. */
const MOST_IN_BATCH = 10_000;

/** A place that can be prepared ahead of its first use; `coatcheck migrate` looks for this method. */
export interface Migratable {
  /** Makes what is missing; `false` when there was nothing to do. */
  migrate(): Promise<boolean>;

  /** Whether `migrate` would have nothing to do. */
  isMigrated(): Promise<boolean>;
}

/** Sessions in a database, in the table and the formats of Django's `django.contrib.sessions.backends.db`. */
export class DatabaseBackend
  implements SessionBackend, Migratable, SafetyReporter, AccountIndex, SessionScanner
{
  readonly encoding = { salt: 'django.contrib.sessions.SessionStore' } as const;
  readonly answers: 'synchronously' | 'later';
  readonly #driver: DatabaseDriver;
  readonly #now: () => Date;
  readonly #accounts: AccountTable;
  #closing: Promise<void> | undefined;

  /** Made by a function of this package, such as `sqliteBackend`. */
  constructor(driver: DatabaseDriver, now: () => Date = () => new Date()) {
    this.#driver = driver;
    this.#now = now;
    this.answers = driver.answers;
    this.#accounts = new AccountTable(driver);
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    const found = this.#read(this.#select(key));
    return isRows(found) ? this.#stored(found) : found.then((rows) => this.#stored(rows));
  }

  async create(record: SessionRecord): Promise<Written> {
    return this.#write(() => this.#create(record));
  }

  async update(record: SessionRecord, base: string): Promise<Written> {
    return this.#write(() => this.#update(record, base));
  }

  async touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#write(() => this.#touch(record, base));
  }

  async delete(key: string, base?: string): Promise<boolean> {
    return this.#write(() =>
      base === undefined ? this.#delete(key) : this.#deleteUnchanged(key, base),
    );
  }

  async clearExpired(options: ClearExpiredOptions = {}): Promise<number> {
    this.#refuseWhenClosed();
    const { signal, onProgress, dryRun, expiresAt = this.#now() } = options;
    const most = checkedBatchSize(options.batchSize ?? MOST_IN_BATCH);
    const cutoff = this.#driver.toColumn(expiresAt);
    if (dryRun) {
      const sql = this.#driver.statements.countExpired;
      const rows = await this.#read({ sql, values: [cutoff], mayTakeLong: true });
      return Number(rows[0]?.expired ?? 0);
    }
    const isStopped = (): boolean => signal?.aborted === true || this.#closing !== undefined;
    // What has expired is gone for everybody, whether a power cut brings the row back or not.
    const mayBeLost = expiresAt <= this.#now();
    const clearing = this.#driver.clearing({ cutoff, most, mayBeLost, isStopped });
    let cleared = 0;
    try {
      while (!isStopped()) {
        const removed = await clearing.removeSome();
        if (removed === undefined) break;
        cleared += removed;
        if (removed > 0) await onProgress?.(cleared);
        await clearing.pace.rest();
      }
      const unseenSince = new Date(this.#now().getTime() - SETTLED_AFTER_MS);
      if (!isStopped()) await this.#accounts.clear(unseenSince, clearing.pace, isStopped);
    } finally {
      clearing.end();
    }
    return cleared;
  }

  async *scan({ after = '', signal, ...options }: ScanOptions = {}): AsyncGenerator<ScannedBatch> {
    const batchSize = checkedBatchSize(options.batchSize);
    const { scan: sql } = this.#driver.statements;
    let last = after;
    let found = batchSize;
    while (found === batchSize && !signal?.aborted) {
      const rows = await this.#read({ sql, values: [last, batchSize], mayTakeLong: true });
      found = rows.length;
      if (found === 0) return;
      const sessions = Array.from(rows, (row) => ({
        key: String(row.session_key),
        stored: this.#storedIn(row),
      }));
      last = sessions.at(-1)?.key ?? last;
      yield { sessions, after: last };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async note(note: AccountNote): Promise<void> {
    this.#refuseWhenClosed();
    return this.#accounts.note(note);
  }

  async noted(account: string): Promise<readonly NotedSession[]> {
    this.#refuseWhenClosed();
    return this.#accounts.noted(account, this.#now());
  }

  async forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    this.#refuseWhenClosed();
    return this.#accounts.forget(account, keys, unseenSince);
  }

  /** Makes the table. Django: `migrate`; elsewhere the first write does it. */
  async migrate(): Promise<boolean> {
    this.#refuseWhenClosed();
    return this.#driver.migrate();
  }

  async isMigrated(): Promise<boolean> {
    this.#refuseWhenClosed();
    return this.#driver.hasTable(this.#driver.table.name);
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    this.#refuseWhenClosed();
    return this.#driver.reportSafety();
  }

  close(): Promise<void> {
    this.#closing ??= this.#driver.close();
    return this.#closing;
  }

  *#create(record: SessionRecord): Operation<Written> {
    const { insert, deleteExpired } = this.#driver.statements;
    const { key } = record;
    const values = [key, ...this.#changing(record).values];
    // What it leaves is not told: most new sessions are not looked at again at once, and all of them would be kept.
    const inserting: Statement = { sql: insert, values, key };
    try {
      yield inserting;
    } catch (error) {
      if (!this.#driver.isDuplicateKey(error)) throw error;
      yield { sql: deleteExpired, values: [key, this.#nowColumn()], key };
      try {
        yield inserting;
      } catch (again) {
        throw this.#driver.isDuplicateKey(again) ? new CreateError() : again;
      }
    }
    return { key, base: record.data };
  }

  *#update(record: SessionRecord, base: string): Operation<Written> {
    const written = yield* this.#touch(record, base);
    if (written) return written;
    throw yield* this.#difference(record.key);
  }

  *#touch(record: SessionRecord, base: string): Operation<Written | undefined> {
    const { key, data } = record;
    const { values, leaves } = this.#changing(record);
    const { changes } = yield {
      sql: this.#driver.statements.update,
      values: [...values, key, base, this.#nowColumn()],
      ...{ key, leaves },
    };
    return changes > 0 ? { key, base: data } : undefined;
  }

  *#delete(key: string): Operation<boolean> {
    const { statements } = this.#driver;
    const values = [key, this.#nowColumn()];
    const { changes } = yield { sql: statements.delete, values, key };
    if (changes > 0) return true;
    // To a clock that runs behind, an expired row may still be a session.
    yield { sql: statements.deleteExpired, values, key };
    return false;
  }

  *#deleteUnchanged(key: string, base: string): Operation<boolean> {
    const { changes } = yield {
      sql: this.#driver.statements.deleteUnchanged,
      values: [key, base, this.#nowColumn()],
      key,
    };
    if (changes > 0) return true;
    const difference = yield* this.#difference(key);
    if (difference.reason === 'gone') return false;
    throw difference;
  }

  /** Why a compare-and-set found nothing to change. */
  *#difference(key: string): Operation<UpdateError> {
    const current = this.#stored((yield this.#select(key)).rows);
    return current ? new UpdateError('changed', current) : new UpdateError('gone');
  }

  #select(key: string): Statement {
    const values = [key, this.#nowColumn()];
    return { sql: this.#driver.statements.load, values, key, isForOneRow: true };
  }

  #stored([row]: readonly Row[]): StoredSession | undefined {
    return row && this.#storedIn(row);
  }

  #storedIn(row: Row): StoredSession {
    const data = String(row.session_data);
    const expiresAt = this.#driver.fromColumn(row.expire_date);
    return expiresAt ? { data, base: data, expiresAt } : { data, base: data };
  }

  /** The values of all columns but the key, and what a load finds of them. */
  #changing({ data, expiresAt, attributes }: SessionRecord): {
    readonly values: (string | number | null)[];
    readonly leaves: Row;
  } {
    const expiry = this.#driver.toColumn(expiresAt);
    const columns = columnValues(this.#driver.table.columns, attributes);
    const leaves = { session_data: data, expire_date: expiry };
    return { values: [data, expiry, ...columns], leaves };
  }

  #nowColumn(): string {
    return this.#driver.toColumn(this.#now());
  }

  #read(statement: Statement): Awaitable<readonly Row[]> {
    this.#refuseWhenClosed();
    return this.#driver.read(statement);
  }

  #write<T>(operation: () => Operation<T>): Promise<T> {
    this.#refuseWhenClosed();
    return this.#driver.write(operation);
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new SessionError('The session backend is closed.');
  }
}

function isRows(found: Awaitable<readonly Row[]>): found is readonly Row[] {
  return Array.isArray(found);
}
