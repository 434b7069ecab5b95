import { type CacheBackend, RedisCache, redisBackend, redisClientOptions } from '@coatcheck/cache';
import { type Awaitable, createSessions } from '@coatcheck/core';
import {
  type RedisServer,
  type RedisServers,
  startRedis,
  startRedisSentinel,
  TcpProxy,
} from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { describeWithServers } from './redis.ts';
import { record, SECRET_KEY } from './sessions.ts';

jest.setTimeout(60_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const unconfirmed = { name: 'BackendUnavailable', ambiguous: true };
const errorOf = (call: Awaitable<unknown>) =>
  Promise.resolve(call).then(
    () => 'no error',
    (error: unknown) => error,
  );

describeWithServers('a Redis with a replica that has to confirm each write', () => {
  let primary: RedisServer;
  let replica: RedisServer;
  let backend: CacheBackend;
  beforeEach(async () => {
    primary = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } });
    replica = await startRedis({ config: { replicaof: `127.0.0.1 ${primary.port}` } });
    backend = redisBackend({ url: primary.url, waitReplicas: 1 });
    // Online it is at once, and of use as soon as it confirms what it has.
    for (let i = 0; (await errorOf(backend.create(record(`first${i}x`)))) !== 'no error'; i++) {
      if (i === 100) throw new Error('The replica never came.');
    }
  });
  afterEach(async () => {
    await replica.signal('SIGCONT');
    await backend.close();
    await primary.stop();
    await replica.stop();
  });

  const waits = async () =>
    Number(
      /cmdstat_wait:calls=(\d+)/.exec(await primary.command('info', 'commandstats'))?.[1] ?? 0,
    );
  /** What the replica has under the key, and what it does not have any more. */
  const onReplica = async ({ key }: { key: string }) =>
    (await replica.command('get', `:1:django.contrib.sessions.cache${key}`)) || undefined;

  it('has told it of everything that is done', async () => {
    for (let i = 0; i < 20; i += 1) {
      const one = record(`k${i}x`);
      await backend.create(one);
      expect(await onReplica(one)).toBe('first');
      await backend.update({ ...one, data: 'second' }, 'first');
      expect(await onReplica(one)).toBe('second');
      await backend.delete(one.key, 'second');
      expect(await onReplica(one)).toBeUndefined();
    }
    expect(await waits()).toBeGreaterThanOrEqual(60);
  });

  it('asks once for writes that are done together', async () => {
    const [before, asked] = [Number(await replica.command('dbsize')), await waits()];
    await Promise.all(Array.from({ length: 500 }, (_, i) => backend.create(record(`k${i}x`))));
    expect(Number(await replica.command('dbsize'))).toBe(before + 500);
    expect((await waits()) - asked).toBeLessThan(50);
  });

  it('says of a write that it may be undone while the replica is away, and goes on reading', async () => {
    await backend.create(record('before'));
    await replica.signal('SIGSTOP');
    let isDone = false;
    const writing = errorOf(backend.update(record('before', { data: 'second' }), 'first'));
    void writing.finally(() => {
      isDone = true;
    });
    expect(await backend.load(record('before').key)).toBeDefined();
    expect(isDone).toBe(false);
    expect(await writing).toMatchObject({
      ...unconfirmed,
      message: expect.stringContaining('0 of 1 replicas'),
    });
    // The primary has it all the same.
    expect(await backend.load(record('before').key)).toMatchObject({ data: 'second' });
    expect(await errorOf(backend.delete(record('before').key))).toMatchObject(unconfirmed);
    await replica.signal('SIGCONT');
    await backend.create(record('after'));
  });

  it('takes no answer from another connection than that of the write', async () => {
    await backend.create(record('before'));
    await replica.signal('SIGSTOP');
    const writing = errorOf(backend.create(record('new')));
    await pause(100);
    await primary.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    // On a new connection, with nothing written on it, the server would confirm at once.
    expect(await writing).toMatchObject(unconfirmed);
    expect(await backend.load(record('new').key)).toMatchObject({ data: 'first' });
  });

  it('has an answer of 503 for a session that only one server has, and no cookie', async () => {
    const sessions = createSessions({ backend, secretKey: SECRET_KEY });
    await replica.signal('SIGSTOP');
    const headers = new Map<string, unknown>();
    const http = sessions.openForRequest(undefined, {
      headersSent: false,
      getHeader: (name) => headers.get(name) as string | undefined,
      setHeader: (name, value) => headers.set(name, value),
    });
    http.session.set('a', 1);
    expect(await errorOf(http.finish(200))).toMatchObject({ ...unconfirmed, status: 503 });
    expect(headers.has('Set-Cookie')).toBe(false);
  });

  it('takes a client of the application, which it does not close', async () => {
    const client = new Redis(primary.url, redisClientOptions);
    const theirs = redisBackend({ client, waitReplicas: 1 });
    await theirs.create(record('theirs'));
    await theirs.close();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    expect(await onReplica(record('theirs'))).toBe('first');
  });
});

