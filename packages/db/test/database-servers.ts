import { randomBytes } from 'node:crypto';
import type { ServerOptions } from '@coatcheck/db';
import { type DatabaseBackend, mysqlBackend, postgresqlBackend } from '@coatcheck/db';
import { mariadbServer, postgresqlServer, type TestServer } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe } from '@jest/globals';
import mysqlCallback from 'mysql2';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** A row as text, by column name. */
export type TextRow = Record<string, string | null>;

/** A database on a server that is removed when the tests end, and a connection to it. */
export interface Place {
  /** Names the place and, where tests need no other, its table. */
  readonly url: string;
  backend(options?: ServerOptions & { url?: string }): DatabaseBackend;
  /** A backend on a pool of the application, and every statement that it sends. */
  watch(options?: ServerOptions & { poolSize?: number }): Watched;
  /** Runs a statement, without values, on a connection of its own. */
  query(sql: string): Promise<TextRow[]>;
  /** The other connections to the place, as the server names them. */
  connections(): Promise<string[]>;
  kill(connection: string): Promise<void>;
  close(): Promise<void>;
}

/** A backend that is looked at while it works. */
export interface Watched {
  readonly backend: DatabaseBackend;
  /** Another backend on the same pool. */
  another(options: ServerOptions): DatabaseBackend;
  readonly statements: { sql: string; values: readonly unknown[] }[];
  /** How many connections have been opened. */
  connections(): number;
  close(): Promise<void>;
}

/** A kind of database server. */
export interface Kind {
  readonly name: string;
  readonly server: TestServer;
  /** A new, empty database on the server. */
  open(): Promise<Place>;
}

/** What is tested is not the speed of the machine, which has better to do than to open connections. */
const patient = { timeoutMs: 30_000, poolSize: 4 };

let serverUrl: Record<string, string> = {};

const kinds: readonly Kind[] = [
  { name: 'PostgreSQL', server: postgresqlServer(), open: openPostgresql },
  { name: 'MariaDB', server: mariadbServer(), open: openMariadb },
];

/** Tests for each kind of server, which runs meanwhile; skipped by name where there is none. */
export function describeServers(title: string, define: (kind: Kind) => void): void {
  for (const kind of kinds) {
    const { missing } = kind.server;
    if (missing) {
      describe.skip(`${title} on ${kind.name}: ${missing}`, () => define(kind));
      continue;
    }
    describe(`${title} on ${kind.name}`, () => {
      beforeAll(async () => {
        serverUrl = { ...serverUrl, [kind.name]: await kind.server.start() };
      }, 60_000);
      define(kind);
      // After what the tests themselves have to do in the end.
      afterAll(() => kind.server.stop(), 60_000);
    });
  }
}

async function openPostgresql(): Promise<Place> {
  const name = newName();
  const url = new URL(serverUrl.PostgreSQL as string);
  url.searchParams.set('options', `-c search_path=${name}`);
  url.searchParams.set('application_name', name);
  // One connection, so that a transaction can go on from query to query.
  const pool = new pg.Pool({ connectionString: url.href, max: 1, idleTimeoutMillis: 0 });
  pool.on('error', () => {});
  const types = { getTypeParser: () => String };
  const query = async (text: string): Promise<TextRow[]> =>
    (await pool.query({ text, types })).rows;
  await query(`CREATE SCHEMA ${name}`);
  return {
    url: url.href,
    backend: (options) => postgresqlBackend({ url: url.href, ...patient, ...options }),
    watch: (options) => watchPostgresql(url.href, options),
    query,
    async connections() {
      const rows = await query(
        `SELECT pid FROM pg_stat_activity WHERE application_name = '${name}' AND pid <> pg_backend_pid()`,
      );
      return rows.map(({ pid }) => String(pid));
    },
    async kill(connection) {
      await query(`SELECT pg_terminate_backend(${connection})`);
    },
    async close() {
      await query(`DROP SCHEMA ${name} CASCADE`);
      await pool.end();
    },
  };
}

async function openMariadb(): Promise<Place> {
  const name = newName();
  const url = new URL(serverUrl.MariaDB as string);
  const admin = await mysql.createConnection(url.href);
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`);
  await admin.end();
  url.pathname = `/${name}`;
  // One connection, so that a transaction can go on from query to query.
  const pool = mysql.createPool({
    uri: url.href,
    connectionLimit: 1,
    typeCast: (field) => field.string(),
  });
  const query = async (sql: string): Promise<TextRow[]> => (await pool.query(sql))[0] as TextRow[];
  return {
    url: url.href,
    backend: (options) => mysqlBackend({ url: url.href, ...patient, ...options }),
    watch: (options) => watchMysql(url.href, options),
    query,
    async connections() {
      const rows = await query(
        'SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()',
      );
      return rows.map(({ ID }) => String(ID));
    },
    async kill(connection) {
      await query(`KILL ${connection}`);
    },
    async close() {
      await query(`DROP DATABASE ${name}`);
      await pool.end();
    },
  };
}

function newName(): string {
  return `coatcheck_${randomBytes(6).toString('hex')}`;
}

function watchPostgresql(url: string, options: ServerOptions = {}): Watched {
  const pool = new pg.Pool({ connectionString: url, max: options.poolSize ?? 10 });
  const statements: Watched['statements'] = [];
  let connections = 0;
  pool.on('connect', (client) => {
    connections += 1;
    const query = client.query.bind(client) as (config: pg.QueryConfig) => Promise<pg.QueryResult>;
    const watched = (config: pg.QueryConfig) => {
      statements.push({ sql: config.text, values: config.values ?? [] });
      return query(config);
    };
    Object.defineProperty(client, 'query', { value: watched });
  });
  const another = (more: ServerOptions) => postgresqlBackend({ timeoutMs: 30_000, ...more, pool });
  const backend = another(options);
  return {
    backend,
    another,
    statements,
    connections: () => connections,
    async close() {
      await backend.close();
      await pool.end();
    },
  };
}

function watchMysql(url: string, options: ServerOptions = {}): Watched {
  const pool = mysqlCallback.createPool({ uri: url, connectionLimit: options.poolSize ?? 10 });
  const statements: Watched['statements'] = [];
  let connections = 0;
  pool.on('connection', (connection) => {
    connections += 1;
    const execute = connection.execute.bind(connection) as (...args: unknown[]) => unknown;
    const watched = (statement: Watched['statements'][number], ...args: unknown[]) => {
      statements.push(statement);
      return execute(statement, ...args);
    };
    Object.defineProperty(connection, 'execute', { value: watched });
  });
  const another = (more: ServerOptions) => mysqlBackend({ timeoutMs: 30_000, ...more, pool });
  const backend = another(options);
  return {
    backend,
    another,
    statements,
    connections: () => connections,
    async close() {
      await backend.close();
      await pool.promise().end();
    },
  };
}
