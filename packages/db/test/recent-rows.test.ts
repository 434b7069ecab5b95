import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { RecentRows } from '../src/recent-rows.ts';
import { record, sqliteError } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let other: Database.Database;
let backend: ReturnType<typeof sqliteBackend>;
/** Loads that came to a SELECT. */
let selects: number;
let commitFailures: Error[];
let now: Date;

/** A driver that counts SELECTs of sessions, and whose commits may fail. */
class Watched extends Database {
  override prepare(sql: string): never {
    const statement = super.prepare(sql);
    if (/^SELECT "session_data"/.test(sql)) {
      const get = statement.get.bind(statement);
      statement.get = (...values) => {
        selects += 1;
        return get(...values);
      };
    }
    if (sql === 'COMMIT') {
      const run = statement.run.bind(statement);
      statement.run = (...values) => {
        const failure = commitFailures.shift();
        if (failure) throw failure;
        return run(...values);
      };
    }
    return statement as never;
  }
}

beforeEach(async () => {
  directory = temporaryDirectory();
  file = path.join(directory.path, 'sessions.sqlite3');
  commitFailures = [];
  now = new Date();
  backend = sqliteBackend({ path: file, driver: Watched, now: () => now });
  await backend.create(record('one'));
  await backend.create(record('two'));
  other = new Database(file);
  selects = 0;
});
afterEach(async () => {
  other.close();
  await backend.close();
  directory.remove();
});

const { key } = record('one');
const dataOf = (name: string) => {
  const stored = backend.load(record(name).key);
  return stored && 'data' in stored ? stored.data : undefined;
};

describe('a row that was read', () => {
  it('is not read again while nobody has changed it', () => {
    for (let i = 0; i < 10; i += 1) expect(dataOf('one')).toBe('first');
    expect(selects).toBe(1);
  });

  it('is not read again after a change of our own', async () => {
    expect(dataOf('one')).toBe('first');
    await backend.update(record('one', { data: 'second' }), 'first');
    expect(dataOf('one')).toBe('second');
    await backend.touch(record('one', { data: 'third' }), 'second');
    expect(dataOf('one')).toBe('third');
    expect(selects).toBe(1);
  });

  it('is gone once it was deleted here', async () => {
    for (const base of [undefined, 'again']) {
      expect(dataOf('one')).toBeDefined();
      expect(await backend.delete(key, base)).toBe(true);
      expect(dataOf('one')).toBeUndefined();
      await backend.create(record('one', { data: 'again' }));
      expect(dataOf('one')).toBe('again');
    }
  });

  it('is what another connection has made of it, at once', () => {
    expect(dataOf('one')).toBe('first');
    other
      .prepare("UPDATE django_session SET session_data = 'theirs' WHERE session_key = ?")
      .run(key);
    expect(dataOf('one')).toBe('theirs');
    other.prepare('DELETE FROM django_session WHERE session_key = ?').run(key);
    expect(dataOf('one')).toBeUndefined();
  });

  it('is not what another connection has yet to commit', () => {
    expect(dataOf('one')).toBe('first');
    other.exec("BEGIN; UPDATE django_session SET session_data = 'theirs'");
    expect(dataOf('one')).toBe('first');
    other.exec('COMMIT');
    expect(dataOf('one')).toBe('theirs');
  });

  it('ends when it expires', async () => {
    await backend.update(record('one', { expiresAt: new Date(now.getTime() + 1000) }), 'first');
    expect(dataOf('one')).toBe('first');
    now = new Date(now.getTime() + 999);
    expect(dataOf('one')).toBe('first');
    now = new Date(now.getTime() + 1);
    expect(dataOf('one')).toBeUndefined();
    // For those whose clock is behind, it still is one, until it is cleared.
    now = new Date(now.getTime() - 1);
    expect(dataOf('one')).toBe('first');
    await backend.clearExpired({ expiresAt: new Date(now.getTime() + 1) });
    expect(dataOf('one')).toBeUndefined();
    expect(dataOf('two')).toBe('first');
  });

  it('is as it was when a change of it could not be committed', async () => {
    expect(dataOf('one')).toBe('first');
    commitFailures = [sqliteError('SQLITE_FULL')];
    await expect(backend.update(record('one', { data: 'second' }), 'first')).rejects.toThrow();
    await backend.update(record('two', { data: 'second' }), 'first');
    expect([dataOf('one'), dataOf('two')]).toEqual(['first', 'second']);
    commitFailures = [sqliteError('SQLITE_BUSY')];
    await backend.update(record('one', { data: 'third' }), 'first');
    expect(dataOf('one')).toBe('third');
  });

  it('stays while other tables are changed, and is read again when some rows are cleared', async () => {
    const note = { key, account: '7', address: null, userAgent: null, seenAt: now };
    await backend.note({ ...note, expiresAt: record('one').expiresAt });
    expect(dataOf('one')).toBe('first');
    await backend.note({ ...note, expiresAt: record('one').expiresAt });
    await backend.forget('7', [key], new Date(now.getTime() + 1));
    expect(dataOf('one')).toBe('first');
    expect(selects).toBe(1);
    await backend.create(record('old', { expiresAt: new Date(0) }));
    await backend.clearExpired();
    expect(dataOf('one')).toBe('first');
    expect(selects).toBe(2);
  });

  it('may be changed by a trigger on another', async () => {
    other.exec(`CREATE TRIGGER "one each" AFTER UPDATE ON django_session BEGIN
      DELETE FROM django_session WHERE session_key <> NEW.session_key; END`);
    expect([dataOf('one'), dataOf('two')]).toEqual(['first', 'first']);
    await backend.update(record('two', { data: 'second' }), 'first');
    expect([dataOf('one'), dataOf('two')]).toEqual([undefined, 'second']);
  });

  it('may be changed by a trigger on itself', async () => {
    other.exec(`CREATE TRIGGER "marked" AFTER UPDATE ON django_session BEGIN
      UPDATE django_session SET session_data = 'marked' WHERE session_key = NEW.session_key; END`);
    expect(dataOf('one')).toBe('first');
    await backend.update(record('one', { data: 'second' }), 'first');
    expect(dataOf('one')).toBe('marked');
  });
});