describeWithServers('a failover of a Redis whose replicas confirm each write', () => {
  let servers: RedisServers;
  beforeEach(async () => {
    servers = await startRedisSentinel({ replicas: 2, sentinels: 3 });
  });
  afterEach(async () => {
    for (const server of servers.servers) await server.signal('SIGCONT');
    await servers.stop();
  });

  it('loses nothing', async () => {
    const backend = redisBackend({ url: servers.url, waitReplicas: 1 });
    const [created, ended]: [string[], string[]] = [[], []];
    let failed = 0;
    let isOver = false;
    let isBack = false;
    const work = async (worker: number): Promise<void> => {
      for (let i = 0; !isOver; i += 1) {
        const one = record(`w${worker}n${i}x`);
        try {
          await backend.create(one);
          // Every other session is ended at once.
          if (i % 2 === 0) created.push(one.key);
          else if (await backend.delete(one.key)) ended.push(one.key);
          if (failed > 0) isBack = true;
        } catch {
          failed += 1;
          await pause(20);
        }
      }
    };
    const working = Array.from({ length: 10 }, (_, i) => work(i));
    await pause(1000);
    await servers.servers[0]?.signal('SIGKILL');
    const start = performance.now();
    while (!isBack && performance.now() - start < 30_000) await pause(50);
    isOver = true;
    await Promise.all(working);
    expect([isBack, failed > 0, created.length > 100, ended.length > 100]).toEqual(
      Array(4).fill(true),
    );
    const fresh = redisBackend({ url: servers.url });
    const found = async (keys: string[]) =>
      (await Promise.all(keys.map((key) => fresh.load(key)))).filter(Boolean).length;
    expect(await found(created)).toBe(created.length);
    expect(await found(ended)).toBe(0);
    await fresh.close();
    await backend.close();
  });

  it('is followed by reads that were connecting when writes had followed', async () => {
    const sentinel = new TcpProxy(String(servers.sentinels[0]?.url));
    await sentinel.accept();
    sentinel.requests.mode = 'hold';
    const at = { host: '127.0.0.1', port: sentinel.port };
    const client = new Redis({ ...redisClientOptions, sentinels: [at], name: 'sessions' });
    // Only what reads asks a Sentinel that says nothing for now.
    Object.assign(client.options, { sentinels: [servers.sentinels[1]] });
    const backend = redisBackend({ client, waitReplicas: 1 });
    const writes = async (name: string) => {
      for (let i = 0; (await errorOf(backend.create(record(`${name}${i}x`)))) !== 'no error'; i++) {
        if (i === 100) throw new Error('It cannot be written to.');
      }
    };
    await writes('first');
    await servers.servers[0]?.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    await writes('second');
    expect(client.status).toBe('connecting');
    sentinel.requests.mode = 'pass';
    const load = async () => backend.load('a'.repeat(32));
    for (let i = 0; (await errorOf(load())) !== 'no error'; i++) {
      if (i === 100) throw new Error('It cannot be read.');
      await pause(20);
    }
    await backend.close();
    client.disconnect();
    await sentinel.refuse();
  });

  it('undoes what no replica had, which was confirmed by nobody but a backend that asks none', async () => {
    const plain = redisBackend({ url: servers.url });
    const backend = redisBackend({ url: servers.url, waitReplicas: 1 });
    await Promise.all([plain.create(record('before')), backend.create(record('both'))]);
    const [primary, ...replicas] = servers.servers;
    for (const replica of replicas) await replica.signal('SIGSTOP');
    // What is sent from here on waits in no buffer for them.
    await primary?.command('client', 'kill', 'type', 'replica');
    await plain.create(record('plain'));
    expect(await errorOf(backend.create(record('asked')))).toMatchObject(unconfirmed);
    await primary?.signal('SIGKILL');
    for (const replica of replicas) await replica.signal('SIGCONT');
    const start = performance.now();
    const load = async (name: string) => backend.load(record(name).key);
    while ((await errorOf(load('both'))) !== 'no error') {
      if (performance.now() - start > 30_000) throw new Error('There is no new primary.');
      await pause(50);
    }
    expect(await load('both')).toBeDefined();
    expect([await load('plain'), await load('asked')]).toEqual([undefined, undefined]);
    await plain.close();
    await backend.close();
  });
});

describe('the setting waitReplicas', () => {
  it.each([-1, 1.5, Number.NaN, '1' as never])('is refused when it is %p', (waitReplicas) => {
    expect(() => redisBackend({ url: 'redis://localhost', waitReplicas })).toThrow(
      /^cache\.waitReplicas must be a whole number/,
    );
  });

  it('is refused where it cannot be had, or is of no use', () => {
    const waitReplicas = 1;
    expect(() => redisBackend({ url: 'redis+cluster://localhost', waitReplicas })).toThrow(
      /^cache\.waitReplicas cannot be had in a cluster/,
    );
    const options = { url: 'redis://localhost', startsEmpty: true, waitReplicas };
    expect(() => new RedisCache(options)).toThrow(/^cache\.waitReplicas is of no use/);
  });
});
