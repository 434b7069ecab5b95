import { randomBytes } from 'node:crypto';
import {
  CacheBackend,
  LruCache,
  type MemoryOptions,
  memoryBackend,
  redisBackend,
} from '@coatcheck/cache';
import {
  describeAccountIndex,
  describeSessionBackend,
  describeSessionScanner,
} from '@coatcheck/core/testing';
import { type RedisServers, startRedisCluster, startRedisSentinel } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, it, jest } from '@jest/globals';
import { describeWithRedis, describeWithServers } from './redis.ts';

jest.setTimeout(60_000);

const keyPrefix = () => randomBytes(6).toString('hex');

/** Where those used lately have places of their own. */
function crowdedMemory(options: MemoryOptions): CacheBackend {
  const cache = new LruCache(options);
  const end = new Date(8.64e15);
  for (let i = 0; i < 20_000; i++) cache.set(`${i}`, 'text', end);
  return new CacheBackend(cache);
}

const clear = 'the server ends records by itself';

describeSessionBackend(
  { describe, it },
  'CacheBackend in this process',
  (context) => ({ backend: memoryBackend(context) }),
  { cannot: { share: 'it lives in one process' } },
);

describeSessionBackend(
  { describe, it },
  'CacheBackend in this process, among many sessions',
  (context) => ({ backend: crowdedMemory(context) }),
  { cannot: { share: 'it lives in one process' } },
);

describeAccountIndex({ describe, it }, 'CacheBackend in this process', (context) => ({
  backend: memoryBackend(context),
}));

describeSessionScanner(
  { describe, it },
  'CacheBackend in this process',
  (context) => ({ backend: memoryBackend(context) }),
  { ordered: false },
);

describeWithRedis('on one server', (place) => {
  const ownPrefix = () => place.keyPrefix + keyPrefix();

  describeAccountIndex({ describe, it }, 'CacheBackend on Redis', ({ now }) => ({
    backend: redisBackend({ url: place.url, keyPrefix: ownPrefix(), now }),
  }));

  describeSessionScanner(
    { describe, it },
    'CacheBackend on Redis',
    ({ now }) => ({ backend: redisBackend({ url: place.url, keyPrefix: keyPrefix(), now }) }),
    { ordered: false },
  );

  describeSessionBackend(
    { describe, it },
    'CacheBackend on Redis',
    ({ now }) => {
      const options = { url: place.url, keyPrefix: ownPrefix(), now };
      return { backend: redisBackend(options), openAnother: () => redisBackend(options) };
    },
    { cannot: { clear } },
  );

  describeSessionBackend(
    { describe, it },
    'CacheBackend on Redis with pickles',
    ({ now }) => {
      const options = {
        url: place.url,
        keyPrefix: keyPrefix(),
        serializer: 'pickle',
        now,
      } as const;
      return { backend: redisBackend(options), openAnother: () => redisBackend(options) };
    },
    { cannot: { clear } },
  );

  describeSessionBackend(
    { describe, it },
    'CacheBackend on Redis by the clock of the server',
    () => {
      const options = { url: place.url, keyPrefix: ownPrefix() };
      return { backend: redisBackend(options), openAnother: () => redisBackend(options) };
    },
    { cannot: { clear, expire: 'the suite moves only its own clock' } },
  );
});

describe.each([
  ['Redis Cluster', startRedisCluster, {}],
  ['Redis behind Sentinel', startRedisSentinel, {}],
  ['Redis with a replica that confirms', startRedisSentinel, { waitReplicas: 1 }],
] as const)('on several servers', (name, start, options) => {
  describeWithServers('of its own', () => {
    let servers: RedisServers;
    beforeAll(async () => {
      servers = await start();
    });
    afterAll(() => servers?.stop());

    describeAccountIndex({ describe, it }, `CacheBackend on ${name}`, ({ now }) => ({
      backend: redisBackend({ url: servers.url, keyPrefix: keyPrefix(), now, ...options }),
    }));

    describeSessionScanner(
      { describe, it },
      `CacheBackend on ${name}`,
      ({ now }) => ({
        backend: redisBackend({ url: servers.url, keyPrefix: randomBytes(6).toString('hex'), now }),
      }),
      { ordered: false },
    );

    describeSessionBackend(
      { describe, it },
      `CacheBackend on ${name}`,
      ({ now }) => {
        const all = { url: servers.url, keyPrefix: keyPrefix(), now, ...options };
        return { backend: redisBackend(all), openAnother: () => redisBackend(all) };
      },
      { cannot: { clear } },
    );
  });
});