describe('a table that lets SQLite remove rows uncounted', () => {
  const tableWith = (accountId: string): void => {
    other.exec(`DROP TABLE django_session; CREATE TABLE Django_Session (
      session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL,
      expire_date datetime NOT NULL, account_id ${accountId})`);
  };

  it.each(['from the beginning', 'later'])('is read each time, if it is that %s', async (when) => {
    const [one, two] = ['one', 'two'] as const;
    const of = (id: number) => ({ attributes: { account_id: id } });
    tableWith('integer NULL');
    const place = sqliteBackend({ path: file, columns: { account_id: { type: 'integer' } } });
    if (when === 'later') expect(place.load(key)).toBeUndefined();
    tableWith('integer NULL UNIQUE ON CONFLICT REPLACE');
    await place.create(record(one, of(7)));
    await place.create(record(two, of(8)));
    expect(place.load(key)).toMatchObject({ data: 'first' });
    await place.update(record(two, { data: 'second', ...of(7) }), 'first');
    expect(place.load(key)).toBeUndefined();
    await place.close();
  });
});

describe('a view', () => {
  it('is read each time', async () => {
    const columns = 'session_key, session_data, expire_date';
    other.exec(`CREATE TABLE kept (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL,
        expire_date datetime NOT NULL, account_id integer DEFAULT 7 UNIQUE ON CONFLICT REPLACE);
      DROP TABLE django_session; CREATE VIEW django_session AS SELECT ${columns} FROM kept;
      CREATE TRIGGER "inserted" INSTEAD OF INSERT ON django_session BEGIN
        INSERT INTO kept (${columns}) VALUES (NEW.session_key, NEW.session_data, NEW.expire_date); END`);
    await backend.create(record('one'));
    expect(dataOf('one')).toBe('first');
    await backend.create(record('two'));
    expect([dataOf('one'), dataOf('two')]).toEqual([undefined, 'first']);
  });
});

