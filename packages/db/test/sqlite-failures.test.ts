import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type SqliteOptions, sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { record, records } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory();
  file = path.join(directory.path, 'sessions.sqlite3');
});
afterEach(() => {
  directory.remove();
});

/** A constructor like better-sqlite3's that keeps what it opened; it may open the first one differently. */
function driverThat(firstOptions: Database.Options = {}) {
  const opened: Database.Database[] = [];
  function Driver(name: string, options: Database.Options) {
    const database = new Database(name, opened.length ? options : { ...options, ...firstOptions });
    opened.push(database);
    return database;
  }
  return { driver: Driver, opened };
}

describe('a full database', () => {
  it('rejects what it cannot store, keeps what it has, and resumes when there is room', async () => {
    const { driver, opened } = driverThat();
    const backend = sqliteBackend({ path: file, driver });
    await backend.create(record('old'));
    const database = opened[0] as Database.Database;
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages + 50}`);

    const big = 'x'.repeat(20_000);
    const stored: string[] = [];
    const lost: string[] = [];
    for (const each of records(30, { data: big })) {
      const code = await backend.create(each).then(
        () => 'stored',
        (error) => error.code,
      );
      expect(code).toMatch(/^(stored|SQLITE_FULL)$/);
      (code === 'stored' ? stored : lost).push(each.key);
    }
    expect(stored.length).toBeGreaterThan(0);
    expect(lost.length).toBeGreaterThan(0);
    await expect(backend.update(record('old', { data: big }), 'first')).rejects.toMatchObject({
      code: 'SQLITE_FULL',
    });
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    for (const key of stored) expect(backend.load(key)).toMatchObject({ data: big });
    for (const key of lost) expect(backend.load(key)).toBeUndefined();

    database.pragma(`max_page_count = ${pages + 5000}`);
    await backend.update(record('old', { data: big }), 'first');
    for (const key of lost) await backend.create(record(key, { data: big }));
    await backend.close();
  });
});

describe('a database that cannot be written', () => {
  it('rejects writes, answers reads, and resumes when it can', async () => {
    const writer = sqliteBackend({ path: file });
    await writer.create(record('old'));
    const { driver } = driverThat({ readonly: true });
    const backend = sqliteBackend({ path: file, driver });
    await expect(backend.create(record('new'))).rejects.toMatchObject({ code: 'SQLITE_READONLY' });
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    await backend.create(record('new'));
    expect(writer.load(record('new').key)).toMatchObject({ data: 'first' });
    await Promise.all([backend.close(), writer.close()]);
  });

  it('stays as it is where the application opened it for reading', async () => {
    await sqliteBackend({ path: file }).create(record('old'));
    const database = new Database(file, { readonly: true });
    const backend = sqliteBackend({ database });
    const refusal = { code: 'SQLITE_READONLY' };
    await expect(backend.delete(record('old').key)).rejects.toMatchObject(refusal);
    await expect(backend.delete(record('old').key)).rejects.toMatchObject(refusal);
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    database.close();
  });
});

describe('the file', () => {
  it('is made for its owner alone, and the ones beside it too', async () => {
    const backend = sqliteBackend({ path: file });
    await backend.create(record('one'));
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(file + suffix).mode & 0o777).toBe(0o600);
    }
    await backend.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('keeps its mode when it was there', async () => {
    writeFileSync(file, '');
    chmodSync(file, 0o640);
    const backend = sqliteBackend({ path: file });
    await backend.create(record('one'));
    expect(statSync(file).mode & 0o777).toBe(0o640);
    await backend.close();
  });

  it.each([
    ['a path', (name: string) => name],
    ['sqlite: and a path', (name: string) => `sqlite:${name}`],
    ['sqlite:// and a path', (name: string) => `sqlite://${name}`],
    ['a file: URL', (name: string) => pathToFileURL(name)],
  ])('is named by %s', async (_, place) => {
    await sqliteBackend({ path: place(file) }).close();
    expect(existsSync(file)).toBe(true);
  });

  it('is not needed for sqlite::memory:', async () => {
    const backend = sqliteBackend({ path: 'sqlite::memory:' });
    await backend.create(record('one'));
    expect(backend.load(record('one').key)).toMatchObject({ data: 'first' });
    await backend.close();
  });

  it('is written in WAL mode, synchronously unless told otherwise', async () => {
    for (const [synchronous, value] of [
      [undefined, 2],
      ['FULL', 2],
      ['NORMAL', 1],
    ] as const) {
      const { driver, opened } = driverThat();
      const backend = sqliteBackend({ path: file, driver, synchronous });
      await backend.migrate();
      expect(opened[0]?.pragma('synchronous', { simple: true })).toBe(value);
      expect(opened[0]?.pragma('journal_mode', { simple: true })).toBe('wal');
      await backend.close();
    }
  });
});

