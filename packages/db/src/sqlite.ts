import { ImproperlyConfigured, type SafetyFinding } from '@coatcheck/core';
import {
  type AccountDialect,
  type AccountStatements,
  accountStatements,
  bytewiseAccounts,
} from './account-statements.ts';
import { DatabaseBackend } from './database-backend.ts';
import type {
  Clearing,
  ClearingOrder,
  DatabaseDriver,
  Operation,
  Outcome,
  Row,
  Statement,
  WriteOptions,
} from './database-driver.ts';
import { type DateColumn, djangoDateColumn } from './django-date.ts';
import { GroupCommit } from './group-commit.ts';
import {
  type SessionStatements,
  type StatementDialect,
  sessionStatements,
} from './session-statements.ts';
import {
  checkTable,
  type SessionTable,
  sessionTable,
  type TableDialect,
  type TableOptions,
  tableDefinition,
  tableIndexes,
} from './session-table.ts';
import { SqliteClearing } from './sqlite-clearing.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { codeOf, openSqlite, type SqliteDatabase, whenNotBusy } from './sqlite-database.ts';

/** Settings of `sqliteBackend`: one of `path` and `database`, and what differs from the defaults. */
export interface SqliteOptions extends TableOptions {
  /** The database file: a path, `:memory:`, or a URL such as `sqlite:./sessions.sqlite3`. Made when it is missing. */
  readonly path?: string | URL | undefined;
  /** A database that the application has opened with better-sqlite3 and closes itself. */
  readonly database?: SqliteDatabase | undefined;
  /** The constructor that better-sqlite3 exports, where `path` is given and this package cannot find it by itself. */
  readonly driver?: unknown;
  /**
   * `FULL`: what was acknowledged survives a power cut. `NORMAL`: it survives a crash of the process, and the last
   * moments before a power cut may be lost.
   *
   * @default 'FULL'; a `database` keeps its own setting
   */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
  /** The zone of the local times that a Django with `USE_TZ = False` stores. @default 'UTC', as with `USE_TZ = True` */
  readonly timeZone?: string | undefined;
  /**
   * How long a write waits for another process to release the database before it is rejected; below
   * `operationTimeoutMs`, so that a rejected write is known not to have happened.
   *
   * @default 900
   */
  readonly busyTimeoutMs?: number | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/**
 * Sessions in an SQLite file, by better-sqlite3. Django: `django.contrib.sessions.backends.db` on SQLite.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong, the driver is missing, or the file cannot be a database.
 */
export function sqliteBackend(options: SqliteOptions): DatabaseBackend {
  return new DatabaseBackend(new SqliteDriver(options), options.now);
}

/** How long a read waits for a moment in which another process has the file for itself. */
const READ_PATIENCE_MS = 100;

const dialect: StatementDialect & TableDialect = {
  quote: '"',
  dataType: 'text',
  expiryType: 'datetime',
  longestName: 200,
  keyIs: (column, value) => `${column} = ${value}`,
  dataIs: (column, value) => `${column} = ${value}`,
  expiryText: (column) => column,
  place: 'rowid',
  // Values: the places, as JSON, and the cutoff; a place may have another row by now.
  clearExpired: ({ sessions, expiry }) =>
    `DELETE FROM ${sessions} WHERE rowid IN (SELECT value FROM json_each($1)) AND ${expiry} <= $2`,
};

const accountDialect: AccountDialect = {
  ...dialect,
  ...bytewiseAccounts,
};

class SqliteDriver implements DatabaseDriver {
  readonly answers = 'synchronously';
  readonly table: SessionTable;
  readonly statements: SessionStatements;
  readonly accounts: AccountStatements;
  readonly #connection: SqliteConnection;
  readonly #writes: GroupCommit;
  readonly #dates: DateColumn;
  #tableKnown = false;
  /** Statements for visitors, who wait for them; a clearing's are not counted. */
  #visits = 0;

