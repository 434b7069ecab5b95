import path from 'node:path';
import { type DatabaseBackend, sqliteBackend } from '@coatcheck/db';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { describeServers, type Place } from './database-servers.ts';
import { record } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// What `sessions.of(account)` asks of the database, with sessions of many others around.

const OTHERS = 5000;
const ends = '2100-01-01 00:00:00';

/** Statements that fill both tables with sessions of others, 500 rows at once. */
function* others(): Generator<string> {
  for (let first = 0; first < OTHERS; first += 500) {
    const keys = Array.from({ length: 500 }, (_, i) => `other${first + i}`);
    const sessions = keys.map((key) => `('${key}', 'x', '${ends}')`);
    yield `INSERT INTO django_session VALUES ${sessions.join(', ')}`;
    const notes = keys.map((key, i) => `('${key}', 'user${first + i}', '${ends}', '${ends}')`);
    yield `INSERT INTO django_session_account (session_key, account, created_at, seen_at) VALUES ${notes.join(', ')}`;
  }
}

/** Three sessions of the account; the tables are made on the way. */
async function storeOwn(backend: DatabaseBackend): Promise<void> {
  for (const name of ['one', 'two', 'three']) {
    const own = record(name);
    const note = { account: '7', address: null, userAgent: null };
    await backend.note({ ...note, key: own.key, seenAt: new Date(), expiresAt: own.expiresAt });
    await backend.create(own);
  }
}

describe('the sessions of an account on SQLite', () => {
  const prepared: string[] = [];
  let directory: ReturnType<typeof temporaryDirectory>;

  class Watched extends Database {
    override prepare(sql: string): never {
      prepared.push(sql);
      return super.prepare(sql) as never;
    }
  }

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  it('are found by one query through the indexes', async () => {
    const file = path.join(directory.path, 'x.sqlite3');
    const backend = sqliteBackend({ path: file, driver: Watched });
    await storeOwn(backend);
    const raw = new Database(file);
    for (const sql of others()) raw.exec(sql);
    prepared.length = 0;
    expect(await backend.noted('7')).toHaveLength(3);
    const [query = '', ...more] = prepared;
    expect(more).toEqual([]);
    const plan = raw.prepare(`EXPLAIN QUERY PLAN ${query}`).all(ends, '7') as { detail: string }[];
    expect(plan.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(
        /^SEARCH a USING INDEX django_session_account_account_\w+ \(account=\?\)$/,
      ),
      expect.stringMatching(
        /^SEARCH s USING INDEX sqlite_autoindex_django_session_1 \(session_key=\?\)/,
      ),
    ]);
    raw.close();
    await backend.close();
  });
});

describeServers('the sessions of an account', (kind) => {
  let place: Place;

  beforeAll(async () => {
    place = await kind.open();
  });
  afterAll(() => place.close());

  it('are found by one query through the indexes', async () => {
    const watched = place.watch();
    await storeOwn(watched.backend);
    for (const sql of others()) await place.query(sql);
    const tables = ['django_session', 'django_session_account'];
    const analyze = kind.name === 'MariaDB' ? 'ANALYZE TABLE' : 'ANALYZE';
    for (const table of tables) await place.query(`${analyze} ${table}`);
    watched.statements.length = 0;
    expect(await watched.backend.noted('7')).toHaveLength(3);
    const [query, ...more] = watched.statements;
    expect(more).toEqual([]);
    let next = 0;
    const values = query?.values ?? [];
    const literal = query?.sql.replace(
      /\$(\d)|\?/g,
      (_, n?: string) => `'${values[n === undefined ? next++ : Number(n) - 1]}'`,
    );
    const plan = JSON.stringify(await place.query(`EXPLAIN ${literal}`));
    expect(plan).toMatch(/django_session_account_account_\w+/);
    expect(plan).toMatch(/django_session_pkey|django_session_session_key_\w+_like|"key":"PRIMARY"/);
    expect(plan).not.toMatch(/Seq Scan|"type":"(?:ALL|index)"/);
    await watched.close();
  });
});
