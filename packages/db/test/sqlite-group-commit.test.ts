import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { record, records, sqliteError, watchCommits } from './sessions.ts';

let raw: Database.Database;
beforeEach(() => {
  raw = new Database(':memory:');
});
afterEach(() => {
  raw.close();
});

const rows = () => Number(raw.prepare('SELECT count(*) FROM django_session').pluck().get());

describe('group commit', () => {
  it('commits the writes of one turn of the event loop together', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    await Promise.all(records(100).map((each) => backend.create(each)));
    expect(commits.count).toBe(1);
    expect(rows()).toBe(100);
  });

  it('commits a write that comes alone by itself', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    for (const each of records(3)) await backend.create(each);
    expect(commits.count).toBe(3);
  });

  it('lets a refused write be refused alone', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    await backend.create(record('taken'));
    const outcomes = await Promise.allSettled([
      backend.create(record('one')),
      backend.create(record('taken', { data: 'second' })),
      backend.update(record('taken', { data: 'third' }), 'stale'),
      backend.update(record('unknown'), 'first'),
      backend.create(record('no-text', { data: {} as string })),
      backend.create(record('two')),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { name: 'CreateError' } },
      { status: 'rejected', reason: { name: 'UpdateError', reason: 'changed' } },
      { status: 'rejected', reason: { name: 'UpdateError', reason: 'gone' } },
      { status: 'rejected', reason: { name: expect.stringMatching(/Error$/) } },
      { status: 'fulfilled' },
    ]);
    expect(commits.count).toBe(2);
    expect(rows()).toBe(3);
    expect(backend.load(record('taken').key)).toMatchObject({ data: 'first' });
  });

  it('rejects all when the commit fails, stores none, and goes on afterwards', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    await backend.migrate();
    commits.failures.push(sqliteError('SQLITE_IOERR_FSYNC'));
    const outcomes = await Promise.allSettled(records(5).map((each) => backend.create(each)));
    expect(outcomes).toMatchObject(
      Array(5).fill({ status: 'rejected', reason: { code: 'SQLITE_IOERR_FSYNC' } }),
    );
    expect(rows()).toBe(0);
    await backend.create(record('next'));
    expect(rows()).toBe(1);
  });

  it('makes the table again when its making was rolled back', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    commits.failures.push(sqliteError('SQLITE_FULL'));
    await expect(backend.create(record('one'))).rejects.toMatchObject({ code: 'SQLITE_FULL' });
    expect(backend.load(record('one').key)).toBeUndefined();
    await backend.create(record('two'));
    expect(rows()).toBe(1);
  });

  it('tries again when a reader is in the way of the commit', async () => {
    const { database, commits } = watchCommits(raw);
    const backend = sqliteBackend({ database });
    commits.failures.push(sqliteError('SQLITE_BUSY'), sqliteError('SQLITE_BUSY'));
    await Promise.all(records(5).map((each) => backend.create(each)));
    expect(rows()).toBe(5);
    expect(commits.count).toBe(1);
  });
});

describe('a connection of the application', () => {
  it('keeps its own settings and stays open', async () => {
    raw.pragma('busy_timeout = 1234');
    raw.pragma('synchronous = OFF');
    const backend = sqliteBackend({ database: raw });
    await backend.create(record('one'));
    await expect(backend.create(record('one'))).rejects.toMatchObject({ name: 'CreateError' });
    expect(raw.pragma('busy_timeout', { simple: true })).toBe(1234);
    expect(raw.pragma('synchronous', { simple: true })).toBe(0);
    await backend.close();
    expect(raw.open).toBe(true);
  });

  it('takes the synchronous setting that it is given', () => {
    sqliteBackend({ database: raw, synchronous: 'NORMAL' });
    expect(raw.pragma('synchronous', { simple: true })).toBe(1);
  });

  it('lends no transaction of the application to a write', async () => {
    const backend = sqliteBackend({ database: raw, busyTimeoutMs: 10_000 });
    await backend.migrate();
    raw.exec('BEGIN');
    const write = backend.create(record('one'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(raw.inTransaction).toBe(true);
    raw.exec('ROLLBACK');
    await write;
    expect(rows()).toBe(1);
  });
});
