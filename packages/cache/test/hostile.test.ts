import { CacheBackend, LruCache, memoryBackend, redisBackend } from '@coatcheck/cache';
import { createSessions, type Sessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { describeWithRedis } from './redis.ts';
import { record, SECRET_KEY } from './sessions.ts';

/** Random numbers below `bound`, the same in every run (mulberry32). */
function seeded(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const fragments = ['{', '}', '[', '"', ':', ',', '\\u', 'null', '1e999', '__proto__', '\0', 'é'];

/** Bytes that may look like JSON, from a distance. */
function randomBytes(random: (bound: number) => number): Buffer {
  const length = random(200);
  if (random(2)) return Buffer.from(Array.from({ length }, () => random(256)));
  return Buffer.from(
    Array.from({ length: length / 4 }, () => fragments[random(fragments.length)]).join(''),
  );
}

/** Fails unless there is no session under the key; now and then also unless it can be used under a new one. */
async function isNoSession(sessions: Sessions, key: string, i = 0): Promise<void> {
  const session = sessions.open(key);
  await session.load();
  if (session.size > 0) throw new Error(`Value ${i} is a session.`);
  if (i % 20 > 0) return;
  session.set('a', 1);
  await session.save();
  expect(session.sessionKey).not.toBe(key);
}

const isObject = (bytes: Buffer): boolean => {
  try {
    const value: unknown = JSON.parse(bytes.toString('latin1'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

const keyOf = (i: number): string => `k${i}x`.padEnd(32, '0');

describe('ten thousand random values under session keys', () => {
  it('are no sessions, in this process', async () => {
    const random = seeded(1);
    const cache = new LruCache();
    const sessions = createSessions({ backend: new CacheBackend(cache), secretKey: SECRET_KEY });
    const later = new Date(Date.now() + 3_600_000);
    for (let i = 0; i < 10_000; i++) {
      const bytes = randomBytes(random);
      if (isObject(bytes)) continue;
      cache.set(keyOf(i), bytes.toString('latin1'), later);
      await isNoSession(sessions, keyOf(i), i);
    }
  });

  describeWithRedis('on Redis', (place) => {
    it('are no sessions', async () => {
      const random = seeded(2);
      const backend = redisBackend({ url: place.url, keyPrefix: place.keyPrefix });
      // What is tested is not the speed of the machine.
      const sessions = createSessions({
        backend,
        secretKey: SECRET_KEY,
        operationTimeoutMs: 30_000,
      });
      const start = `${place.keyPrefix}:1:django.contrib.sessions.cache`;
      for (let first = 0; first < 10_000; first += 500) {
        const values = Array.from({ length: 500 }, () => randomBytes(random));
        const pipeline = place.redis.pipeline();
        for (const [i, bytes] of values.entries()) pipeline.set(start + keyOf(first + i), bytes);
        await pipeline.exec();
        const checks = values.map(async (bytes, i) => {
          if (!isObject(bytes)) await isNoSession(sessions, keyOf(first + i), i);
        });
        await Promise.all(checks);
      }
      await backend.close();
    }, 30_000);

    it('come back byte for byte, so that they can be replaced and removed', async () => {
      const random = seeded(3);
      const backend = redisBackend({ url: place.url, keyPrefix: place.keyPrefix });
      const start = `${place.keyPrefix}:1:django.contrib.sessions.cache`;
      for (let i = 0; i < 300; i++) {
        const key = `r${keyOf(i).slice(1)}`;
        await place.redis.set(start + key, randomBytes(random));
        const found = await backend.load(key);
        const written = await backend.update(record('', { key }), found?.base ?? '');
        expect(await backend.delete(key, written.base)).toBe(true);
      }
      await backend.close();
    });

    it.each(['rpush', 'sadd', 'pfadd'] as const)('are none when made by %s', async (command) => {
      const backend = redisBackend({ url: place.url, keyPrefix: place.keyPrefix });
      const key = command.padEnd(32, '0');
      await place.redis[command](
        `${place.keyPrefix}:1:django.contrib.sessions.cache${key}`,
        'value',
      );
      await isNoSession(createSessions({ backend, secretKey: SECRET_KEY }), key);
      await expect(backend.create(record('', { key }))).rejects.toMatchObject({
        name: 'CreateError',
      });
      await backend.close();
    });
  });
});

describe('a cache of the application beside the sessions', () => {
  describeWithRedis('on the same Redis', (place) => {
    it('neither changes nor reads one, whatever its keys', async () => {
      const random = seeded(4);
      const one = redisBackend({ url: place.url, keyPrefix: `${place.keyPrefix}one` });
      const other = redisBackend({ url: place.url, keyPrefix: `${place.keyPrefix}two` });
      const records = Array.from({ length: 50 }, (_, i) => record(`k${i}x`));
      for (const each of records) await one.create(each);
      const pipeline = place.redis.pipeline();
      for (let i = 0; i < 5000; i++) {
        const key = `${place.keyPrefix}two:1:${randomBytes(random).toString('latin1')}`;
        pipeline.set(key, 'theirs', 'EX', 60);
      }
      await pipeline.exec();
      for (const { key } of records) {
        expect(await one.load(key)).toMatchObject({ data: 'first' });
        expect(await other.load(key)).toBeUndefined();
      }
      await Promise.all([one.close(), other.close()]);
    });
  });

  it('in the same process has no way to them', async () => {
    const [one, other] = [memoryBackend(), memoryBackend()];
    await one.create(record('key'));
    expect(other.load(record('key').key)).toBeUndefined();
  });
});
