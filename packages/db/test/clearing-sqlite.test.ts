import path from 'node:path';
import { type DatabaseBackend, sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { record, records, sqliteError } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const past = { expiresAt: new Date(0) };
let directory: ReturnType<typeof temporaryDirectory>;
const settings: string[] = [];

/** A driver that tells what `synchronous` is set to. */
class Watched extends Database {
  override pragma(source: string, options?: Database.PragmaOptions): unknown {
    if (source.startsWith('synchronous =')) settings.push(source.slice(14));
    return super.pragma(source, options);
  }
}

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

describe('clearing an SQLite file', () => {
  it('waits for the disk neither itself nor with the lock, and leaves everything else as it was', async () => {
    const backend = sqliteBackend({
      path: path.join(directory.path, 'x.sqlite3'),
      driver: Watched,
    });
    await Promise.all(records(3, past).map((each) => backend.create(each)));
    settings.length = 0;
    expect(await backend.clearExpired()).toBe(3);
    expect(settings).toEqual(['NORMAL', 'FULL']);
    expect(await backend.reportSafety()).toContainEqual(
      expect.objectContaining({ about: 'SQLite durability', level: 'safe' }),
    );
    await backend.close();
  });

  it('waits for the disk where a session is written in the same transaction', async () => {
    const backend = sqliteBackend({
      path: path.join(directory.path, 'x.sqlite3'),
      driver: Watched,
    });
    await Promise.all(records(3, past).map((each) => backend.create(each)));
    settings.length = 0;
    const clearing = backend.clearExpired();
    // The clearing has asked whether there is anything, and now waits for the same turn.
    await Promise.resolve();
    await backend.create(record('written meanwhile'));
    expect(await clearing).toBe(3);
    expect(settings).toEqual([]);
    await backend.close();
  });

  it('waits for the disk with what comes after, whatever failed meanwhile', async () => {
    const file = path.join(directory.path, 'x.sqlite3');
    let isBroken = false;
    const commits: unknown[] = [];
    class Failing extends Database {
      override pragma(source: string, options?: Database.PragmaOptions): unknown {
        if (isBroken && source === 'synchronous = FULL') {
          isBroken = false;
          throw sqliteError('SQLITE_BUSY');
        }
        return super.pragma(source, options);
      }
      override prepare(sql: string): never {
        if (sql !== 'COMMIT') return super.prepare(sql) as never;
        const run = () => {
          commits.push(super.pragma('synchronous', { simple: true }));
          return super.prepare(sql).run();
        };
        return { reader: false, run } as never;
      }
    }
    const backend = sqliteBackend({ path: file, driver: Failing, busyTimeoutMs: 30_000 });
    await Promise.all(records(3, past).map((each) => backend.create(each)));
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    isBroken = true;
    const clearing = backend.clearExpired();
    while (isBroken) await new Promise((resolve) => setImmediate(resolve));
    const creating = backend.create(record('written meanwhile'));
    other.exec('COMMIT');
    await creating;
    expect(await clearing).toBe(3);
    // 2 is FULL.
    expect(commits.slice(0, 2)).toEqual([2, 2]);
    other.close();
    await backend.close();
  });

  it('waits for the disk where live sessions are ended', async () => {
    const backend = sqliteBackend({
      path: path.join(directory.path, 'x.sqlite3'),
      driver: Watched,
    });
    await backend.create(record('live'));
    settings.length = 0;
    expect(await backend.clearExpired({ expiresAt: new Date(4e12) })).toBe(1);
    expect(settings).toEqual([]);
    await backend.close();
  });

  it('removes what has no date that it could go on from', async () => {
    const file = path.join(directory.path, 'x.sqlite3');
    const backend = sqliteBackend({ path: file });
    await backend.migrate();
    const raw = new Database(file);
    for (const [i, date] of ['', '', 'never', '0001-01-01', '1969-07-20 20:17:40', '~'].entries()) {
      raw.prepare("INSERT INTO django_session VALUES (?, 'x', ?)").run(`key${i}`, date);
    }
    // Texts after every date are not over, as for Django, which compares them as texts too.
    expect(await backend.clearExpired({ batchSize: 1 })).toBe(4);
    expect(raw.prepare('SELECT expire_date FROM django_session').pluck().all()).toEqual([
      'never',
      '~',
    ]);
    raw.close();
    await backend.close();
  });
});

describe('clearing an SQLite database of the application', () => {
  it('takes the places of rows as BigInts too', async () => {
    const database = new Database(path.join(directory.path, 'x.sqlite3'));
    database.defaultSafeIntegers(true);
    const backend = sqliteBackend({ database });
    await Promise.all(records(3, past).map((each) => backend.create(each)));
    expect(await backend.clearExpired()).toBe(3);
    await backend.close();
    database.close();
  });
});

describe('clearing an SQLite file in a process without visitors', () => {
  const file = () => path.join(directory.path, 'x.sqlite3');
  let backend: DatabaseBackend;
  let other: Database.Database;
  let passed = 0;

  beforeEach(async () => {
    passed = 0;
    jest.spyOn(globalThis.performance, 'now').mockImplementation(() => passed);
    backend = sqliteBackend({ path: file(), driver: Watched });
    await backend.migrate();
    other = new Database(file());
    const insert = other.prepare('INSERT INTO django_session VALUES (?, ?, ?)');
    other.transaction(() => {
      for (let i = 0; i < 3000; i += 1) {
        const date = i % 3 === 0 ? '9999-01-01 00:00:00' : `2020-01-01 00:${10 + (i % 50)}:00`;
        insert.run(`key${i}`, 'x'.repeat(300), date);
      }
    })();
    settings.length = 0;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    other.close();
    await backend.close();
  });

  const left = () => other.prepare('SELECT session_key FROM django_session').pluck().all();
  const live = Array.from({ length: 1000 }, (_, i) => `key${3 * i}`);
  const writtenBack = () => {
    const [{ log, checkpointed }] = other.pragma('wal_checkpoint(PASSIVE)') as [
      { log: number; checkpointed: number },
    ];
    return checkpointed === log;
  };

  it('makes nobody else write back what it has written, once nobody else writes', async () => {
    const seen: boolean[] = [];
    expect(
      await backend.clearExpired({
        batchSize: 100,
        onProgress() {
          passed += 5000;
          seen.push(writtenBack());
        },
      }),
    ).toBe(2000);
    // The first batch was still one beside others, and the second is held back.
    expect(seen[0]).toBe(true);
    expect(seen.slice(2)).toEqual(Array(18).fill(false));
    expect(writtenBack()).toBe(true);
    expect(left().sort()).toEqual(live.sort());
  });

  it('never holds up visitors of its own process: what it wrote is written back after each batch', async () => {
    await backend.load('key0');
    const seen: boolean[] = [];
    const onProgress = () => {
      passed += 5000;
      seen.push(writtenBack());
    };
    expect(await backend.clearExpired({ batchSize: 100, onProgress })).toBe(2000);
    expect(seen).toEqual(Array(20).fill(true));
  });

  it('waits for the disk itself then, so that the commit of a visitor need not', async () => {
    await backend.clearExpired({
      batchSize: 100,
      onProgress: () => {
        passed += 5000;
      },
    });
    // The first batch alone did not wait.
    expect(settings).toEqual(['NORMAL', 'FULL']);
  });

  it('makes way again when another connection writes', async () => {
    let batches = 0;
    const seen: boolean[] = [];
    await backend.clearExpired({
      batchSize: 100,
      onProgress() {
        batches += 1;
        passed += batches < 5 ? 5000 : 0;
        if (batches === 5) other.exec("UPDATE django_session SET session_data = 'y' LIMIT 1");
        if (batches > 5) seen.push(writtenBack());
      },
    });
    expect(seen).toEqual(Array(15).fill(true));
    expect(left().sort()).toEqual(live.sort());
  });

  it('ends when the backend is closed meanwhile, and leaves nothing open', async () => {
    let closing: Promise<void> | undefined;
    const removed = await backend.clearExpired({
      batchSize: 100,
      onProgress(cleared) {
        passed += 5000;
        if (cleared === 500) closing = backend.close();
      },
    });
    await closing;
    expect(removed).toBe(500);
    other.pragma('journal_mode = DELETE');
    expect(other.pragma('journal_mode', { simple: true })).toBe('delete');
  });

  it('spares a row that has been put in the place of an expired one', async () => {
    let isRenewed = false;
    const removed = await backend.clearExpired({
      batchSize: 100,
      onProgress() {
        if (isRenewed) return;
        isRenewed = true;
        other.exec(
          "UPDATE django_session SET expire_date = '9999-01-01' WHERE session_key = 'key2999'",
        );
      },
    });
    expect(removed).toBe(1999);
    expect(left()).toContain('key2999');
  });
});
