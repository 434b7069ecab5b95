import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { RedisCache, redisClientOptions } from '@coatcheck/cache';
import { cachedDbBackend, type DjangoCacheOptions, withDjangoCache } from '@coatcheck/cached-db';
import {
  BackendUnavailable,
  createSessions,
  type SessionBackend,
  type SessionRecord,
  UpdateError,
} from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { withHook } from './hooked-backend.ts';

const key = 'k'.repeat(32);
const record = (data: string, ms = 3_600_000): SessionRecord => ({
  key,
  data,
  expiresAt: new Date(Date.now() + ms),
  attributes: {},
});

let database: SessionBackend;
/** What happened, in this order. */
let steps: string[];
let failure: Error | undefined;
const drop = async (dropped: string) => {
  steps.push(`drop ${dropped[0]}`);
  if (failure) throw failure;
};
beforeEach(() => {
  steps = [];
  failure = undefined;
  database = withHook(sqliteBackend({ path: ':memory:' }), async () => void steps.push('row'));
});

function open(options: Partial<DjangoCacheOptions> = {}, on = database): SessionBackend {
  return withDjangoCache(on, { drop, onFailure: () => undefined, ...options });
}

describe('a session in a table that Django caches', () => {
  let backend: SessionBackend;
  afterEach(() => backend.close());

  it('is dropped before each write and after it', async () => {
    backend = open();
    const { base } = await backend.create(record('first'));
    expect(steps).toEqual([]);
    const updated = await backend.update(record('second'), base);
    expect(steps.splice(0)).toEqual(['drop k', 'row', 'drop k']);
    await backend.touch(record('second'), updated.base);
    expect(steps.splice(0)).toEqual(['drop k', 'row', 'drop k']);
    await backend.delete(key, 'second');
    expect(steps.splice(0)).toEqual(['drop k', 'row', 'drop k']);
    expect(await backend.delete(key)).toBe(false);
    expect(steps.splice(0)).toEqual(['drop k', 'row', 'drop k']);
  });

  it('is read without a look at the cache, and at once where the database answers at once', async () => {
    backend = open();
    failure = new Error('down');
    await backend.create(record('first'));
    expect(backend.answers).toBe('synchronously');
    expect(backend.load(key)).toMatchObject({ data: 'first' });
    expect(steps).toEqual([]);
  });

  it('is not written where it cannot be dropped first', async () => {
    backend = open();
    const { base } = await backend.create(record('first'));
    failure = new Error('down');
    for (const write of [
      () => backend.update(record('second'), base),
      () => backend.touch(record('first', 1), base),
      () => backend.delete(key),
    ]) {
      const error = await Promise.resolve(write()).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BackendUnavailable);
      expect(error).toMatchObject({ ambiguous: false });
    }
    expect(steps).not.toContain('row');
    expect(backend.load(key)).toMatchObject({ data: 'first' });
  });

  it('counts as written or not where it cannot be dropped afterwards', async () => {
    const failing = withHook(database, async () => {
      failure = new Error('down');
    });
    backend = open({}, failing);
    const { base } = await backend.create(record('first'));
    await expect(backend.update(record('second'), base)).rejects.toMatchObject({
      name: 'BackendUnavailable',
      ambiguous: true,
    });
    failure = undefined;
  });

  it('is refused at once where the cache is known to be down, but for one try a second', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      backend = open();
      const { base } = await backend.create(record('first'));
      failure = new Error('down');
      const write = () => backend.update(record('second'), base);
      for (let i = 0; i < 10; i += 1) await expect(write()).rejects.toThrow('Nothing was written');
      expect(steps).toHaveLength(5);
      // What needs no confirmation goes on.
      await backend.create({ ...record('new'), key: 'n'.repeat(32) });
      await jest.advanceTimersByTimeAsync(1100);
      failure = undefined;
      await write();
    } finally {
      jest.useRealTimers();
    }
  });

  it('is not waited for longer than timeoutMs', async () => {
    backend = open({ timeoutMs: 20, drop: () => new Promise(() => undefined) });
    const { base } = await backend.create(record('first'));
    await expect(backend.update(record('second'), base)).rejects.toMatchObject({
      name: 'BackendUnavailable',
      ambiguous: false,
    });
  });

  it('is dropped again at the end, whatever became of its writes', async () => {
    backend = open();
    const { base } = await backend.create(record('first'));
    await expect(backend.update(record('second'), 'other')).rejects.toBeInstanceOf(UpdateError);
    const writing = backend.update(record('second'), base);
    steps.length = 0;
    await Promise.all([writing, backend.close()]);
    expect(steps).toEqual(['row', 'drop k', 'drop k']);
  });

  it('whose write failed is dropped all the same, since it may have been done', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      backend = open();
      const { base } = await backend.create(record('first'));
      database.update = () => Promise.reject(new Error('The connection was lost.'));
      await expect(backend.update(record('second'), base)).rejects.toThrow('lost');
      steps.length = 0;
      await jest.advanceTimersByTimeAsync(60_000);
      expect(steps).toEqual(Array.from({ length: 5 }, () => 'drop k'));
    } finally {
      jest.useRealTimers();
    }
  });

  it('that ends before its time with many others has all of them dropped', async () => {
    const dropAll = async () => void steps.push('drop all');
    backend = open({ dropAll });
    await backend.create(record('first'));
    const later = new Date(Date.now() + 7_200_000);
    expect(await backend.clearExpired()).toBe(0);
    expect(await backend.clearExpired({ expiresAt: later, dryRun: true })).toBe(1);
    expect(steps).toEqual([]);
    expect(await backend.clearExpired({ expiresAt: later })).toBe(1);
    expect(steps).toEqual(['drop all']);
  });

  it('does not end before its time where the others cannot be dropped', async () => {
    backend = open();
    await backend.create(record('first'));
    const later = new Date(Date.now() + 7_200_000);
    await expect(backend.clearExpired({ expiresAt: later })).rejects.toMatchObject({
      name: 'ImproperlyConfigured',
      message: expect.stringContaining('dropAll'),
    });
    expect(backend.load(key)).toBeDefined();
  });

  it('may have a cache of our own in front of it as well', async () => {
    const cached = cachedDbBackend({
      database: open(),
      cache: new RedisCache({ url: 'redis://127.0.0.1:1' }),
      onCacheFailure: () => undefined,
    });
    backend = cached;
    const { base } = await cached.create(record('first'));
    await cached.update(record('second'), base);
    expect(steps).toEqual(['drop k', 'row', 'drop k']);
  });
});

