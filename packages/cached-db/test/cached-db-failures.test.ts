import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LruCache } from '@coatcheck/cache';
import { cachedDbBackend } from '@coatcheck/cached-db';
import { BackendUnavailable, type Sessions } from '@coatcheck/core';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWithServers } from '../../cache/test/redis.ts';
import { randomTurns } from '../../core/test/support/sqlite-sessions.ts';
import { describeSqlite, type Table } from './databases.ts';
import { type Entries, read, set, useHandles, write } from './handles.ts';
import { outagesOf } from './outages.ts';
import { SteeredCache } from './steered-cache.ts';

jest.setTimeout(60_000);

/** How long a cache that hangs may keep a request, apart from the database. */
const TIMEOUT_MS = 100;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeSqlite('a cache that fails', ({ newTable }) => {
  describeWithServers('on a Redis of its own', () => {
    const openHandle = useHandles();
    let server: RedisServer;
    let table: Table;
    let reported: unknown[];
    const listener = (message: unknown): void => void reported.push(message);
    const open = () => openHandle(table, { url: server.url, timeoutMs: TIMEOUT_MS });
    beforeEach(async () => {
      server = await startRedis({ config: { save: '3600 100000' } });
      table = newTable();
      reported = [];
      subscribe('coatcheck:cacheFailed', listener);
    });
    afterEach(async () => {
      unsubscribe('coatcheck:cacheFailed', listener);
      await server.signal('SIGCONT');
      await server.stop();
    });

    /** What the cache has of these sessions, or of all. */
    const entriesOf = async (sessionKeys?: readonly string[]): Promise<string[]> => {
      const names = (await server.command('keys', '*')).split('\n').filter(Boolean);
      const known = sessionKeys && new Set(sessionKeys);
      const asked = known ? names.filter((name) => known.has(name.slice(-32))) : names;
      return asked.length === 0 ? [] : (await server.command('mget', ...asked)).split('\n');
    };

    /** New sessions with an entry in the cache, read by each handle. */
    async function warm(handles: readonly Sessions<Entries>[], count: number): Promise<string[]> {
      const [first] = handles as [Sessions<Entries>];
      const keys = await Promise.all(Array.from({ length: count }, (_, i) => write(first, 'n', i)));
      const start = performance.now();
      do {
        // On a busy machine an entry may take longer than TIMEOUT_MS, and the cache is then left alone for a while.
        if (performance.now() - start > 10_000) throw new Error('The cache never has the entries.');
        for (const handle of handles) {
          const found = await Promise.all(keys.map((key) => read(handle, key)));
          expect(found).toEqual(keys.map((_, n) => ({ n })));
        }
      } while ((await entriesOf()).length !== count);
      return keys;
    }

    /** Ends each session while requests of both handles are under way: no logout is confirmed, and none is undone. */
    async function endAll(
      handles: readonly [Sessions<Entries>, Sessions<Entries>],
      keys: string[],
    ) {
      const trials = keys.map(async (key) => {
        const requests = [0, 1, 0, 1].map(async (n, i) => {
          await randomTurns(20);
          // Where it finds the session ended already, it begins another one.
          await set(handles[n as 0 | 1], key, `n${i}`, i).catch((error: Error) => {
            // Behind the logout in its queue: not written, since nobody knows what came of that.
            if (n === 0 && error instanceof BackendUnavailable) expect(error.ambiguous).toBe(false);
            else expect(error).toMatchObject({ name: 'SessionInterrupted' });
          });
        });
        await randomTurns(20);
        const session = handles[0].open(key);
        await session.load();
        await expect(session.flush()).rejects.toBeInstanceOf(BackendUnavailable);
        await Promise.all(requests);
        expect(await read(handles[0], key)).toEqual({});
        expect(await handles[1].exists(key)).toBe(false);
      });
      await Promise.all(trials);
    }

    describe.each(outagesOf(() => server))('and %s', (_, stop, goOn) => {
      it('lets the database answer in time, reads and writes', async () => {
        const handle = open();
        const keys = await warm([handle], 10);
        await stop();
        const times: number[] = [];
        for (const [n, key] of keys.entries()) {
          const start = performance.now();
          expect(await read(handle, key)).toEqual({ n });
          await set(handle, key, 'more', n);
          times.push(performance.now() - start);
        }
        expect(Math.max(...times)).toBeLessThan(5 * TIMEOUT_MS);
        expect(reported.length).toBeGreaterThan(0);
        await goOn();
        for (const [n, key] of keys.entries()) {
          expect(await read(handle, key)).toEqual({ n, more: n });
        }
      });

      it('confirms no logout, and undoes none when it is back, in 50 trials', async () => {
        const handles = [open(), open()] as const;
        const keys = await warm(handles, 50);
        await stop();
        await endAll(handles, keys);
        await goOn();
        // Who asked for the end of the sessions never sees them again.
        for (const key of keys) expect(await read(handles[0], key)).toEqual({});
        // The others do not as soon as the cache has been told, which is tried every second.
        const back = performance.now();
        while ((await entriesOf(keys)).some((text) => text !== '-')) {
          if (performance.now() - back > 30_000) throw new Error('The cache was never told.');
          await pause(50);
        }
        for (const handle of [...handles, open()]) {
          for (const key of keys) expect(await read(handle, key)).toEqual({});
        }
        // And then it is of use again.
        const told = performance.now();
        while ((await entriesOf([await write(handles[1], 'n', 1)])).length === 0) {
          if (performance.now() - told > 10_000) throw new Error('The cache is left alone.');
          await pause(50);
        }
      });
    });

    it('starts empty when it comes back with an old snapshot', async () => {
      const handles = [open(), open()] as const;
      const keys = await warm(handles, 20);
      await server.command('save');
      const [ended, changed] = [keys.slice(0, 10), keys.slice(10)];
      for (const key of ended) expect(await handles[0].delete(key)).toBe(true);
      for (const key of changed) await set(handles[0], key, 'n', 'new');

      await server.signal('SIGKILL');
      await server.start();
      expect(Number(await server.command('dbsize'))).toBe(20);
      expect((await entriesOf()).every((text) => text !== '-')).toBe(true);
      for (const handle of [...handles, open()]) {
        for (const key of ended) expect(await read(handle, key)).toEqual({});
        for (const key of changed) expect(await read(handle, key)).toEqual({ n: 'new' });
      }
    });

    it('is told at the end of a process what it did not confirm', async () => {
      const [one, other] = [open(), open()];
      const keys = await warm([one, other], 5);
      await server.command('client', 'pause', '600000', 'WRITE');
      for (const key of keys) {
        await expect(one.delete(key)).rejects.toBeInstanceOf(BackendUnavailable);
      }
      await server.command('client', 'unpause');
      await one.close();
      for (const key of keys) expect(await read(other, key)).toEqual({});
    });
  });

  it('is warned of once a minute at most, without keys and data', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    // Past what other tests of this file were warned of.
    let now = performance.now() + 61_000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const cache = new SteeredCache();
    const backend = cachedDbBackend({ database: newTable().open(), cache });
    try {
      cache.failure = Object.assign(new Error('a secret'), { code: 'ECONNREFUSED' });
      const fail = async (): Promise<void> => {
        for (const name of ['a', 'b']) await backend.delete(name.repeat(32)).catch(() => undefined);
      };
      await fail();
      await fail();
      expect(warn.mock.calls).toEqual([
        [
          'The cache of the sessions fails (ECONNREFUSED); the database answers instead.',
          { code: 'COATCHECK_CACHE_FAILED' },
        ],
      ]);
      now += 61_000;
      await fail();
      expect(warn).toHaveBeenCalledTimes(2);
    } finally {
      clock.mockRestore();
      warn.mockRestore();
      await backend.close();
    }
  });

  it('breaks nothing when its listener throws', async () => {
    const cache = new SteeredCache(new LruCache());
    const onCacheFailure = (): never => {
      throw new Error('The log is full.');
    };
    const database = newTable().open();
    const backend = cachedDbBackend({ database, cache, onCacheFailure });
    cache.failure = new Error('down');
    const expiresAt = new Date(Date.now() + 3_600_000);
    const record = { key: 'k'.repeat(32), data: 'first', expiresAt, attributes: {} };
    const { base } = await backend.create(record);
    expect(backend.load(record.key)).toMatchObject({ data: 'first' });
    await backend.update({ ...record, data: 'second' }, base);
    await expect(backend.delete(record.key)).rejects.toBeInstanceOf(BackendUnavailable);
    await backend.close();
  });
});
