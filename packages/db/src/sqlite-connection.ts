import type { SafetyFinding } from '@coatcheck/core';
import type { Outcome, Row, Statement } from './database-driver.ts';
import type { Transaction } from './group-commit.ts';
import { RecentRows } from './recent-rows.ts';
import { withQuestionMarks } from './session-statements.ts';
import {
  codeOf,
  isBusy,
  type SqliteDatabase,
  type SqliteStatement,
  whenNotBusy,
} from './sqlite-database.ts';
import { sqliteFindings } from './sqlite-safety.ts';

/** Where a connection comes from. */
export interface SqliteSource {
  /** A database of the application, which opens, sets up and closes it. */
  readonly database?: SqliteDatabase | undefined;
  /** Opens a database of our own. */
  readonly open: () => SqliteDatabase;
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
  /** The table of the sessions. */
  readonly table: string;
}

/** How long a connection is set up, once per process. */
const SET_UP_PATIENCE_MS = 2000;

/** One connection with its prepared statements and its transactions. */
export class SqliteConnection implements Transaction {
  readonly #source: SqliteSource;
  readonly #owned: boolean;
  readonly #prepared = new Map<string, SqliteStatement>();
  #database: SqliteDatabase;
  /** None for a database of the application, which may change rows by itself. */
  #recentRows: RecentRows | undefined;
  #isOpen = true;
  #journalSet = false;
  #dataVersion: unknown;
  #begun = false;
  /** What `synchronous` is, where we set it. */
  #synchronous: 'FULL' | 'NORMAL' | undefined;
  /** The application's busy timeout, while a transaction on its connection suspends it. */
  #suspendedTimeout: number | undefined;

  constructor(source: SqliteSource) {
    this.#source = source;
    this.#owned = source.database === undefined;
    this.#database = source.database ?? source.open();
    this.#recentRows = this.#noRows();
    this.#setUp();
  }

  /** As `execute`, outside of a transaction; a row of our own connection that nobody has changed is not read again. */
  read(statement: Statement): Outcome {
    const { key, values } = statement;
    if (key === undefined) return this.execute(statement);
    const known = this.#recentRows?.get(key);
    // As the statement compares them, byte for byte.
    if (known && String(known.expire_date) > String(values[1]))
      return { rows: [known], changes: 0 };
    const outcome = this.execute(statement);
    const [row] = outcome.rows;
    if (typeof row?.expire_date === 'string') this.#recentRows?.add(key, row);
    return outcome;
  }

  execute(statement: Statement): Outcome {
    const { sql, values, isForOneRow } = statement;
    const prepared = this.#prepared.get(sql) ?? this.#prepare(sql);
    if (!prepared.reader) {
      const { changes } = prepared.run(...values);
      if (changes > 0) this.#tellChanges(statement, changes);
      return { rows: [], changes };
    }
    // Rows of better-sqlite3 are plain objects by column name.
    if (isForOneRow) {
      const row = prepared.get(...values) as Row | undefined;
      return { rows: row ? [row] : [], changes: 0 };
    }
    return { rows: prepared.all(...values) as Row[], changes: 0 };
  }

  /** Runs a statement that is needed once, such as the definition of a table. */
  define(sql: string): void {
    this.#database.exec(sql);
  }

  /** The columns of a table by name, each with its declared type; empty when there is no such table. */
  columns(table: string): ReadonlyMap<string, string> {
    const columns = this.#database.prepare(`PRAGMA table_info("${table}")`).all() as Row[];
    return new Map(columns.map(({ name, type }) => [String(name), String(type)]));
  }

