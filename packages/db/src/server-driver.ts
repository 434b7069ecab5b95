import { setTimeout as pause } from 'node:timers/promises';
import { ImproperlyConfigured, type SafetyFinding, SessionError } from '@coatcheck/core';
import type { AccountStatements } from './account-statements.ts';
import { type ConnectionPool, Connections, type Execute } from './connections.ts';
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
import { ServerClearing, type ServerClearingDialect } from './server-clearing.ts';
import type { ServerSafety } from './server-safety.ts';
import type { SessionStatements } from './session-statements.ts';
import { checkTable, type SessionTable, type TableOptions } from './session-table.ts';

/** Settings that every database server has. */
export interface ServerOptions extends TableOptions {
  /** The module of the driver, where a URL is given and this package cannot find it by itself. */
  readonly driver?: unknown;
  /** Connections that are open at most, where a URL is given. @default 10 */
  readonly poolSize?: number | undefined;
  /**
   * How many milliseconds a call may take, the wait for a connection included; below `operationTimeoutMs`, so that a
   * call that never began is known not to have happened.
   *
   * @default 900
   */
  readonly timeoutMs?: number | undefined;
  /** The zone of a Django with `USE_TZ = False`. @default 'UTC', as with `USE_TZ = True` */
  readonly timeZone?: string | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** What is different between database servers. */
export interface ServerDialect {
  readonly statements: SessionStatements;
  readonly accounts: AccountStatements;
  /** Selects the `name` and the declared `type` of each column of a table. */
  columnsQuery(table: string): Statement;
  /** Makes the table with its indexes, or nothing. */
  readonly definition: string;
  readonly safety: ServerSafety;
  readonly clearing: ServerClearingDialect;
  toColumn(date: Date): string;
  fromColumn(value: unknown): Date | undefined;
  isDuplicateKey(error: unknown): boolean;
  isMissingTable(error: unknown): boolean;
  /** Another process made the table in the meantime. */
  isExistingTable(error: unknown): boolean;
  /** The key is a text that the database cannot hold, so that no row has it. */
  isImpossibleKey(error: unknown): boolean;
  /** The server undid the statement because of another one, and the same statement may succeed now. */
  isTransient(error: unknown): boolean;
}

/** How often a statement is tried again that the server undid because of another one. */
const retries = 3;

/** How often a read is sent at most, while connections turn out to be lost. */
const readAttempts = 5;

/** What a table that is not there answers. */
const findNothing: Execute = async () => ({ rows: [], changes: 0 });

/** Sessions on a database server, each statement a transaction of its own. */
export class ServerDriver implements DatabaseDriver {
  readonly answers = 'later';
  readonly table: SessionTable;
  readonly statements: SessionStatements;
  readonly accounts: AccountStatements;
  readonly #dialect: ServerDialect;
  readonly #pool: ConnectionPool;
  readonly #connections: Connections;
  #tableKnown = false;

  constructor(
    table: SessionTable,
    dialect: ServerDialect,
    pool: ConnectionPool,
    { timeoutMs = 900 }: ServerOptions,
  ) {
    this.table = table;
    this.statements = dialect.statements;
    this.accounts = dialect.accounts;
    this.#dialect = dialect;
    this.#pool = pool;
    this.#connections = new Connections(pool, timeoutMs);
  }

  toColumn(date: Date): string {
    return this.#dialect.toColumn(date);
  }

  fromColumn(value: unknown): Date | undefined {
    return this.#dialect.fromColumn(value);
  }

  isDuplicateKey(error: unknown): boolean {
    return this.#dialect.isDuplicateKey(error);
  }

  isExistingTable(error: unknown): boolean {
    return this.#dialect.isExistingTable(error);
  }

  async hasTable(name: string): Promise<boolean> {
    const query = this.#dialect.columnsQuery(name);
    const { rows } = await this.#lendToRead((execute) => execute(query));
    return rows.length > 0;
  }

  read(statement: Statement): Promise<readonly Row[]> {
    return this.#lendToRead((execute) => this.#read(statement, execute));
  }

