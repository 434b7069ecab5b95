import path from 'node:path';
import { withDjangoCache } from '@coatcheck/cached-db';
import { createSessions, type Sessions } from '@coatcheck/core';
import { describeDjangos, djangos, type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeWithServers } from '../../cache/test/redis.ts';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { runNode } from '../../db/test/run-node.ts';
import { DjangoCachedDb, type DjangoLoad } from './django-cached-db.ts';
import { type Entries, read, set, write } from './handles.ts';
import { describeShared, type SharedDatabase, sqlite } from './shared-databases.ts';
import { until } from './until.ts';

jest.setTimeout(120_000);

/** Milliseconds after which Django must not serve what was replaced: a busy machine's; Redis tells within one or so. */
const BOUND_MS = 2000;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

describeDjangos({ describe, it }, 'with djangoCache, cached_db', (django) => {
  describeWithServers('on Redis', () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    const cache = { keyPrefix: 'shop', version: 3 };
    let database: SharedDatabase;
    let theirs: DjangoCachedDb;
    const opened: Sessions<Entries>[] = [];
    function open(on = true): Sessions<Entries> {
      const options = { url: redis.url, timeoutMs: 10_000, ...cache };
      const backend = on ? withDjangoCache(database.open(), options) : database.open();
      const sessions = createSessions<Entries>({
        backend,
        secretKey: SECRET_KEY,
        operationTimeoutMs: 30_000,
      });
      opened.push(sessions);
      return sessions;
    }
    /** One Django for all tests of a place; each has handles and sessions of its own. */
    function useDjango(kind: typeof sqlite): void {
      beforeAll(async () => {
        database = await kind.open();
        const places = { database: database.django, redisUrl: `${redis.url}/0`, ...cache };
        theirs = new DjangoCachedDb(django, places);
      });
      afterEach(async () => {
        for (const sessions of opened.splice(0)) await sessions.close();
      });
      afterAll(async () => {
        await theirs.stop();
        await database.close();
      });
    }

    describeShared(django, (kind) => {
      useDjango(kind);

      it('reads what was written here, and that a session was ended or got another key', async () => {
        const ours = open();
        const key = await theirs.create({ n: 1 });
        expect(await theirs.isCached(key)).toBe(true);
        await set(ours, key, 'n', 2);
        expect(await theirs.isCached(key)).toBe(false);
        expect(await theirs.load(key)).toEqual({ data: { n: 2 }, key });

        await theirs.save(key, { theirs: true });
        expect(await read(ours, key)).toEqual({ n: 2, theirs: true });
        const session = ours.open(key);
        await session.load();
        await session.cycleKey();
        expect((await theirs.load(key)).data).not.toHaveProperty('n');
        const successor = String(session.sessionKey);
        expect((await theirs.load(successor)).data).toEqual({ n: 2, theirs: true });

        await session.flush();
        expect(await theirs.load(successor)).toEqual({ data: {}, key: null });
        expect(await theirs.isCached(successor)).toBe(false);
      });

      it('is not left with a row that it read before a write and cached after it', async () => {
        const ours = open();
        const key = await write(ours, 'n', 1);
        await theirs.startLoad('load', key);
        await set(ours, key, 'n', 2);
        await theirs.goOn('load');
        await until(async () => !(await theirs.isCached(key)));
        expect((await theirs.load(key)).data).toEqual({ n: 2 });
      });

      it('is not left with a session that it read before it was ended and cached after it', async () => {
        const ours = open();
        const [flushed, cycled] = [await write(ours, 'n', 1), await write(ours, 'n', 1)];
        await theirs.startLoad('flushed', flushed);
        await theirs.startLoad('cycled', cycled);
        const session = ours.open(flushed);
        await session.load();
        await session.flush();
        const moved = ours.open(cycled);
        await moved.load();
        await moved.cycleKey();
        await theirs.goOn('flushed');
        await theirs.goOn('cycled');
        for (const key of [flushed, cycled]) await until(async () => !(await theirs.isCached(key)));
        expect(await theirs.load(flushed)).toEqual({ data: {}, key: null });
        expect((await theirs.load(cycled)).data).not.toHaveProperty('n');
      });

      it('is not left with what it wrote itself before a write here and cached after it', async () => {
        const ours = open();
        const [changed, ended] = [await write(ours, 'n', 1), await write(ours, 'n', 1)];
        await theirs.startSave('changed', changed, { n: 2 });
        await theirs.startSave('ended', ended, { n: 2 });
        await set(ours, changed, 'more', 3);
        expect(await ours.delete(ended)).toBe(true);
        expect(await theirs.goOn('changed')).toEqual({ key: changed });
        expect(await theirs.goOn('ended')).toEqual({ key: ended });
        for (const key of [changed, ended]) await until(async () => !(await theirs.isCached(key)));
        expect((await theirs.load(changed)).data).toEqual({ n: 2, more: 3 });
        expect(await theirs.load(ended)).toEqual({ data: {}, key: null });
      });
    });

    describe.each(['save', 'flush'])(
      'when a process dies between row and cache (%s), on SQLite',
      (what) => {
        useDjango(sqlite);
        const written = what === 'save' ? { data: { n: 2 } } : { data: {}, key: null };

        /** Django reads the row; another process writes it and dies; Django caches what it read. */
        async function die(key: string): Promise<void> {
          await theirs.startLoad('load', key);
          const child = path.join(import.meta.dirname, 'dying-process.ts');
          const places = [database.url, redis.url, cache.keyPrefix, String(cache.version)];
          await expect(runNode(child, ...places, key, what)).rejects.toMatchObject({
            signal: 'SIGKILL',
          });
          await theirs.goOn('load');
        }

        it('another one sees to it', async () => {
          const key = await write(open(), 'n', 1);
          await die(key);
          await until(async () => !(await theirs.isCached(key)));
          expect(await theirs.load(key)).toMatchObject(written);
        });

        it('the next one does, where there is no other', async () => {
          const alone = open();
          const key = await write(alone, 'n', 1);
          await alone.close();
          opened.splice(0);
          await die(key);
          // Until then Django knows no better.
          expect(await theirs.load(key)).toMatchObject({ data: { n: 1 } });
          open();
          await until(async () => !(await theirs.isCached(key)));
          expect(await theirs.load(key)).toMatchObject(written);
        });
      },
    );

    // What the versions do is the same; this takes its time.
    if (django !== djangos()[0]) return;
    describe('under load, on SQLite', () => {
      useDjango(sqlite);

      /** Loads that found an older number than was acknowledged this long before they began. */
      function staleLoads(
        loads: readonly DjangoLoad[],
        acknowledged: Map<string, number[]>,
        ms = 0,
      ) {
        return loads.filter(([key, began, n]) => {
          const next = acknowledged.get(key)?.[Number(n ?? -1) + 1];
          return next !== undefined && next + ms < began;
        });
      }

      /** Counts in each session up while Django loads them all the time; what was acknowledged when, and the loads. */
      async function count(ours: Sessions<Entries>, sessions: number, upTo: number) {
        const keys = await Promise.all(Array.from({ length: sessions }, () => write(ours, 'n', 0)));
        const acknowledged = new Map(keys.map((key) => [key, [0]]));
        await theirs.startHammer(keys, 3, 20);
        await Promise.all(
          keys.map(async (key) => {
            for (let n = 1; n <= upTo; n += 1) {
              await set(ours, key, 'n', n);
              acknowledged.get(key)?.push(nowMs());
              await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
            }
          }),
        );
        // Each sees the last number for a while.
        await new Promise((resolve) => setTimeout(resolve, 500));
        const loads = await theirs.stopHammer();
        return { keys, acknowledged, loads };
      }

      it('serves nothing that was replaced before, soon after each of 2,000 writes', async () => {
        const { keys, acknowledged, loads } = await count(open(), 20, 100);
        // Django did put copies into its cache all along, many of them of rows that had been replaced meanwhile.
        expect(loads.filter(([, , , put]) => put).length).toBeGreaterThan(100);
        expect(staleLoads(loads, acknowledged, BOUND_MS)).toEqual([]);
        expect(staleLoads(loads, acknowledged).length).toBeLessThan(loads.length / 5);
        for (const key of keys) expect((await theirs.load(key)).data).toEqual({ n: 100 });
      });

      it('would otherwise serve what was replaced long ago', async () => {
        const { acknowledged, loads } = await count(open(false), 5, 10);
        expect(staleLoads(loads, acknowledged).length).toBeGreaterThan(loads.length / 2);
      });

      it('keeps none of 1,000 sessions alive that are ended here meanwhile', async () => {
        const ours = open();
        const keys: string[] = [];
        for (let i = 0; i < 1000; i += 1) keys.push(await write(ours, 'n', i));
        await theirs.startHammer(keys, 3, 20);
        const ended = new Map<string, number>();
        const trials = Array.from({ length: 20 }, async (_, trial) => {
          for (const key of keys.slice(trial * 50, trial * 50 + 50)) {
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
            const session = ours.open(key);
            await session.load();
            await session.flush();
            ended.set(key, nowMs());
          }
        });
        await Promise.all(trials);
        await new Promise((resolve) => setTimeout(resolve, BOUND_MS));
        const loads = await theirs.stopHammer();
        const alive = loads.filter(([, , n]) => n !== null);
        // Many of them were alive when Django looked, and some were cached.
        expect(alive.length).toBeGreaterThan(100);
        const revived = alive.filter(([key, began]) => began > (ended.get(key) ?? 0) + BOUND_MS);
        expect(revived).toEqual([]);
        for (const key of keys) expect(await theirs.load(key)).toEqual({ data: {}, key: null });
      });
    });
  });
});
