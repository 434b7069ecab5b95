import {
  createBackend,
  redisBackend,
  redisClientOptions,
  redisClusterOptions,
} from '@coatcheck/cache';
import { ImproperlyConfigured } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { parseRedisUrl } from '../src/redis-url.ts';

const single = { isCluster: false, isEncrypted: false, db: 0 };

describe('the URL of a Redis', () => {
  it.each([
    ['redis://localhost', { ...single, nodes: [{ host: 'localhost', port: 6379 }] }],
    ['redis://10.0.0.1:7000/3', { ...single, nodes: [{ host: '10.0.0.1', port: 7000 }], db: 3 }],
    [
      'rediss://app:p%40ss%2F@[::1]:1/',
      {
        ...single,
        nodes: [{ host: '::1', port: 1 }],
        isEncrypted: true,
        username: 'app',
        password: 'p@ss/',
      },
    ],
    ['redis://:secret@h', { ...single, nodes: [{ host: 'h', port: 6379 }], password: 'secret' }],
    [
      'redis+sentinel://a,b:1/main/2',
      {
        ...single,
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 1 },
        ],
        sentinelName: 'main',
        db: 2,
      },
    ],
    [
      'rediss+cluster://u:p@a:1,b',
      {
        ...single,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
        ],
        isCluster: true,
        isEncrypted: true,
        username: 'u',
        password: 'p',
      },
    ],
  ])('%s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it.each([
    '',
    'redis:',
    'redis://',
    'redis://:6379',
    'redis://host:0',
    'redis://host:65536',
    'redis://host:123456',
    'redis://host/one',
    'redis://host/1/2',
    'redis://a,b',
    'redis://host?x=1',
    'redis://ho st',
    'redis://a@b@c',
    'redis://:%zz@host',
    'redis://host\r\nFLUSHALL',
    'redis+sentinel://host',
    'redis+sentinel://host/',
    'redis+cluster://host/1',
    'redis+other://host',
    'http://host',
    'redis+cluster://a,,b',
  ])('is refused without being quoted: %p', (url) => {
    const withSecret = url.replace('host', 'u:secret@host');
    for (const text of [url, withSecret]) {
      expect(() => redisBackend({ url: text })).toThrow(ImproperlyConfigured);
      expect(() => redisBackend({ url: text })).toThrow(/^cache\.url (?!.*secret@)/);
    }
  });
});

describe('a hostile key prefix', () => {
  it.each([
    '*',
    'a?',
    'a[b',
    'a]',
    'a\\',
    'a b',
    'a\r\nFLUSHALL',
    'a\n',
    'a\0',
    'ä',
    'a\t',
    '\x7f',
  ])('%p stops the start', (keyPrefix) => {
    expect(() => redisBackend({ url: 'redis://localhost', keyPrefix })).toThrow(
      ImproperlyConfigured,
    );
  });

  it.each([-1, 1.5, Number.NaN, '1' as never])('and a version of %p does', (version) => {
    expect(() => redisBackend({ url: 'redis://localhost', version })).toThrow('cache.version');
  });
});

describe('createBackend', () => {
  it('chooses by the URL', async () => {
    expect(createBackend().answers).toBe('synchronously');
    expect(createBackend({ url: 'memory:' }).answers).toBe('synchronously');
    const backend = createBackend({ url: 'redis://127.0.0.1:1' });
    expect(backend.answers).toBe('later');
    await backend.close();
  });

  it.each(['', 'sqlite::memory:', 'memory', 'memory:x'])('refuses %p', (url) => {
    expect(() => createBackend({ url })).toThrow(/^cache\.url has an unknown scheme/);
  });
});

describe('the serializer', () => {
  const url = 'redis://127.0.0.1:1';

  it.each(['json', 'pickle', undefined] as const)('may be %p', async (serializer) => {
    await createBackend({ url, serializer }).close();
  });

  it.each(['', 'JSON', 'django.core.signing.JSONSerializer', null, {}])(
    'is refused when it is %p',
    (serializer) => {
      expect(() => createBackend({ url, serializer: serializer as never })).toThrow(
        ImproperlyConfigured,
      );
      expect(() => redisBackend({ url, serializer: serializer as never })).toThrow(
        /^cache\.serializer must be 'json'/,
      );
      expect(() => createBackend({ serializer: serializer as never })).toThrow(
        /^cache\.serializer must be 'json'/,
      );
    },
  );

  it('is JSON in the process, where no Django reads it', () => {
    expect(() => createBackend({ url: 'memory:', serializer: 'pickle' })).toThrow(
      ImproperlyConfigured,
    );
    expect(() => createBackend({ serializer: 'pickle' })).toThrow(
      /^cache\.serializer: 'pickle' is for a Redis/,
    );
    expect(createBackend({ serializer: 'json' }).answers).toBe('synchronously');
  });
});

describe('a client of the application', () => {
  it('is refused when it would send unanswered writes again', () => {
    const client = new Redis({ lazyConnect: true });
    expect(() => redisBackend({ client })).toThrow(/redisClientOptions/);
    const cluster = new Cluster([{ host: 'localhost' }], { lazyConnect: true });
    expect(() => redisBackend({ client: cluster })).toThrow(/redisClusterOptions/);
  });

  it('is refused when it would miss sessions while slots move', () => {
    const options = { ...redisClusterOptions, enableAutoPipelining: true, lazyConnect: true };
    const client = new Cluster([{ host: 'localhost' }], options);
    expect(() => redisBackend({ client })).toThrow(/enableAutoPipelining: false/);
  });

  it('excludes a URL', () => {
    const client = new Redis({ ...redisClientOptions, lazyConnect: true });
    expect(() => redisBackend({ client, url: 'redis://localhost' })).toThrow(/^cache\.url/);
    expect(() => redisBackend({})).toThrow(/^cache\.url is missing/);
  });
});

describe('the driver', () => {
  it('may be given, and is checked', () => {
    const url = 'redis://localhost';
    expect(() => redisBackend({ url, driver: {} })).toThrow(/^cache\.driver/);
    expect(() => redisBackend({ url, driver: 'ioredis' })).toThrow(/^cache\.driver/);
  });
});
