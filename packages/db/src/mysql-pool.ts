import { ImproperlyConfigured } from '@coatcheck/core';
import type { Connection, ConnectionPool } from './connections.ts';
import type { Outcome, Row, Statement } from './database-driver.ts';
import { checkUrl, requireDriver } from './driver-module.ts';
import type { ServerOptions } from './server-driver.ts';
import { withQuestionMarks } from './session-statements.ts';

/** A connection of a pool of mysql2, as far as it is used here. */
export interface MysqlConnection {
  execute(
    statement: { sql: string; values: (string | null)[]; rowsAsArray: false },
    callback: (error: unknown, result: unknown) => void,
  ): unknown;
  release(): void;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** A pool of mysql2, as far as it is used here. */
export interface MysqlPool {
  getConnection(callback: (error: unknown, connection: MysqlConnection) => void): void;
  end(callback: (error: unknown) => void): void;
}

/** How the connections to MySQL or MariaDB are made. */
export interface MysqlPoolOptions extends ServerOptions {
  /** `mysql://user:password@host:port/database`, or `mariadb:`, with the parameters that mysql2 knows. */
  readonly url?: string | URL | undefined;
  /** A pool that the application has made with mysql2 or mysql2/promise, in utf8mb4, and ends itself. */
  readonly pool?: MysqlPool | { readonly pool: MysqlPool } | undefined;
}

/** `CLIENT_FOUND_ROWS`: an update counts the rows that it matched. */
const foundRows = 2;

/**
 * A pool of connections to MySQL or MariaDB, our own or the application's.
 *
 * @throws {ImproperlyConfigured} when neither is given, or the driver is missing.
 */
export function mysqlPool(options: MysqlPoolOptions): ConnectionPool {
  const { url, pool: given } = options;
  if ((url === undefined) === (given === undefined)) {
    throw new ImproperlyConfigured(
      'db.url is missing: give mysqlBackend either a url, such as mysql://user:password@localhost/database, or a pool.',
    );
  }
  const pool = given === undefined ? openPool(options) : 'pool' in given ? given.pool : given;
  checkFlags(pool);
  return {
    acquire: () =>
      new Promise((resolve, reject) => {
        pool.getConnection((error, connection) => {
          if (error) reject(error);
          else resolve(new MysqlPooledConnection(connection));
        });
      }),
    isUsableAfter,
    async end() {
      if (given === undefined) await ended(pool);
    },
  };
}

class MysqlPooledConnection implements Connection {
  readonly #connection: MysqlConnection;

  constructor(connection: MysqlConnection) {
    this.#connection = connection;
    if (listening.has(connection)) return;
    // The driver itself listens for the first error only, and more than one may come.
    connection.on('error', ignore);
    listening.add(connection);
  }

  execute({ sql, values }: Statement): Promise<Outcome> {
    const { sql: marked, order } = marks(sql);
    const given = order.map((i) => {
      const value = values[i] ?? null;
      // As texts, since the driver sends every number as a floating point one.
      return value === null ? null : String(value);
    });
    return new Promise((resolve, reject) => {
      this.#connection.execute(
        { sql: marked, values: given, rowsAsArray: false },
        (error, result) => {
          if (error) reject(error);
          else resolve(outcome(result));
        },
      );
    });
  }

  release(broken: boolean): void {
    if (broken) this.#connection.destroy();
    else this.#connection.release();
  }
}

const listening = new WeakSet<MysqlConnection>();
const marked = new Map<string, ReturnType<typeof withQuestionMarks>>();

function marks(sql: string): ReturnType<typeof withQuestionMarks> {
  let known = marked.get(sql);
  if (known === undefined) {
    known = withQuestionMarks(sql);
    marked.set(sql, known);
  }
  return known;
}

function outcome(result: unknown): Outcome {
  // Rows of mysql2 are plain objects by column name.
  if (Array.isArray(result)) return { rows: result as Row[], changes: 0 };
  const { affectedRows } = (result ?? {}) as { affectedRows?: unknown };
  return { rows: [], changes: Number(affectedRows ?? 0) };
}

/** Numbers of errors after which the server closes the connection: killed (MariaDB), idle for too long (MySQL). */
const fatal = new Set([1927, 4031]);

// What mysql2 reports from the server has an SQL state; 08: connection exceptions, a shutdown among them.
function isUsableAfter(error: unknown): boolean {
  const { errno, sqlState } = (error ?? {}) as { errno?: unknown; sqlState?: unknown };
  if (typeof sqlState !== 'string' || sqlState.startsWith('08')) return false;
  return !fatal.has(Number(errno));
}

function openPool(options: MysqlPoolOptions): MysqlPool {
  const { url, poolSize = 10, timeoutMs = 900, driver } = options;
  const example = 'mysql://user:password@localhost/database';
  const { pathname } = checkUrl(url, ['mysql:', 'mariadb:'], example);
  if (pathname.length < 2) {
    throw new ImproperlyConfigured(`db.url names no database: write it as in ${example}.`);
  }
  const module = driver ?? requireDriver('mysql2', 'the MySQL or MariaDB database');
  const found = module as { createPool?: unknown; default?: { createPool?: unknown } };
  const createPool = found.createPool ?? found.default?.createPool;
  if (typeof createPool !== 'function') {
    throw new ImproperlyConfigured(
      'db.driver is not the module mysql2: pass what import of mysql2 gives, or leave the option out.',
    );
  }
  // That of mysql2/promise wraps the pool. Its shape cannot be checked further without a server.
  const pool = createPool({
    uri: String(url),
    connectionLimit: poolSize,
    connectTimeout: timeoutMs,
    charset: 'utf8mb4',
  }) as MysqlPool | { readonly pool: MysqlPool };
  return 'pool' in pool ? pool.pool : pool;
}

function checkFlags(pool: MysqlPool): void {
  const { config } = pool as { config?: { connectionConfig?: { clientFlags?: unknown } } };
  const flags = config?.connectionConfig?.clientFlags;
  if (typeof flags === 'number' && (flags & foundRows) === 0) {
    throw new ImproperlyConfigured(
      'The pool in db.pool must count the rows that an update matches: leave -FOUND_ROWS out of its flags.',
    );
  }
}

function ended(pool: MysqlPool): Promise<void> {
  return new Promise((resolve, reject) => {
    pool.end((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function ignore(): void {}
