import { createSessions } from '@coatcheck/core';
import type { ColumnType, DatabaseBackend } from '@coatcheck/db';
import { mysqlBackend, postgresqlBackend, type ServerOptions, sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { describeServers, type TextRow } from './database-servers.ts';
import { record } from './sessions.ts';

/** Names that must not reach a statement; the last ones differ from good ones only to the eye or in length. */
const hostileNames = [
  ...['', ' ', 's"; DROP TABLE x; --', "s'; DROP TABLE x; --", 's`; DROP TABLE x; --'],
  ...[
    'a b',
    'a-b',
    'a.b',
    'a..b',
    '.a',
    'a.',
    '"a"',
    '`a`',
    "'a'",
    '[a]',
    'a;',
    'a--',
    'a/*',
    '*/',
  ],
  ...['a\0', '\0', 'a\0b', 'a\nb', 'a\r', 'a\t', '\u2028a', 'a\u00a0', '\ufeffa', 'a\u200b'],
  ...['1a', '9', '-a', '$1', 'a$1', '?', 'a?', ':a', '@a', '#a', '%s', 'a\\', '\\', 'a/b', '../a'],
  ...['ä', 'sеssions', 'ｓessions', 'a😀', '\ud83d', 'a'.repeat(64), 'a'.repeat(200)],
];

const makers: Record<string, (options: ServerOptions) => DatabaseBackend> = {
  SQLite: (options) => sqliteBackend({ path: ':memory:', ...options }),
  PostgreSQL: (options) => postgresqlBackend({ url: 'postgres://localhost/x', ...options }),
  MySQL: (options) => mysqlBackend({ url: 'mysql://localhost/x', ...options }),
};
const misconfigured = (text: string) =>
  expect.objectContaining({
    name: 'ImproperlyConfigured',
    message: expect.stringContaining(text),
  });

describe.each(Object.entries(makers))('names on %s', (_, make) => {
  it('are refused at the start when they are not plain, for the table and for columns', () => {
    expect(hostileNames.length).toBeGreaterThanOrEqual(50);
    for (const name of hostileNames) {
      expect(() => make({ table: name })).toThrow(misconfigured('db.table'));
      expect(() => make({ columns: { [name]: 'integer' } })).toThrow(misconfigured('db.columns'));
    }
    expect(() => make({ table: {} as string })).toThrow(misconfigured('db.table'));
  });

  it('of columns are Django’s own and each other’s no second time', () => {
    for (const name of ['rowid', 'OID', '_rowid_', 'session_key', 'Session_Data', 'EXPIRE_DATE']) {
      expect(() => make({ columns: { [name]: 'integer' } })).toThrow(misconfigured(name));
    }
    expect(() => make({ columns: { a: 'integer', A: 'integer' } })).toThrow(misconfigured('A'));
  });

  it.each([
    'json',
    'integer; DROP TABLE x',
    'varchar',
    'varchar(0)',
    'varchar(99999)',
    'VARCHAR(5)',
    '',
    undefined,
    null,
  ])('go with no type such as %p', (type) => {
    const columns = { account_id: { type: type as ColumnType } };
    expect(() => make({ columns })).toThrow(misconfigured('account_id'));
  });

  it('of a text have no index', () => {
    const columns = { note: { type: 'text', index: true } } as const;
    expect(() => make({ columns })).toThrow(misconfigured('note'));
  });
});

interface TablePlace {
  backend(options: ServerOptions): DatabaseBackend;
  query(sql: string): Promise<TextRow[]>;
}

/** The tests of a custom table, for one kind of database. */
function customTableTests(place: () => TablePlace): void {
  const table = 'custom_sessions';
  const columns = {
    account_id: { type: 'integer', index: true },
    email: { type: 'varchar(100)', index: true },
    visits: 'bigint',
    note: 'text',
  } as const;
  let backend: DatabaseBackend;
  beforeEach(() => {
    backend = place().backend({ table, columns });
  });
  afterEach(() => backend.close());
  const rows = async (what = '*') =>
    (await place().query(`SELECT ${what} FROM ${table}`)).map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
      ),
    );

  it('test_extra_session_field: an account column is filled from the session, and emptied', async () => {
    const sessions = createSessions<Record<string, unknown>>({
      backend,
      secretKey: SECRET_KEY,
      operationTimeoutMs: 30_000,
      attributes: ({ get }) => ({ account_id: Number(get('_auth_user_id')) || null }),
    });
    const session = sessions.open();
    session.set('_auth_user_id', '42');
    await session.save();
    expect(await rows('account_id')).toEqual([{ account_id: '42' }]);
    session.pop('_auth_user_id');
    await session.save();
    expect(await rows('account_id')).toEqual([{ account_id: null }]);
  });

  it('is made by migrate, with its columns and indexes', async () => {
    expect(await backend.migrate()).toBe(true);
    expect(await backend.migrate()).toBe(false);
    const attributes = {
      account_id: 2 ** 31 - 1,
      email: 'a@b.example',
      visits: 2 ** 53 - 1,
      note: '😀'.repeat(1000),
    };
    await backend.create(record('one', { attributes }));
    expect(await rows('account_id, email, visits, note')).toEqual([
      Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)])),
    ]);
  });

  it('is written by create, update and touch, an absent attribute as null', async () => {
    await backend.create(record('one', { attributes: { account_id: 1, email: 'e' } }));
    expect(await rows('account_id, email')).toEqual([{ account_id: '1', email: 'e' }]);
    await backend.update(record('one', { data: 'b', attributes: { account_id: 2 } }), 'first');
    expect(await rows('account_id, email')).toEqual([{ account_id: '2', email: null }]);
    await backend.touch(record('one', { data: 'b', attributes: { email: 'f' } }), 'b');
    expect(await rows('account_id, email')).toEqual([{ account_id: null, email: 'f' }]);
  });

  it('keeps what an update that meets a conflict would have changed', async () => {
    await backend.create(record('one', { attributes: { account_id: 1 } }));
    const late = record('one', { data: 'b', attributes: { account_id: 2 } });
    await expect(backend.update(late, 'stale')).rejects.toMatchObject({ reason: 'changed' });
    expect(await rows('account_id, session_data')).toEqual([
      { account_id: '1', session_data: 'first' },
    ]);
  });

  it('refuses an attribute that has no column, by name', async () => {
    const attributes = { account_id: 1, toString: 1 } as unknown as Record<string, number>;
    for (const call of [
      () => backend.create(record('one', { attributes })),
      () => backend.update(record('one', { attributes }), 'first'),
    ]) {
      await expect(call()).rejects.toEqual(misconfigured('toString'));
    }
  });

  it('that is there already and lacks a column stops the first use, by name', async () => {
    await backend.migrate();
    const wider = place().backend({ table, columns: { ...columns, extra: 'text' } });
    for (const call of [
      async () => wider.load('x'),
      () => wider.create(record('one')),
      () => wider.migrate(),
    ]) {
      await expect(call()).rejects.toEqual(misconfigured('extra'));
    }
    await wider.close();
  });

  it('that Django made is too narrow for digests, which stops the first use', async () => {
    await backend.migrate();
    const hashing = place().backend({ table, hashKeys: true });
    for (const call of [async () => hashing.load('x'), () => hashing.create(record('one'))]) {
      await expect(call()).rejects.toEqual(misconfigured('hashKeys'));
    }
    await hashing.close();
  });

  it('for digests has keys of 64 characters', async () => {
    const hashing = place().backend({ table: 'hashed', hashKeys: true });
    const key = 'f'.repeat(64);
    await hashing.create(record('one', { key }));
    expect(await hashing.load(key)).toMatchObject({ data: 'first' });
    await hashing.close();
  });
}

