import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { record, records, watchCommits } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let other: Database.Database;
beforeEach(() => {
  directory = temporaryDirectory();
  file = path.join(directory.path, 'sessions.sqlite3');
  other = new Database(file);
});
afterEach(() => {
  other.close();
  directory.remove();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The longest time in which no timer ran while the call was under way. */
async function longestBlockMs(call: Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  await call.catch(() => {});
  clearInterval(timer);
  return longest;
}

describe('while another connection holds the write lock', () => {
  it('rejects writes when their time is up, without blocking the event loop', async () => {
    const backend = sqliteBackend({ path: file, busyTimeoutMs: 600 });
    await backend.create(record('old'));
    other.exec('BEGIN IMMEDIATE');
    const start = performance.now();
    const writes = Promise.allSettled([
      backend.create(record('new')),
      backend.update(record('old', { data: 'second' }), 'first'),
      backend.touch(record('old'), 'first'),
      backend.delete(record('old').key),
    ]);
    expect(await longestBlockMs(writes)).toBeLessThan(400);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(await writes).toMatchObject(
      Array(4).fill({ status: 'rejected', reason: { code: 'SQLITE_BUSY' } }),
    );

    other.exec('COMMIT');
    await backend.create(record('next'));
    expect(backend.load(record('new').key)).toBeUndefined();
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    await backend.close();
  });

  it('reads', async () => {
    const backend = sqliteBackend({ path: file });
    await backend.create(record('old'));
    other.exec('BEGIN IMMEDIATE; DELETE FROM django_session');
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    other.exec('ROLLBACK');
    await backend.close();
  });

  it('keeps writes until it is released, and commits them together', async () => {
    other.pragma('journal_mode = WAL');
    const { database, commits } = watchCommits(new Database(file));
    const backend = sqliteBackend({ database, busyTimeoutMs: 10_000 });
    await backend.migrate();
    other.exec('BEGIN IMMEDIATE');
    const writes: Promise<unknown>[] = [];
    for (const each of records(10)) {
      writes.push(backend.create(each));
      await pause(2);
    }
    expect(commits.count).toBe(1);
    other.exec('COMMIT');
    await Promise.all(writes);
    expect(commits.count).toBe(2);
    await backend.close();
    database.close();
  });

  it('gives each write its own time', async () => {
    const backend = sqliteBackend({ path: file, busyTimeoutMs: 1000 });
    await backend.migrate();
    other.exec('BEGIN IMMEDIATE');
    const first = backend.create(record('first'));
    await pause(500);
    const second = backend.create(record('second'));
    await expect(first).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
    other.exec('COMMIT');
    await second;
    expect(backend.load(record('first').key)).toBeUndefined();
    await backend.close();
  });

  it('waits with close for the writes that wait', async () => {
    const backend = sqliteBackend({ path: file, busyTimeoutMs: 10_000 });
    await backend.migrate();
    other.exec('BEGIN IMMEDIATE');
    const write = backend.create(record('late'));
    const closed = backend.close();
    await pause(20);
    other.exec('COMMIT');
    await Promise.all([write, closed]);
    expect(other.prepare('SELECT count(*) FROM django_session').pluck().get()).toBe(1);
  });
});

describe('a write that waited too long because the event loop was blocked', () => {
  it('is rejected and never applied', async () => {
    const backend = sqliteBackend({ path: file, busyTimeoutMs: 300 });
    await backend.migrate();
    const write = backend.create(record('late'));
    const end = performance.now() + 400;
    while (performance.now() < end);
    await expect(write).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
    await backend.create(record('next'));
    expect(backend.load(record('late').key)).toBeUndefined();
    await backend.close();
  });
});

describe('while another connection holds the whole file', () => {
  it('gives up a read after a few milliseconds, and reads again afterwards', async () => {
    const writer = sqliteBackend({ database: other });
    await writer.create(record('old'));
    const backend = sqliteBackend({ path: file });
    other.exec('BEGIN EXCLUSIVE');
    const start = performance.now();
    expect(() => backend.load(record('old').key)).toThrow(
      expect.objectContaining({ code: 'SQLITE_BUSY' }),
    );
    expect(performance.now() - start).toBeLessThan(500);
    other.exec('COMMIT');
    expect(backend.load(record('old').key)).toMatchObject({ data: 'first' });
    await backend.close();
  });
});