  /** What the file would lose, as this connection is set up. */
  safetyFindings(): SafetyFinding[] {
    return whenNotBusy(() => sqliteFindings(this.#database), SET_UP_PATIENCE_MS);
  }

  begin(mayBeLost: boolean): void {
    if (this.#database.inTransaction) {
      const message = 'The application has a transaction open on this connection.';
      throw Object.assign(new Error(message), { code: 'SQLITE_BUSY' });
    }
    if (!this.#owned) {
      this.#suspendedTimeout = Number(this.#database.pragma('busy_timeout', { simple: true }));
      this.#database.pragma('busy_timeout = 0');
    } else if (!this.#journalSet) {
      this.#database.pragma('journal_mode = WAL');
      this.#journalSet = true;
    }
    // Here, and not after the one before: what failed then must not decide how this one is kept.
    if (this.#owned) this.#synchronize(mayBeLost ? 'NORMAL' : undefined);
    this.execute({ sql: 'BEGIN IMMEDIATE', values: [] });
    this.#begun = true;
  }

  commit(): void {
    this.#recentRows?.prepareCommit();
    this.execute({ sql: 'COMMIT', values: [] });
    this.#begun = false;
    this.#recentRows?.commit();
    this.#restore();
  }

  rollback(error: unknown): void {
    this.#recentRows?.rollback();
    try {
      // SQLite ends the transaction by itself after some errors; one of the application's is not ours to end.
      if (this.#begun && this.#database.inTransaction) {
        this.execute({ sql: 'ROLLBACK', values: [] });
      }
      this.#begun = false;
      this.#restore();
      if (this.#owned && codeOf(error).startsWith('SQLITE_READONLY')) this.#reopen();
    } catch {
      // What made the transaction fail is what the callers are told.
    }
  }

  isBusy(error: unknown): boolean {
    return isBusy(error);
  }

  isFatal(error: unknown): boolean {
    return (
      /^SQLITE_(FULL|IOERR|NOMEM|CORRUPT|NOTADB|READONLY|CANTOPEN|PROTOCOL)/.test(codeOf(error)) ||
      !this.#database.inTransaction
    );
  }

  /** Whether other connections have written since this was last asked. */
  haveOthersWritten(): boolean {
    if (!this.#isOpen) return false;
    const before = this.#dataVersion;
    try {
      this.#dataVersion = this.#askFor('PRAGMA data_version');
    } catch (error) {
      if (isBusy(error)) return true;
      throw error;
    }
    return this.#dataVersion !== before;
  }

  /** Writes back what it can of the log, without having anybody wait; that of the application's database is its own. */
  writeBack(): void {
    if (!this.#isOpen || !this.#owned) return;
    try {
      this.#database.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }

  /**
   * Keeps everybody from writing back what is written from now on, until it is closed, by reading the file as it is.
   * `undefined` where that cannot be done.
   */
  pin(): SqliteDatabase | undefined {
    if (!this.#isOpen || !this.#owned || !this.#journalSet) return undefined;
    const reader = this.#source.open();
    try {
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM sqlite_schema').all();
      return reader;
    } catch (error) {
      reader.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  /** Closing the last connection to a file also writes its log back. */
  close(): void {
    this.#isOpen = false;
    this.#prepared.clear();
    this.#recentRows = undefined;
    if (this.#owned) this.#database.close();
  }

  #noRows(): RecentRows | undefined {
    if (!this.#owned) return undefined;
    const { table } = this.#source;
    return new RecentRows({
      dataVersion: () => this.#askFor('PRAGMA data_version'),
      totalChanges: () => Number(this.#askFor('SELECT total_changes()')),
      definition: () =>
        String(this.#askFor('SELECT sql FROM sqlite_schema WHERE name = $1 COLLATE NOCASE', table)),
    });
  }

  /** What is told of no session is found out when it is committed. */
  #tellChanges({ key, leaves, changesNoSession }: Statement, count: number): void {
    if (changesNoSession) this.#recentRows?.changeOthers(count);
    else if (key !== undefined) this.#recentRows?.change(key, leaves);
  }

  /** The only value of the only row; as a row with a name it would take a third longer. */
  #askFor(sql: string, ...values: string[]): unknown {
    const asking = this.#prepared.get(sql) ?? this.#prepare(sql).pluck();
    return asking.get(...values);
  }

  #prepare(sql: string): SqliteStatement {
    // Its statements name each value once and in order, so that the marks do as well.
    const prepared = this.#database.prepare(withQuestionMarks(sql).sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #setUp(): void {
    const { synchronous } = this.#source;
    // better-sqlite3 is built with NORMAL as the default in WAL mode.
    if (!this.#owned && !synchronous) return;
    // It reads the schema, which may have to wait for whoever just opens or closes the file.
    whenNotBusy(() => this.#synchronize(), SET_UP_PATIENCE_MS);
  }

  #synchronize(synchronous = this.#source.synchronous ?? 'FULL'): void {
    if (this.#synchronous === synchronous) return;
    this.#database.pragma(`synchronous = ${synchronous}`);
    this.#synchronous = synchronous;
  }

  // A file that could only be read when it was opened stays so for this connection, whatever becomes of the file.
  #reopen(): void {
    const database = this.#source.open();
    this.#prepared.clear();
    this.#database.close();
    this.#database = database;
    this.#recentRows = this.#noRows();
    this.#journalSet = false;
    this.#dataVersion = undefined;
    this.#synchronous = undefined;
    this.#setUp();
  }

  /** What one transaction had otherwise. */
  #restore(): void {
    if (this.#owned) this.#synchronize();
    if (this.#suspendedTimeout === undefined) return;
    this.#database.pragma(`busy_timeout = ${this.#suspendedTimeout}`);
    this.#suspendedTimeout = undefined;
  }
}
