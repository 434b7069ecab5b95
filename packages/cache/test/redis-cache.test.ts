import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { type CacheBackend, RedisCache, redisBackend, redisClientOptions } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { freePort, type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { describeWithServers } from './redis.ts';
import { record, SECRET_KEY, writeSession } from './sessions.ts';

const hour = 3_600_000;

describeWithServers('a Redis of its own', () => {
  let server: RedisServer;
  let backend: CacheBackend;
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    await server.command('flushall');
    backend = redisBackend({ url: server.url });
  });
  afterEach(() => backend.close());
  afterAll(() => server?.stop());

  /** The commands that reached the server from clients while `action` ran; those of scripts are not counted. */
  async function commandsOf(action: () => Promise<unknown>): Promise<Record<string, number>> {
    await server.command('config', 'resetstat');
    await action();
    const stats = await server.command('info', 'commandstats');
    const counts = stats.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm);
    const ours = [...counts].filter(([, name = '']) => !/^(config|info|command)/.test(name));
    return Object.fromEntries(ours.map(([, name, calls]) => [name, Number(calls)]));
  }

  describe('a call is one command', () => {
    const key = record('key').key;
    const calls: [name: string, act: () => unknown, command: Record<string, number>][] = [
      ['load', () => backend.load(key), { get: 1 }],
      ['load of nothing', () => backend.load(record('other').key), { get: 1 }],
      ['create', () => backend.create(record('new')), { set: 1 }],
      ['update', () => backend.update(record('key'), 'first'), { evalsha: 1, get: 1, set: 1 }],
      ['touch', () => backend.touch(record('key'), 'first'), { evalsha: 1, get: 1, set: 1 }],
      ['delete', () => backend.delete(key), { del: 1 }],
      ['delete of a base', () => backend.delete(key, 'first'), { evalsha: 1, get: 1, del: 1 }],
    ];
    beforeEach(async () => {
      await backend.create(record('key'));
      // The first call on a connection brings the script along.
      await backend.update(record('key'), 'first');
      await backend.delete(record('other').key, 'first');
    });

    it.each(calls)('%s, and what its script does', async (_, act, commands) => {
      expect(await commandsOf(async () => act())).toEqual(commands);
    });

    it('a refused update too, which says what is there instead', async () => {
      const stale = async () =>
        expect(backend.update(record('key'), 'stale')).rejects.toMatchObject({
          reason: 'changed',
          current: { data: 'first', base: 'first' },
        });
      expect(await commandsOf(stale)).toEqual({ evalsha: 1, get: 1, pttl: 1 });
    });

    it('load once expiries are renewed, since only then they are looked at', async () => {
      expect(await backend.load(key)).toEqual({ data: 'first', base: 'first' });
      await backend.touch(record('key'), 'first');
      const found = await backend.load(key);
      const left = Number(found?.expiresAt) - Date.now();
      expect(left).toBeGreaterThan(hour - 10_000);
      expect(left).toBeLessThanOrEqual(hour);
      const load = async () => backend.load(key);
      expect(await commandsOf(load)).toEqual({ evalsha: 1, get: 1, pttl: 1 });
    });

    it('a script again after the server forgot it', async () => {
      await server.command('script', 'flush');
      await backend.update(record('key'), 'first');
      expect(await backend.load(key)).toMatchObject({ data: 'first' });
    });
  });

  it('lets the server end records', async () => {
    await backend.create(record('short', { expiresAt: new Date(Date.now() + 60) }));
    expect(await backend.load(record('short').key)).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await backend.load(record('short').key)).toBeUndefined();
    expect(await server.command('dbsize')).toBe('0');
  });

  it('renews idle timeouts no more often than it has to', async () => {
    const sessions = createSessions({ backend, secretKey: SECRET_KEY, idleTimeout: 600 });
    const { sessionKey } = await writeSession(backend, { a: 1 });
    const visits = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const response = { headersSent: false, getHeader: () => undefined, setHeader: () => 0 };
        const request = sessions.openForRequest(`sessionid=${sessionKey}`, response);
        await request.begin();
        expect(request.session.get('a')).toBe(1);
        await request.finish(200);
      }
    };
    await visits(2);
    const commands = await commandsOf(() => visits(10));
    expect(commands).toEqual({ evalsha: 10, get: 10, pttl: 10 });
  });

  describe('a full server', () => {
    beforeEach(() => server.command('config', 'set', 'maxmemory-policy', 'noeviction'));
    afterEach(() => server.command('config', 'set', 'maxmemory', '0'));

    it('refuses writes, keeps what it has, and can still end sessions', async () => {
      await backend.create(record('key'));
      await server.command('config', 'set', 'maxmemory', '1');
      const refused = { name: 'RedisFailure', code: 'OOM' };
      await expect(backend.create(record('new'))).rejects.toMatchObject(refused);
      const second = record('key', { data: 'second' });
      await expect(backend.update(second, 'first')).rejects.toMatchObject(refused);
      await expect(backend.touch(second, 'first')).rejects.toMatchObject(refused);
      expect(await backend.load(second.key)).toMatchObject({ data: 'first' });
      expect(await backend.delete(second.key, 'first')).toBe(true);
    });
  });

  it('takes a client of the application, adds its prefix, and leaves it open', async () => {
    const client = new Redis(server.url, { ...redisClientOptions, keyPrefix: 'app:' });
    const theirs = redisBackend({ client });
    await theirs.create(record('key'));
    await theirs.update(record('key', { data: 'second' }), 'first');
    expect(await theirs.load(record('key').key)).toMatchObject({ data: 'second' });
    await theirs.close();
    const stored = `:1:django.contrib.sessions.cache${record('key').key}`;
    expect(await client.get(stored)).toBe('second');
    expect(await server.command('exists', `app:${stored}`)).toBe('1');
    expect(client.listenerCount('error')).toBe(0);
    client.disconnect();
  });

  describe('as a cache of something else', () => {
    it('puts an entry there whatever was there', async () => {
      const cache = new RedisCache({ url: server.url, name: 'other' });
      await cache.set('key', 'one', new Date(Date.now() + hour));
      await cache.set('key', 'two', new Date(Date.now() + hour));
      expect(await cache.get('key', true)).toMatchObject({ text: 'two' });
      await cache.set('key', 'three', new Date());
      expect(await cache.get('key')).toBeUndefined();
      await cache.close();
    });
  });
});