describe('the table', () => {
  it('is not made by reading', async () => {
    const backend = sqliteBackend({ path: file });
    expect(backend.load(record('one').key)).toBeUndefined();
    expect(await backend.clearExpired()).toBe(0);
    expect(await backend.clearExpired({ dryRun: true })).toBe(0);
    await backend.close();
    expect(statSync(file).size).toBe(0);
  });

  it('is made by migrate, once', async () => {
    const backend = sqliteBackend({ path: file });
    expect(await backend.migrate()).toBe(true);
    expect(await backend.migrate()).toBe(false);
    await backend.close();
  });

  it('is made by the first write, also after somebody dropped it', async () => {
    const backend = sqliteBackend({ path: file });
    await backend.create(record('one'));
    const other = new Database(file);
    other.exec('DROP TABLE django_session');
    expect(backend.load(record('one').key)).toBeUndefined();
    await backend.create(record('one', { data: 'second' }));
    expect(backend.load(record('one').key)).toMatchObject({ data: 'second' });
    other.exec('DROP TABLE django_session');
    await backend.create(record('one', { data: 'third' }));
    expect(backend.load(record('one').key)).toMatchObject({ data: 'third' });
    other.close();
    await backend.close();
  });

  it('may have another name', async () => {
    const database = new Database(':memory:');
    await sqliteBackend({ database, table: 'visitors' }).migrate();
    const names = database.prepare('SELECT name FROM sqlite_master WHERE sql NOT NULL').pluck();
    expect(names.all()).toEqual(['visitors', expect.stringMatching(/^visitors_expire_date_/)]);
    database.close();
  });

  it('has room for hashed keys, or is refused', async () => {
    const database = new Database(':memory:');
    const hashed = { key: 'f'.repeat(64) };
    const backend = sqliteBackend({ database, hashKeys: true });
    await backend.create(record('', hashed));
    expect(backend.load(hashed.key)).toMatchObject({ data: 'first' });

    await sqliteBackend({ database, table: 'narrow' }).migrate();
    const narrow = sqliteBackend({ database, table: 'narrow', hashKeys: true });
    const refusal = { name: 'ImproperlyConfigured', message: expect.stringContaining('hashKeys') };
    expect(() => narrow.load(hashed.key)).toThrow(expect.objectContaining(refusal));
    await expect(narrow.create(record('', hashed))).rejects.toMatchObject(refusal);
    database.close();
  });
});

describe('a wrong setting', () => {
  const wrong: [string, () => SqliteOptions, RegExp][] = [
    ['no database', () => ({}), /db\.url is missing/],
    ['two databases', () => ({ path: file, database: new Database(':memory:') }), /db\.url/],
    ['an empty path', () => ({ path: 'sqlite:' }), /db\.url names no file/],
    [
      'a missing directory',
      () => ({ path: path.join(file, 'a', 'b') }),
      /directory .* db\.url does not exist/,
    ],
    ['a directory', () => ({ path: directory.path }), /db\.url/],
    [
      'a file in a file',
      () => ({ path: path.join(import.meta.dirname, 'sessions.ts', 'x') }),
      /db\.url/,
    ],
    ['another kind of file', () => ({ path: notADatabase() }), /db\.url is not an SQLite database/],
    ['an unknown zone', () => ({ path: ':memory:', timeZone: 'Mars/Base' }), /db\.timeZone/],
    ['a table with a quote', () => ({ path: ':memory:', table: 'a"b' }), /db\.table/],
    ['a time of zero', () => ({ path: ':memory:', busyTimeoutMs: 0 }), /db\.busyTimeoutMs/],
    ['OFF', () => ({ path: ':memory:', synchronous: 'OFF' as 'FULL' }), /db\.synchronous/],
    ['no constructor', () => ({ path: ':memory:', driver: 'better-sqlite3' }), /db\.driver/],
  ];

  function notADatabase(): string {
    mkdirSync(directory.path, { recursive: true });
    writeFileSync(file, 'not a database, but long enough to have a header of its own'.repeat(20));
    return file;
  }

  it.each(wrong)('fails at once and says what to do: %s', (_, options, message) => {
    expect(() => sqliteBackend(options())).toThrow(
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringMatching(message),
      }),
    );
  });

  it('a missing driver is named with the command that installs it', () => {
    jest.isolateModules(() => {
      jest.doMock('better-sqlite3', () => {
        throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
      });
      expect(() => sqliteBackend({ path: ':memory:' })).toThrow(
        expect.objectContaining({
          name: 'ImproperlyConfigured',
          message: expect.stringContaining('npm install better-sqlite3'),
        }),
      );
    });
  });

  it('takes the driver as a module namespace too', async () => {
    const backend = sqliteBackend({ path: ':memory:', driver: { default: Database } });
    await backend.migrate();
    await backend.close();
  });
});