  write<T>(operation: () => Operation<T>, { needsTable = true }: WriteOptions = {}): Promise<T> {
    return this.#connections.lend(async (execute) => {
      if (needsTable) await this.#makeTable(execute);
      try {
        return await this.#run(operation(), execute);
      } catch (error) {
        if (!this.#dialect.isMissingTable(error)) throw error;
        this.#tableKnown = false;
        if (!needsTable) return this.#run(operation(), findNothing);
        await this.#makeTable(execute);
        return this.#run(operation(), execute);
      }
    });
  }

  migrate(): Promise<boolean> {
    this.#tableKnown = false;
    return this.#connections.lend((execute) => this.#makeTable(execute));
  }

  clearing(order: ClearingOrder): Clearing {
    return new ServerClearing(this, this.#dialect.clearing, order);
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const { query, findings } = this.#dialect.safety;
    const { rows } = await this.#connections.lend((execute) => execute(query));
    return rows.flatMap(findings);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  /** Reads again on another connection where one turns out to be lost. */
  async #lendToRead<T>(read: (execute: Execute) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      let lost = false;
      try {
        return await this.#connections.lend(async (execute) => {
          try {
            return await read(execute);
          } catch (error) {
            lost = this.#isLost(error);
            throw error;
          }
        });
      } catch (error) {
        // A restart of the server breaks every idle connection, which may not show before they are used.
        if (!lost || attempt === readAttempts) throw error;
      }
    }
  }

  async #read(statement: Statement, execute: Execute): Promise<readonly Row[]> {
    try {
      return (await this.#findTable(execute)) ? (await this.#try(statement, execute)).rows : [];
    } catch (error) {
      if (this.#dialect.isImpossibleKey(error)) return [];
      if (!this.#dialect.isMissingTable(error)) throw error;
      this.#tableKnown = false;
      return [];
    }
  }

  async #run<T>(operation: Operation<T>, execute: Execute): Promise<T> {
    let step = operation.next();
    while (!step.done) {
      let outcome: Outcome;
      try {
        outcome = await this.#try(step.value, execute);
      } catch (error) {
        step = operation.throw(error);
        continue;
      }
      step = operation.next(outcome);
    }
    return step.value;
  }

  async #try(statement: Statement, execute: Execute): Promise<Outcome> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await execute(statement);
      } catch (error) {
        if (!this.#dialect.isTransient(error) || attempt > retries) throw error;
        await pause(Math.random() * 2 ** attempt);
      }
    }
  }

  // Not a timeout: what was slow once is not asked again.
  #isLost(error: unknown): boolean {
    if (error instanceof SessionError || this.#pool.isUsableAfter(error)) return false;
    return (error as { code?: unknown }).code !== 'ETIMEDOUT';
  }

  /** Whether there is a table to work with. @throws {ImproperlyConfigured} when there is one that does not suit. */
  async #findTable(execute: Execute): Promise<boolean> {
    if (this.#tableKnown) return true;
    const { rows } = await execute(this.#dialect.columnsQuery(this.table.name));
    const columns = new Map(rows.map(({ name, type }) => [String(name), String(type)]));
    this.#tableKnown = checkTable(this.table, columns);
    return this.#tableKnown;
  }

  /** Makes the table as Django's migration does; `false` when it was there. */
  async #makeTable(execute: Execute): Promise<boolean> {
    if (await this.#findTable(execute)) return false;
    try {
      await execute({ sql: this.#dialect.definition, values: [], mayTakeLong: true });
    } catch (error) {
      // Any other process may have been faster, or something else has one of the names.
      if (!this.#dialect.isExistingTable(error) || !(await this.#findTable(execute))) throw error;
      return false;
    }
    this.#tableKnown = true;
    return true;
  }
}

/** @throws {ImproperlyConfigured} when a setting is wrong. */
export function checkServerOptions({ poolSize = 10, timeoutMs = 900 }: ServerOptions): void {
  if (!(Number.isSafeInteger(poolSize) && poolSize > 0)) {
    throw new ImproperlyConfigured('db.poolSize must be a whole number above 0.');
  }
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new ImproperlyConfigured('db.timeoutMs must be a number of milliseconds above 0.');
  }
}
