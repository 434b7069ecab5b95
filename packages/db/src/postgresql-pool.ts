import { ImproperlyConfigured } from '@coatcheck/core';
import type { Connection, ConnectionPool } from './connections.ts';
import type { Outcome, Row, Statement } from './database-driver.ts';
import { checkUrl, requireDriver } from './driver-module.ts';
import type { ServerOptions } from './server-driver.ts';

/** A query of pg, as far as it is used here. */
export interface PostgresqlQuery {
  text: string;
  values?: unknown[];
  name?: string;
  types?: { getTypeParser: () => (value: string) => unknown };
}

/** A client of a pool of pg, as far as it is used here. */
export interface PostgresqlClient {
  query(query: PostgresqlQuery): Promise<{ rows: unknown[]; rowCount: number | null }>;
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** A pool of pg, as far as it is used here. */
export interface PostgresqlPool {
  connect(callback: (error: Error | undefined, client?: PostgresqlClient) => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  end(): Promise<unknown>;
}

/** How the connections to PostgreSQL are made. */
export interface PostgresqlPoolOptions extends ServerOptions {
  /** `postgres://user:password@host:port/database`, with the parameters that pg knows. */
  readonly url?: string | URL | undefined;
  /** A pool that the application has made with pg and ends itself. */
  readonly pool?: PostgresqlPool | undefined;
  /**
   * Whether each connection prepares each statement once, which saves the server some work. A pooler between here and
   * PostgreSQL has to support that (PgBouncer in transaction mode: since 1.21, with `max_prepared_statements`).
   *
   * @default false
   */
  readonly preparedStatements?: boolean | undefined;
}

/**
 * A pool of connections to PostgreSQL, our own or the application's.
 *
 * @throws {ImproperlyConfigured} when neither is given, or the driver is missing.
 */
export function postgresqlPool(options: PostgresqlPoolOptions): ConnectionPool {
  const { url, pool: given, preparedStatements = false } = options;
  if ((url === undefined) === (given === undefined)) {
    throw new ImproperlyConfigured(
      'db.url is missing: give postgresqlBackend either a url, such as postgres://user:password@localhost/database, or a pool.',
    );
  }
  const pool = given ?? openPool(options);
  // An idle connection that breaks tells the pool, which drops it; without a listener that would end the process.
  pool.on('error', ignore);
  return {
    acquire() {
      return new Promise((resolve, reject) => {
        // Not by promise, which comes a turn later: what ends the connection may be in the packet that opens it.
        pool.connect((error, client) => {
          if (client) resolve(new PostgresqlConnection(client, preparedStatements));
          else reject(error);
        });
      });
    },
    isUsableAfter,
    async end() {
      if (given === undefined) await pool.end();
    },
  };
}

class PostgresqlConnection implements Connection {
  readonly #client: PostgresqlClient;
  readonly #named: boolean;

  constructor(client: PostgresqlClient, named: boolean) {
    this.#client = client;
    this.#named = named;
    // The pool does not listen to a client that is lent.
    client.on('error', ignore);
  }

  async execute({ sql, values }: Statement): Promise<Outcome> {
    const query: PostgresqlQuery = { text: sql, types: asText };
    if (values.length > 0) {
      query.values = [...values];
      if (this.#named) query.name = statementName(sql);
    }
    const { rows = [], rowCount = 0 } = await this.#client.query(query);
    // Rows of pg are plain objects by column name.
    return { rows: rows as Row[], changes: rowCount ?? 0 };
  }

  release(broken: boolean): void {
    // A pool that gets a broken client back listens to it again before it closes it.
    this.#client.removeListener('error', ignore);
    this.#client.release(broken);
  }
}

/** Every column as the text that the server sent, whatever parsers the application has registered. */
const asText = { getTypeParser: () => (value: string) => value };

const names = new Map<string, string>();

function statementName(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `coatcheck_${names.size}`;
    names.set(sql, name);
  }
  return name;
}

// What pg reports from the server has a severity; 08: connection exceptions, 57P: shutdown, 25P03: idle for too long.
function isUsableAfter(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  if (typeof severity !== 'string' || typeof code !== 'string') return false;
  return !/^(08|57P|25P03|XX)/.test(code);
}

function openPool(options: PostgresqlPoolOptions): PostgresqlPool {
  const { url, poolSize = 10, timeoutMs = 900, driver } = options;
  checkUrl(url, ['postgres:', 'postgresql:'], 'postgres://user:password@localhost/database');
  const module = driver ?? requireDriver('pg', 'the PostgreSQL database');
  const found = module as { Pool?: unknown; default?: { Pool?: unknown } };
  const Pool = found.Pool ?? found.default?.Pool;
  if (typeof Pool !== 'function') {
    throw new ImproperlyConfigured(
      'db.driver is not the module pg: pass what import of pg gives, or leave the option out.',
    );
  }
  // Its shape cannot be checked further without a server.
  return new (Pool as new (options: object) => PostgresqlPool)({
    connectionString: String(url),
    max: poolSize,
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    allowExitOnIdle: true,
  });
}

function ignore(): void {}
