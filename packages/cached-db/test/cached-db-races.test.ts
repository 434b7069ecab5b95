import { LruCache } from '@coatcheck/cache';
import { type CachedDbBackend, cachedDbBackend } from '@coatcheck/cached-db';
import {
  BackendUnavailable,
  type SessionBackend,
  type SessionRecord,
  UpdateError,
} from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomTurns } from '../../core/test/support/sqlite-sessions.ts';
import { SteeredCache } from './steered-cache.ts';

/** Says: the database answers. */
const MARKER = '-';
const key = 'k'.repeat(32);
const inAnHour = () => new Date(Date.now() + 3_600_000);
const record = (data: string): SessionRecord => ({
  key,
  data,
  expiresAt: inAnHour(),
  attributes: {},
});

let database: SessionBackend;
let entries: LruCache;
let failures: unknown[];
beforeEach(() => {
  database = sqliteBackend({ path: ':memory:' });
  entries = new LruCache();
  failures = [];
});
afterEach(() => database.close());

/** A handle on the database and the cache that are shared, as another process has it. */
function open(on: SessionBackend = database): { cache: SteeredCache; backend: CachedDbBackend } {
  const cache = new SteeredCache(entries, 'later');
  const onCacheFailure = (error: unknown): void => void failures.push(error);
  // What is held by a test is not late.
  const backend = cachedDbBackend({ database: on, cache, onCacheFailure, cacheTimeoutMs: 30_000 });
  return { cache, backend };
}

const textIn = () => entries.get(key)?.text;
const dataOf = async (backend: SessionBackend) => (await backend.load(key))?.data;
const turns = () => randomTurns(3).then(() => new Promise((resolve) => setImmediate(resolve)));

