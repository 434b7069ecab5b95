import { expect, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { describeSqlite } from './databases.ts';
import { read, useHandles } from './handles.ts';

const SESSIONS = 1000;

describeWithRedis('an account with 1,000 sessions', (redis) => {
  describeSqlite('through cached_db', (database) => {
    const open = useHandles();

    it('loses all others by one call, at once and for every process, and keeps the one that asks', async () => {
      const table = database.newTable();
      const { url, keyPrefix } = redis;
      const cache = { url, keyPrefix, timeoutMs: 30_000 };
      const [here, elsewhere] = [1, 2].map(() => open(table, cache, { account: true }));
      if (!here || !elsewhere) throw new Error('There are two.');
      const store = async (account: string): Promise<string> => {
        const session = here.open();
        session.set('_auth_user_id', account);
        await session.save();
        return String(session.sessionKey);
      };
      const keys = await Promise.all(Array.from({ length: SESSIONS }, () => store('7')));
      const other = await store('8');
      const [current = ''] = keys;
      // They are in the cache, from where the other process has read them.
      for (const key of keys) expect(await read(elsewhere, key)).toEqual({ _auth_user_id: '7' });

      expect(await here.of('7').revokeOthers(current)).toBe(SESSIONS - 1);

      const left = await Promise.all(keys.map((key) => read(elsewhere, key)));
      expect(left.filter((entries) => Object.keys(entries).length > 0)).toHaveLength(1);
      for (const key of [current, other]) expect(await elsewhere.exists(key)).toBe(true);
      const listed = await elsewhere.of('7').list(current);
      expect(listed.map(({ isCurrent }) => isCurrent)).toEqual([true]);
    });
  });
});
