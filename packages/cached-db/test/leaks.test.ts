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

    it('that fails hold neither keys nor data', async () => {
      const backend = createBackend({ database: newTable().open(), url: server.url });
      const watch = watchForLeaks(backend);
      const key = await watch.start();
      await server.command('config', 'set', 'maxmemory', '1');
      await watch.provoke(await watch.start());
      await server.command('acl', 'setuser', 'default', '-@all', '+ping');
      await watch.provoke(await watch.start());
      await server.signal('SIGKILL');
      // A logout that the cache did not confirm is no success.
      expect(await watch.provoke(key)).toBeGreaterThanOrEqual(1);
      expect(watch.leaks()).toEqual([]);
      watch.stop();
      await backend.close();
    });

    it("that is Django's hold neither keys nor data", async () => {
      const backend = withDjangoCache(newTable().open(), { url: server.url });
      const watch = watchForLeaks(backend);
      const key = await watch.start();
      await server.command('acl', 'setuser', 'default', '-@all', '+ping');
      await watch.provoke(await watch.start());
      await server.signal('SIGKILL');
      expect(await watch.provoke(key)).toBeGreaterThanOrEqual(1);
      expect(watch.leaks()).toEqual([]);
      watch.stop();
      await backend.close();
    });
  });
});
