import { expect, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { describeSqlite, type Table } from './databases.ts';
import { read, set, useHandles, write } from './handles.ts';

jest.setTimeout(60_000);

/** Reproducible bytes. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describeSqlite('entries that the cache should not have', ({ newTable }) => {
  describeWithRedis('in Redis', (place) => {
    const openHandle = useHandles();
    const open = (table: Table) =>
      openHandle(table, { url: place.url, keyPrefix: place.keyPrefix, timeoutMs: 5000 });
    const start = async (): Promise<string> => {
      const [, runId] = /^run_id:(\w+)/m.exec(await place.redis.info('server')) ?? [];
      return `${place.keyPrefix}:1:coatcheck.cached_db${runId}:`;
    };

    /** The entry of each key; a busy machine may have left some out, which the next read of the session makes. */
    const entriesOf = async (
      sessions: ReturnType<typeof open>,
      keys: readonly string[],
      begin: string,
    ): Promise<readonly (Buffer | null)[]> => {
      for (;;) {
        const found = await place.redis.mgetBuffer(keys.map((key) => begin + key));
        const left = keys.filter((_, i) => found[i] === null);
        if (left.length === 0) return found;
        await Promise.all(left.map((key) => read(sessions, key)));
      }
    };

    it('2,000 random ones change nothing: the database decides', async () => {
      const table = newTable();
      const [sessions, others] = [open(table), open(table)];
      const keys = await Promise.all(
        Array.from({ length: 2000 }, (_, i) => write(sessions, 'owner', i)),
      );
      const random = seeded(1);
      const begin = await start();
      const genuine = await entriesOf(sessions, keys, begin);
      const pipeline = place.redis.pipeline();
      for (const [i, key] of keys.entries()) {
        const entry = genuine[i] as Buffer;
        const bytes = Buffer.from(Array.from({ length: random() * 300 }, () => random() * 256));
        const at = Math.floor(random() * entry.length);
        const cut = entry.subarray(0, at);
        const kinds = [
          bytes,
          cut,
          Buffer.concat([cut, bytes]),
          Buffer.concat([entry, bytes]),
          // A flipped bit.
          Buffer.from(entry.map((byte, n) => (n === at ? byte ^ (1 << (i % 8)) : byte))),
          // Another visitor's entry.
          genuine[(i + 1) % keys.length] as Buffer,
          Buffer.from(`9999999999999999:${bytes.toString('latin1')}`, 'latin1'),
          Buffer.from(`0:99999999999999:${entry.toString('latin1').split(':').slice(2).join(':')}`),
        ];
        pipeline.set(begin + key, kinds[i % kinds.length] as Buffer, 'PX', 300_000);
      }
      await pipeline.exec();

      for (const handle of [sessions, others]) {
        const found = await Promise.all(keys.map((key) => read(handle, key)));
        expect(found).toEqual(keys.map((_, owner) => ({ owner })));
      }
      // Neither are they in the way of a write or an end.
      await Promise.all(keys.slice(0, 200).map((key, i) => set(sessions, key, 'more', i)));
      await Promise.all(keys.slice(200, 400).map((key) => sessions.delete(key)));
      expect(await read(others, keys[7] as string)).toEqual({ owner: 7, more: 7 });
      expect(await read(others, keys[207] as string)).toEqual({});
    });

    it.each(['rpush', 'sadd', 'pfadd'] as const)('nor one made by %s', async (command) => {
      const sessions = open(newTable());
      const key = await write(sessions, 'owner', 'ada');
      const name = (await start()) + key;
      const spoil = async (): Promise<void> => {
        await place.redis.del(name);
        await place.redis[command](name, 'value');
      };
      await spoil();
      expect(await read(sessions, key)).toEqual({ owner: 'ada' });
      await set(sessions, key, 'more', 1);
      expect(await read(sessions, key)).toEqual({ owner: 'ada', more: 1 });
      await spoil();
      expect(await sessions.delete(key)).toBe(true);
      expect(await read(sessions, key)).toEqual({});
    });
  });
});