describe('a reader that fills the cache with the row that it read', () => {
  it('does so when nothing happened meanwhile', async () => {
    await database.create(record('first'));
    const reader = open();
    const release = reader.cache.hold('add');
    expect(await dataOf(reader.backend)).toBe('first');
    release();
    await turns();
    expect(textIn()).toMatch(/:first$/);
  });

  it('does not bring a session back that was ended meanwhile', async () => {
    await database.create(record('first'));
    const [reader, other] = [open(), open()];
    const release = reader.cache.hold('add');
    expect(await dataOf(reader.backend)).toBe('first');
    expect(await other.backend.delete(key)).toBe(true);
    release();
    await turns();
    expect(textIn()).toBe(MARKER);
    for (const { backend } of [reader, other, open()])
      expect(await dataOf(backend)).toBe(undefined);
  });

  it('does not bring data back that were replaced meanwhile', async () => {
    const { base } = await open().backend.create(record('first'));
    entries.delete(key);
    const [reader, other] = [open(), open()];
    const release = reader.cache.hold('add');
    expect(await dataOf(reader.backend)).toBe('first');
    await other.backend.update(record('second'), base);
    release();
    await turns();
    for (const { backend } of [reader, other, open()]) expect(await dataOf(backend)).toBe('second');
  });

  it('leaves it when its database took longer than five seconds', async () => {
    await database.create(record('first'));
    const clock = jest.spyOn(performance, 'now');
    const slow = Object.create(database, {
      load: {
        value: (asked: string) => {
          const now = performance.now();
          clock.mockImplementation(() => now + 5001);
          return database.load(asked);
        },
      },
    }) as SessionBackend;
    try {
      expect(await dataOf(open(slow).backend)).toBe('first');
      await turns();
      expect(textIn()).toBe(undefined);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('a writer whose entry comes late', () => {
  it('does not hide what another one wrote after it', async () => {
    const [slow, fast] = [open(), open()];
    const { base } = await slow.backend.create(record('first'));
    const release = slow.cache.hold('replace');
    const writing = slow.backend.update(record('second'), base);
    while ((await database.load(key))?.data !== 'second') await turns();

    const refused = await fast.backend
      .update(record('third'), base)
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UpdateError);
    const { current } = refused as UpdateError;
    expect(current?.data).toBe('second');
    await fast.backend.update(record('third'), String(current?.base));
    release();
    await writing;
    for (const { backend } of [slow, fast, open()]) expect(await dataOf(backend)).toBe('third');
    expect(textIn()).toBe(MARKER);
  });

  it('brings no session back that was ended', async () => {
    const [slow, other] = [open(), open()];
    const { base } = await slow.backend.create(record('first'));
    const release = slow.cache.hold('replace');
    const writing = slow.backend.update(record('second'), base);
    while ((await database.load(key))?.data !== 'second') await turns();
    expect(await other.backend.delete(key)).toBe(true);
    release();
    await writing;
    for (const { backend } of [slow, other, open()]) expect(await dataOf(backend)).toBe(undefined);
  });

  it('says what it wrote before its handle is closed', async () => {
    const { cache, backend } = open();
    const { base } = await backend.create(record('first'));
    const release = cache.hold('replace');
    const writing = backend.update(record('second'), base);
    const closing = backend.close();
    await turns();
    release();
    await Promise.all([writing, closing]);
    expect(failures).toEqual([]);
    expect(textIn()).toMatch(/:second$/);
    database = sqliteBackend({ path: ':memory:' });
  });
});

describe('an entry without a row', () => {
  it('leads to no write, and is gone when one was tried', async () => {
    const { backend } = open();
    const { base } = await backend.create(record('first'));
    // As when a process died between the row and the entry.
    await database.delete(key);
    expect(await dataOf(backend)).toBe('first');
    expect(await backend.loadOriginal(key)).toBe(undefined);
    await expect(backend.update(record('second'), base)).rejects.toMatchObject({ reason: 'gone' });
    expect(textIn()).toBe(MARKER);
    expect(await dataOf(backend)).toBe(undefined);
  });

  it('is not renewed either', async () => {
    const { backend } = open();
    const { base } = await backend.create(record('first'));
    await database.delete(key);
    expect(await backend.touch(record('first'), base)).toBe(undefined);
    expect(await dataOf(backend)).toBe(undefined);
  });
});

describe('what a cache did not confirm', () => {
  // Writes to SQLite are done by setImmediate.
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is not asked for before it is told again, once a second', async () => {
    const { cache, backend } = open();
    const { base } = await backend.create(record('first'));
    cache.failure = new Error('down');
    await backend.update(record('second'), base);
    expect(textIn()).toMatch(/:first$/);
    await jest.advanceTimersByTimeAsync(5000);
    expect(failures.length).toBeGreaterThanOrEqual(5);

    cache.failure = undefined;
    expect(await dataOf(backend)).toBe('second');
    await jest.advanceTimersByTimeAsync(2000);
    expect(textIn()).toBe(MARKER);
    expect(await dataOf(backend)).toBe('second');
  });

  it('costs a new session nothing', async () => {
    const { cache, backend } = open();
    cache.failure = new Error('down');
    await expect(backend.delete(key)).rejects.toBeInstanceOf(BackendUnavailable);
    cache.failure = undefined;
    await backend.create({ ...record('first'), key: 'n'.repeat(32) });
    expect(cache.calls.add).toBe(undefined);
  });

  it('is told again for 10,000 keys, and for more than that every entry is left to end', async () => {
    const { cache, backend } = open();
    const keys = Array.from({ length: 10_050 }, (_, i) => String(i).padStart(32, 'k'));
    for (const each of keys) entries.set(each, 'old', inAnHour());
    await backend.create(record('first'));
    cache.failure = new Error('down');
    const outcomes = await Promise.allSettled(keys.map((each) => backend.delete(each)));
    // At once: ten thousand expectations take longer than what they are about.
    const others = outcomes.filter(
      (outcome) => outcome.status !== 'rejected' || outcome.reason.name !== 'BackendUnavailable',
    );
    expect(others).toEqual([]);
    cache.failure = undefined;
    await jest.advanceTimersByTimeAsync(2000);
    const left = keys.filter((each) => entries.get(each)?.text !== MARKER);
    expect(left).toEqual(keys.slice(10_000));

    // No entry is believed until the last one that may be wrong has ended.
    const asked = cache.calls.get;
    await jest.advanceTimersByTimeAsync(302_000);
    expect(await dataOf(backend)).toBe('first');
    expect(cache.calls.get).toBe(asked);
    await jest.advanceTimersByTimeAsync(2000);
    expect(await dataOf(backend)).toBe('first');
    expect(cache.calls.get).toBe((asked ?? 0) + 1);
  });

  it('is told once more when the handle is closed, and not after that', async () => {
    const { cache, backend } = open();
    await backend.create(record('first'));
    cache.failure = new Error('down');
    await expect(backend.delete(key)).rejects.toBeInstanceOf(BackendUnavailable);
    await backend.close();
    const { set } = cache.calls;
    expect(set).toBe(2);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(cache.calls.set).toBe(set);
    database = sqliteBackend({ path: ':memory:' });
  });
});
