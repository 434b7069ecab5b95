import { memoryBackend, redisBackend } from '@coatcheck/cache';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { watchForLeaks } from '../../core/test/support/leaks.ts';
import { describeWithServers } from './redis.ts';

describeWithServers('errors and events of Redis', () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(() => server.stop());

  const ways: Record<string, () => Promise<unknown>> = {
    'has no memory left': () => server.command('config', 'set', 'maxmemory', '1'),
    // It quotes the beginning of the arguments.
    'allows no command': () => server.command('acl', 'setuser', 'default', '-@all', '+ping'),
    'is killed': () => server.signal('SIGKILL'),
  };

  it.each(Object.keys(ways))('that %s hold neither keys nor data', async (way) => {
    const backend = redisBackend({ url: server.url });
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    await ways[way]?.();
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(3);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
    await backend.close();
  });
});

describe('errors and events of a cache in the process', () => {
  it('that is closed hold neither keys nor data', async () => {
    const backend = memoryBackend();
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    expect(await watch.provoke(key)).toBe(0);
    await backend.close();
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(5);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
  });
});