describeWithServers('a Redis that keeps its data over a restart', () => {
  it('is empty to a cache that asks for that, and no place lost to sessions', async () => {
    const server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    const backend = redisBackend({ url: server.url });
    const cache = new RedisCache({ url: server.url, name: 'other', startsEmpty: true });
    try {
      await backend.create(record('key'));
      await cache.set('key', 'text', new Date(Date.now() + hour));
      expect(await cache.get('key')).toMatchObject({ text: 'text' });
      await server.signal('SIGKILL');
      await server.start();
      for (const load of [() => backend.load(record('key').key), () => cache.get('key')]) {
        const start = performance.now();
        while ((await (async () => load())().catch(() => 0)) === 0) {
          expect(performance.now() - start).toBeLessThan(10_000);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      expect(await backend.load(record('key').key)).toMatchObject({ data: 'first' });
      await expect(cache.get('key')).resolves.toBeUndefined();
    } finally {
      await Promise.all([backend.close(), cache.close()]);
      await server.stop();
    }
  });
});

describeWithServers('an encrypted Redis with a password', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-cache-'));
  const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
  let server: RedisServer;
  let url: string;
  beforeAll(async () => {
    const openssl = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${key} -out ${cert} -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1`;
    execFileSync('openssl', openssl.split(' '), { stdio: 'ignore' });
    const port = await freePort();
    const files = { 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': cert };
    const config = { ...files, 'tls-port': String(port), 'tls-auth-clients': 'no' };
    server = await startRedis({ config: { ...config, requirepass: 'pass-word' } });
    url = `rediss://:PASSWORD@127.0.0.1:${port}`;
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true });
  });

  it('is reached by its certificate', async () => {
    const tls = { ca: readFileSync(cert) };
    const backend = redisBackend({ url: url.replace('PASSWORD', 'pass-word'), tls });
    await backend.create(record('key'));
    expect(await backend.load(record('key').key)).toMatchObject({ data: 'first' });
    await backend.close();
  });

  it.each([
    ['without its certificate', 'pass-word', false],
    ['with a wrong password', 'wrong-word', true],
  ])('is not reached %s, which is not told to anybody', async (_, password, trusted) => {
    const tls = trusted ? { ca: readFileSync(cert) } : {};
    const backend = redisBackend({ url: url.replace('PASSWORD', password), tls });
    for (let i = 0; i < 3; i++) {
      const creating = Promise.resolve(backend.create(record('key')));
      const error = await creating.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'NOTCONNECTED' });
      const text = inspect(error, { depth: null, showHidden: true });
      expect(text).not.toMatch(/-word|key0000|first/);
      expect(text).toMatch(trusted ? /WRONGPASS/ : /SELF_SIGNED/);
    }
    await backend.close();
  });
});