describe('withDjangoCache', () => {
  it('passes on what a database can do beyond the contract, unless it ends or changes sessions', async () => {
    const able = Object.assign(database, {
      migrate: async () => true,
      loadOriginal: async () => ({ data: 'the original', base: '' }),
      deleteAll: async () => 7,
    });
    const backend = open({}, able) as typeof able;
    expect(await backend.migrate()).toBe(true);
    expect(await backend.loadOriginal()).toMatchObject({ data: 'the original' });
    expect(backend).not.toHaveProperty('deleteAll');
    expect(backend).not.toHaveProperty('useExpiry');
    expect(backend.encoding).toBe(able.encoding);
    await backend.close();
  });

  it('tells each failure, and warns of them once a minute at most', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const told: unknown[] = [];
    const listener = (message: unknown): void => void told.push(message);
    subscribe('coatcheck:djangoCacheFailed', listener);
    const backend = open({ onFailure: undefined });
    const sessions = createSessions({ backend, secretKey: SECRET_KEY });
    try {
      const session = sessions.open();
      session.set('a', 1);
      await session.save();
      failure = Object.assign(new Error('a secret'), { code: 'ECONNREFUSED' });
      for (let i = 0; i < 3; i += 1) {
        await expect(sessions.delete(String(session.sessionKey))).rejects.toMatchObject({
          status: 503,
        });
      }
      expect(told).toEqual([1, 2, 3].map(() => ({ cause: failure })));
      expect(warn.mock.calls).toEqual([
        [
          "Django's session cache fails (ECONNREFUSED); until it answers, sessions cannot be changed.",
          { code: 'COATCHECK_DJANGO_CACHE_FAILED' },
        ],
      ]);
    } finally {
      unsubscribe('coatcheck:djangoCacheFailed', listener);
      warn.mockRestore();
      await sessions.close();
    }
  });

  it.each<[string, Partial<DjangoCacheOptions>]>([
    ['djangoCache.url is missing', { drop: undefined }],
    ['djangoCache has both', { url: 'redis://127.0.0.1:1' }],
    ['djangoCache.url is not that of a Redis', { drop: undefined, url: 'memcached://u:tiger@h' }],
    ['djangoCache.url has several hosts', { drop: undefined, url: 'redis://a,b' }],
    ['djangoCache.url names a cluster', { drop: undefined, url: 'redis+cluster://:tiger@h' }],
    ['djangoCache.keyPrefix must be', { drop: undefined, url: 'redis://h', keyPrefix: 'a b' }],
    ['djangoCache.version must be', { drop: undefined, url: 'redis://h', version: 0.5 }],
    ['djangoCache.driver is not', { drop: undefined, url: 'redis://h', driver: {} }],
    ['djangoCache.timeoutMs must be', { timeoutMs: 0 }],
    [
      'djangoCache.client has a keyPrefix of its own',
      { drop: undefined, client: clientWith({ ...redisClientOptions, keyPrefix: 'tiger' }) },
    ],
    ['djangoCache.client would send', { drop: undefined, client: clientWith({}) }],
  ])('refuses what cannot work: %s', async (message, options) => {
    const refused = () => open(options);
    expect(refused).toThrow(expect.objectContaining({ name: 'ImproperlyConfigured' }));
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/tiger/);
    await database.close();
  });
});

/** A client of ioredis that connects nowhere. */
function clientWith(options: object): NonNullable<DjangoCacheOptions['client']> {
  return {
    status: 'wait',
    isCluster: false,
    options,
    defineCommand: () => undefined,
    on: () => undefined,
    off: () => undefined,
    disconnect: () => undefined,
  };
}
