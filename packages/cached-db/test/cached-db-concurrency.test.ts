import path from 'node:path';
import { SessionInterrupted } from '@coatcheck/core';
import { beforeEach, expect, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { countRecords, randomTurns, SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { runNode } from '../../db/test/run-node.ts';
import { describeSqlite, type Table } from './databases.ts';
import { read, useHandles, write } from './handles.ts';

jest.setTimeout(120_000);

describeSqlite('concurrent requests', ({ newTable }) => {
  describeWithRedis('and Redis', (place) => {
    const openHandle = useHandles();
    const open = () =>
      openHandle(table, { url: place.url, keyPrefix: place.keyPrefix, timeoutMs: 5000 });
    let table: Table;
    beforeEach(() => {
      table = newTable();
    });

    it('of 8 processes lose none of 1,000 entries of one session, and count right', async () => {
      const sessions = open();
      const key = await write(sessions, 'count', 0);
      const child = path.join(import.meta.dirname, 'write-process.ts');
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          runNode(
            child,
            ...[table.url, place.url, place.keyPrefix, SECRET_KEY, key, `p${i}`, '125'],
          ),
        ),
      );
      for (const handle of [sessions, open()]) {
        const entries = await read(handle, key);
        expect(Object.keys(entries)).toHaveLength(1001);
        expect(entries.count).toBe(1000);
      }
    });

    it('that cycle one key 100 times at once leave one successor and no orphan', async () => {
      const handles = [open(), open()] as const;
      const key = await write(handles[0], 'a', 1);
      const stores = await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const store = handles[(i % 2) as 0 | 1].open(key);
          await store.load();
          return store;
        }),
      );
      const outcomes = await Promise.allSettled(stores.map((store) => store.cycleKey()));
      const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(failures).toHaveLength(99);
      for (const { reason } of failures) expect(reason).toBeInstanceOf(SessionInterrupted);

      const successor = stores[outcomes.findIndex(({ status }) => status === 'fulfilled')];
      // The old key is a marker now, for a minute.
      const clock = { now: () => new Date(), advance: () => undefined };
      expect(await countRecords(handles[0].backend, clock)).toEqual({ all: 2, lasting: 1 });
      for (const handle of [...handles, open()]) {
        expect(await read(handle, String(successor?.sessionKey))).toEqual({ a: 1 });
        expect(await read(handle, key)).toEqual({});
        expect(await handle.exists(key)).toBe(false);
      }
    });

    it('never undo a logout, in 200 trials', async () => {
      const handles = [open(), open()] as const;
      const trial = async (): Promise<void> => {
        const key = await write(handles[0], 'user', 'ada');
        const request = async (i: number): Promise<void> => {
          await randomTurns(20);
          const session = handles[(i % 2) as 0 | 1].open(key);
          await session.load();
          await randomTurns(5);
          session.set(`n${i}`, i);
          await session.save();
        };
        const requests = Array.from({ length: 6 }, (_, i) =>
          request(i).then(
            () => undefined,
            (error: Error) => error,
          ),
        );
        await randomTurns(20);
        const session = handles[1].open(key);
        await session.load();
        await session.flush();
        // Acknowledged: from here on nobody sees it, whatever is still under way.
        for (const handle of handles) expect(await read(handle, key)).toEqual({});
        for (const failure of await Promise.all(requests)) {
          // A request that came late found no session, and its own got another key.
          if (failure) expect(failure).toBeInstanceOf(SessionInterrupted);
        }
        for (const handle of handles) {
          expect(await read(handle, key)).toEqual({});
          expect(await handle.exists(key)).toBe(false);
        }
      };
      for (let i = 0; i < 20; i += 1) await Promise.all(Array.from({ length: 10 }, trial));
    });
  });
});