describe('a custom table on SQLite', () => {
  let database: Database.Database;
  beforeEach(() => {
    database = new Database(':memory:');
  });
  afterEach(() => {
    database.close();
  });
  customTableTests(() => ({
    backend: (options) => sqliteBackend({ database, ...options }),
    query: async (sql) => database.prepare<[], TextRow>(sql).all(),
  }));

  it('has the definition that Django writes', async () => {
    const columns = { account_id: { type: 'integer', index: true } } as const;
    await sqliteBackend({ database, table: 'custom_sessions', columns }).migrate();
    const made = database.prepare('SELECT sql FROM sqlite_master WHERE sql NOT NULL').pluck();
    expect(made.all()).toEqual([
      'CREATE TABLE "custom_sessions" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL, "account_id" integer NULL)',
      'CREATE INDEX "custom_sessions_expire_date_d3fa7a97" ON "custom_sessions" ("expire_date")',
      'CREATE INDEX "custom_sessions_account_id_10f176f6" ON "custom_sessions" ("account_id")',
    ]);
  });
});

describeServers('a custom table', (kind) => {
  let place: Awaited<ReturnType<typeof kind.open>>;
  beforeEach(async () => {
    place = await kind.open();
  });
  afterEach(() => place.close());
  customTableTests(() => place);

  it('takes the longest name that there is', async () => {
    const table = 't'.repeat(63);
    const columns = { ['c'.repeat(63)]: { type: 'varchar(10)', index: true } } as const;
    const backend = place.backend({ table, columns });
    await backend.create(record('one'));
    expect(await backend.load(record('one').key)).toBeDefined();
    await backend.close();
  });

  it('is named as it is written, be it a word of SQL or in capitals', async () => {
    for (const table of ['Order', 'SELECT', 'user']) {
      const backend = place.backend({ table, columns: { Group: 'integer' } });
      await backend.create(record('one', { attributes: { Group: 1 } }));
      expect(await backend.load(record('one').key)).toBeDefined();
      await backend.close();
    }
  });
});