describe('a database of the application', () => {
  it('is read each time, for it may change rows on the same connection', () => {
    const own = sqliteBackend({ database: other });
    expect(own.load(key)).toMatchObject({ data: 'first' });
    other.exec("UPDATE django_session SET session_data = 'theirs'");
    expect(own.load(key)).toMatchObject({ data: 'theirs' });
    other.exec("BEGIN; UPDATE django_session SET session_data = 'undone'");
    expect(own.load(key)).toMatchObject({ data: 'undone' });
    other.exec('ROLLBACK');
    expect(own.load(key)).toMatchObject({ data: 'theirs' });
  });
});

describe('whatever two processes do', () => {
  it.each([1, 2, 3])('a load finds what is stored (%i)', async (seed) => {
    const second = sqliteBackend({ path: file });
    const stored = other.prepare(
      'SELECT session_data FROM django_session WHERE session_key = ? AND expire_date > ?',
    );
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let step = 0; step < 600; step += 1) {
      const one = record(`k${random(6)}x`, { data: `data ${step}` });
      const place = random(3) === 0 ? second : backend;
      const found = place.load(one.key);
      const base = found && 'data' in found ? found.data : undefined;
      const act = random(8);
      if (act === 0) await place.delete(one.key);
      else if (act <= 2 && base === undefined) await place.create(one);
      else if (act <= 4 && base !== undefined) await place.update(one, base);
      else if (act === 5)
        other.prepare('DELETE FROM django_session WHERE session_key = ?').run(one.key);
      for (const each of [backend, second]) {
        const looked = record(`k${random(6)}x`).key;
        const row = stored.get(looked, '2000') as { session_data: string } | undefined;
        expect(each.load(looked)).toEqual(
          row && expect.objectContaining({ data: row.session_data }),
        );
      }
    }
    await second.close();
  });
});

describe('RecentRows', () => {
  const row = { session_data: 'x', expire_date: '2030-01-01' };

  /** Reads as a connection does it; how often was the version asked for in vain? */
  function reader() {
    const counts = { version: 0, asked: 0, found: 0 };
    const rows = new RecentRows({
      dataVersion: () => {
        counts.asked += 1;
        return counts.version;
      },
      totalChanges: () => 0,
      definition: () => 'CREATE TABLE x (y text)',
    });
    const read = (name: string): void => {
      if (rows.get(name)) counts.found += 1;
      else rows.add(name, row);
    };
    return { counts, read };
  }

  it('knows nothing of a table that others have defined so, however often it is asked', () => {
    const rows = new RecentRows({
      dataVersion: () => 1,
      totalChanges: () => 1,
      definition: () => 'CREATE TABLE x (y integer UNIQUE ON CONFLICT REPLACE)',
    });
    expect(rows.get('a')).toBeUndefined();
    rows.add('a', row);
    rows.change('b', row);
    rows.prepareCommit();
    rows.commit();
    for (let i = 0; i < 400_000; i += 1)
      if (rows.get('a') || rows.get('b')) throw new Error(`${i}`);
  });

  it('asks seldom while others write all the time, and again when they have done', () => {
    const { counts, read } = reader();
    for (let i = 0; i < 10_000; i += 1) {
      counts.version += 1;
      read('a');
    }
    expect(counts.asked).toBeLessThan(400);
    expect(counts.found).toBe(0);
    for (let i = 0; i < 1000; i += 1) read('a');
    expect(counts.found).toBeGreaterThan(900);
  });

  it('asks seldom while there are many more sessions than room, and again when there are fewer', () => {
    const { counts, read } = reader();
    const visit = (sessions: number, visits: number): void => {
      for (let i = 0; i < visits; i += 1) read(`k${i % sessions}`);
    };
    visit(1_000_000, 1_000_000);
    expect(counts.asked).toBeLessThan(150_000);
    visit(1000, 400_000);
    counts.asked = 0;
    counts.found = 0;
    visit(1000, 50_000);
    expect(counts.found).toBeGreaterThan(49_000);
  });
});
