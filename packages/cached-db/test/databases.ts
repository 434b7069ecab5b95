import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBackend, type DatabaseBackend, type DatabaseOptions } from '@coatcheck/db';
import { postgresqlServer } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe } from '@jest/globals';

/** One empty table of sessions. */
export interface Table {
  /** For a process of its own. */
  readonly url: string;
  /** Opens a handle onto it. */
  open(options?: Partial<DatabaseOptions>): DatabaseBackend;
}

/** A database for the tests of one file. */
export interface TestDatabase {
  readonly name: string;
  newTable(): Table;
}

/** Tests for each database that sessions may have a cache in front of; skipped by name where there is none. */
export function describeDatabases(title: string, define: (database: TestDatabase) => void): void {
  describeSqlite(title, define);
  describePostgresql(title, define);
}

/** Tests on SQLite files. */
export function describeSqlite(title: string, define: (database: TestDatabase) => void): void {
  describe(`${title} over SQLite`, () => {
    let directory: string;
    let files = 0;
    beforeAll(() => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-cached-db-'));
    });
    define({
      name: 'SQLite',
      newTable() {
        files += 1;
        const url = `sqlite:${path.join(directory, `${files}.sqlite3`)}`;
        // Durability is not what these tests are about.
        return tableAt({ url, synchronous: 'NORMAL' });
      },
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));
  });
}

const server = postgresqlServer();

/** Tests on PostgreSQL, in a schema of their own. */
export function describePostgresql(title: string, define: (database: TestDatabase) => void): void {
  const schema = `coatcheck_${randomBytes(6).toString('hex')}`;
  let url: URL;
  let tables = 0;
  const database: TestDatabase = {
    name: 'PostgreSQL',
    newTable() {
      tables += 1;
      return tableAt({ url: url.href, table: `sessions_${tables}`, timeoutMs: 30_000 });
    },
  };
  if (server.missing) {
    describe.skip(`${title} over PostgreSQL: ${server.missing}`, () => define(database));
    return;
  }
  describe(`${title} over PostgreSQL`, () => {
    beforeAll(async () => {
      url = new URL(await server.start());
      await query(url, `CREATE SCHEMA ${schema}`);
      url.searchParams.set('options', `-c search_path=${schema}`);
    }, 60_000);
    define(database);
    // After what the tests themselves have to do in the end.
    afterAll(async () => {
      await query(url, `DROP SCHEMA ${schema} CASCADE`);
      await server.stop();
    }, 60_000);
  });
}

function tableAt(defaults: DatabaseOptions): Table {
  return {
    url: String(defaults.url),
    open: (options = {}) => createBackend({ ...defaults, ...options }),
  };
}

interface Driver {
  readonly Client: new (options: {
    connectionString: string;
  }) => { connect(): Promise<void>; query(sql: string): Promise<unknown>; end(): Promise<void> };
}

async function query(at: URL, sql: string): Promise<void> {
  const packageOfDriver = path.join(import.meta.dirname, '../../db/package.json');
  const { Client }: Driver = createRequire(packageOfDriver)('pg');
  const client = new Client({ connectionString: at.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