  constructor(options: SqliteOptions) {
    checkOptions(options);
    const { path = '', database, driver, synchronous, busyTimeoutMs = 900 } = options;
    this.table = sessionTable(options);
    this.#dates = djangoDateColumn(options.timeZone);
    this.statements = sessionStatements(this.table, dialect);
    this.accounts = accountStatements(this.table, accountDialect);
    const open = (): SqliteDatabase => openSqlite(path, driver);
    this.#connection = new SqliteConnection({
      ...{ database, open, synchronous },
      table: this.table.name,
    });
    this.#writes = new GroupCommit(this.#connection, busyTimeoutMs);
  }

  toColumn(date: Date): string {
    return this.#dates.toText(date);
  }

  fromColumn(value: unknown): Date | undefined {
    return this.#dates.fromText(value);
  }

  isDuplicateKey(error: unknown): boolean {
    return /^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$/.test(codeOf(error));
  }

  isExistingTable(): boolean {
    return false;
  }

  hasTable(name: string): boolean {
    return whenNotBusy(() => this.#connection.columns(name).size > 0, READ_PATIENCE_MS);
  }

  read(statement: Statement): readonly Row[] {
    this.#count(statement);
    const read = (): readonly Row[] =>
      this.#findTable() ? this.#connection.read(statement).rows : [];
    return whenNotBusy(() => {
      try {
        return read();
      } catch (error) {
        if (!this.#tableVanished(error)) throw error;
        return read();
      }
    }, READ_PATIENCE_MS);
  }

  write<T>(operation: () => Operation<T>, { mayBeLost }: WriteOptions = {}): Promise<T> {
    return this.#writes.write(() => {
      this.#makeTable();
      try {
        return this.#run(operation());
      } catch (error) {
        if (!this.#tableVanished(error)) throw error;
        this.#makeTable();
        return this.#run(operation());
      }
    }, mayBeLost);
  }

  migrate(): Promise<boolean> {
    return this.#writes.write(() => {
      this.#tableKnown = false;
      return this.#makeTable();
    });
  }

  clearing(order: ClearingOrder): Clearing {
    let visits = this.#visits;
    const connection = this.#connection;
    connection.haveOthersWritten();
    return new SqliteClearing(this, order, {
      servesVisitors: () => this.#visits > 0,
      haveOthersWritten: () => {
        const had = visits;
        visits = this.#visits;
        return connection.haveOthersWritten() || visits > had;
      },
      writeBack: () => connection.writeBack(),
      pin: () => connection.pin(),
    });
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    return this.#connection.safetyFindings();
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    this.#connection.close();
  }

  #count({ mayTakeLong }: Statement): void {
    if (!mayTakeLong) this.#visits += 1;
  }

  #run<T>(operation: Operation<T>): T {
    let step = operation.next();
    while (!step.done) {
      this.#count(step.value);
      let outcome: Outcome;
      try {
        outcome = this.#connection.execute(step.value);
      } catch (error) {
        step = operation.throw(error);
        continue;
      }
      step = operation.next(outcome);
    }
    return step.value;
  }

  /** Whether there is a table to work with. @throws {ImproperlyConfigured} when there is one that does not suit. */
  #findTable(): boolean {
    if (this.#tableKnown) return true;
    this.#tableKnown = checkTable(this.table, this.#connection.columns(this.table.name));
    return this.#tableKnown;
  }

  /** Makes the table as Django's migration does; `false` when it was there. To be called within a transaction. */
  #makeTable(): boolean {
    if (this.#findTable()) return false;
    this.#connection.define(tableDefinition(this.table, dialect));
    for (const { name, column } of tableIndexes(this.table, dialect)) {
      this.#connection.define(`CREATE INDEX "${name}" ON "${this.table.name}" ("${column}")`);
    }
    this.#tableKnown = true;
    return true;
  }

  // SQLite has no code of its own for a missing table; it may also be our own, rolled back.
  #tableVanished(error: unknown): boolean {
    if (codeOf(error) !== 'SQLITE_ERROR' || !this.#tableKnown) return false;
    this.#tableKnown = this.#connection.columns(this.table.name).size > 0;
    return !this.#tableKnown;
  }
}

function checkOptions({ path, database, synchronous, busyTimeoutMs = 900 }: SqliteOptions): void {
  if ((path === undefined) === (database === undefined)) {
    throw new ImproperlyConfigured(
      'db.url is missing: give sqliteBackend either a path, such as ./sessions.sqlite3, or an open database.',
    );
  }
  if (synchronous !== undefined && synchronous !== 'FULL' && synchronous !== 'NORMAL') {
    throw new ImproperlyConfigured("db.synchronous must be 'FULL' or 'NORMAL'.");
  }
  if (!(busyTimeoutMs > 0 && busyTimeoutMs < 2 ** 31)) {
    throw new ImproperlyConfigured('db.busyTimeoutMs must be a number of milliseconds above 0.');
  }
}
