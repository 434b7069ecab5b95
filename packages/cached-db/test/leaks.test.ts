import { createBackend, withDjangoCache } from '@coatcheck/cached-db';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeWithServers } from '../../cache/test/redis.ts';
import { watchForLeaks } from '../../core/test/support/leaks.ts';
import { describeSqlite } from './databases.ts';

describeSqlite('errors and events', ({ newTable }) => {
  describeWithServers('of a cache', () => {
    let server: RedisServer;
    beforeEach(async () => {
      server = await startRedis();
    });
    afterEach(() => server.stop());

    const isFull = () => server.command('config', 'set', 'maxmemory', '1');
    it.each([
      [
        'that fails',
        () => createBackend({ database: newTable().open(), url: server.url }),
        [isFull],
      ],
      ["that is Django's", () => withDjangoCache(newTable().open(), { url: server.url }), []],
    ])('%s hold neither keys nor data', async (_, open, before) => {
      const backend = open();
      const watch = watchForLeaks(backend);
      const key = await watch.start();
      for (const failure of before) {
        await failure();
        await watch.provoke(await watch.start());
      }
      await server.command('acl', 'setuser', 'default', '-@all', '+ping');
      await watch.provoke(await watch.start());
      await server.signal('SIGKILL');
      // A logout that the cache did not confirm is no success.
      expect(await watch.provoke(key)).toBeGreaterThanOrEqual(1);
      expect(watch.leaks()).toEqual([]);
      watch.stop();
      await backend.close();
    });
  });
});
