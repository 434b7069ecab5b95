import { randomBytes } from 'node:crypto';
import {
  type CacheBackend,
  RedisCache,
  type RedisOptions,
  redisBackend,
  redisClusterOptions,
} from '@coatcheck/cache';
import { ImproperlyConfigured } from '@coatcheck/core';
import { type RedisServers, startRedisCluster, startRedisSentinel } from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Cluster } from 'ioredis';
import { describeWithServers } from './redis.ts';
import { record } from './sessions.ts';
import { startSilentServer } from './silent-server.ts';

jest.setTimeout(60_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Closes what a test has opened, also where it failed: a process that has a connection does not end. */
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function open(options: RedisOptions): CacheBackend {
  const backend = redisBackend(options);
  opened.push(() => backend.close());
  return backend;
}

/** Milliseconds until a record can be created again. */
async function recovery(backend: CacheBackend, name = (i: number) => `back${i}x`): Promise<number> {
  const start = performance.now();
  for (let i = 0; ; i++) {
    try {
      await backend.create(record(name(i)));
      return performance.now() - start;
    } catch (error) {
      if (performance.now() - start > 20_000) throw error;
      await pause(20);
    }
  }
}

describeWithServers('Redis behind Sentinels', () => {
  let servers: RedisServers;
  beforeAll(async () => {
    servers = await startRedisSentinel({ replicas: 2, sentinels: 3 });
  });
  afterAll(() => servers?.stop());

  it('is found by the next Sentinel where one takes connections and says nothing', async () => {
    const silent = await startSilentServer();
    opened.push(silent.stop);
    const backend = open({ url: servers.url.replace('//', `//127.0.0.1:${silent.port},`) });
    expect(await recovery(backend, (i) => `found${i}x`)).toBeLessThan(8000);
  });

  it('goes on with a replica when the primary is killed', async () => {
    const backend = open({ url: servers.url });
    await backend.create(record('before'));
    await servers.servers[0]?.command('wait', '2', '1000');
    await servers.servers[0]?.signal('SIGKILL');
    expect(await recovery(backend)).toBeLessThan(8000);
    expect(await backend.load(record('before').key)).toMatchObject({ data: 'first' });
    expect(await backend.delete(record('before').key, 'first')).toBe(true);
  });
});

describeWithServers('a Redis Cluster', () => {
  let servers: RedisServers;
  beforeAll(async () => {
    servers = await startRedisCluster();
  });
  afterAll(() => servers?.stop());

  it('takes a client of the application', async () => {
    const nodes = servers.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, redisClusterOptions);
    opened.push(async () => client.disconnect());
    const backend = open({ client, keyPrefix: 'theirs' });
    const records = Array.from({ length: 30 }, (_, i) => record(`k${i}x`));
    await Promise.all(records.map((each) => backend.create(each)));
    await Promise.all(records.map((each) => backend.update({ ...each, data: 'second' }, 'first')));
    for (const { key } of records)
      expect(await backend.load(key)).toMatchObject({ data: 'second' });
  });

  it('cannot be a cache that starts empty', () => {
    const cache = () => new RedisCache({ url: servers.url, startsEmpty: true });
    expect(cache).toThrow(ImproperlyConfigured);
  });

  it('is followed while slots move', async () => {
    const backend = open({ url: servers.url, keyPrefix: 'moving' });
    const records = Array.from({ length: 200 }, () => record(randomBytes(16).toString('hex')));
    await Promise.all(records.map((each) => backend.create(each)));
    let moved = false;
    let rounds = 0;
    const writing = (async () => {
      for (let round = 0; !moved || round < 2; round++) {
        const [was, is] = [round === 0 ? 'first' : `${round - 1}`, `${round}`];
        await Promise.all(records.map((each) => backend.update({ ...each, data: is }, was)));
        for (const found of await Promise.all(records.map(({ key }) => backend.load(key)))) {
          expect(found).toMatchObject({ data: is });
        }
        rounds++;
      }
    })();
    const [from, to] = servers.servers;
    if (!from || !to) throw new Error('There are no nodes.');
    const [fromId, toId] = [
      await from.command('cluster', 'myid'),
      await to.command('cluster', 'myid'),
    ];
    const migrate = async () => {
      const keys = (await from.command('--scan', '--pattern', 'moving*')).split('\n');
      for (const key of keys.slice(0, 5)) {
        const slot = await from.command('cluster', 'keyslot', key);
        await to.command('cluster', 'setslot', slot, 'importing', fromId);
        await from.command('cluster', 'setslot', slot, 'migrating', toId);
        // All of the slot's keys: one that is left behind, by a server that took too long, would be lost with its slot.
        for (;;) {
          const together = await from.command('cluster', 'getkeysinslot', slot, '1000');
          if (together === '') break;
          for (const each of together.split('\n')) {
            const target = ['127.0.0.1', `${to.port}`, each, '0', '5000', 'replace'];
            await from.command('migrate', ...target);
          }
        }
        await pause(50);
        await to.command('cluster', 'setslot', slot, 'node', toId);
        await from.command('cluster', 'setslot', slot, 'node', toId);
      }
    };
    await migrate().finally(() => {
      moved = true;
    });
    await writing;
    expect(rounds).toBeGreaterThan(1);
  });

  it('comes back with a node that was killed', async () => {
    const backend = open({ url: servers.url, keyPrefix: 'killed' });
    await backend.create(record('before'));
    const node = servers.servers[2];
    await node?.signal('SIGKILL');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => backend.create(record(`down${i}x`))),
    );
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    await node?.start();
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => recovery(backend, (n) => `up${i}y${n}x`)),
    ).then((times) => expect(Math.max(...times)).toBeLessThan(8000));
  });
});
