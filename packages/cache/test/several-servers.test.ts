import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import {
  type CacheBackend,
  RedisCache,
  type RedisOptions,
  redisBackend,
  redisClusterOptions,
} from '@coatcheck/cache';
import { ImproperlyConfigured } from '@coatcheck/core';
import {
  type RedisServer,
  type RedisServers,
  startRedisCluster,
  startRedisSentinel,
} from '@coatcheck/test-support';
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

  /** A client of the application. */
  const newClient = (): Cluster => {
    const nodes = servers.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, redisClusterOptions);
    opened.push(async () => client.disconnect());
    return client;
  };

  /** The slot of a key, who has it, and another server. */
  const slotOf = async (key: string) => {
    const [first] = servers.servers;
    const slot = (await first?.command('cluster', 'keyslot', key)) ?? '';
    const all = await Promise.all(
      servers.servers.map(async (server) => {
        const id = await server.command('cluster', 'myid');
        const lines = (await server.command('cluster', 'nodes')).split('\n');
        const ranges =
          lines
            .find((line) => line.includes('myself'))
            ?.split(' ')
            .slice(8) ?? [];
        const owns = ranges.some((range) => {
          const [start = 0, end = start] = range.split('-').map(Number);
          return start <= Number(slot) && Number(slot) <= end;
        });
        return { server, id, owns };
      }),
    );
    const [from, to] = [all.find(({ owns }) => owns), all.find(({ owns }) => !owns)];
    if (!from || !to) throw new Error(`Nobody has slot ${slot}.`);
    return { slot, from: from.server, fromId: from.id, to: to.server, toId: to.id };
  };

  /** Begins to move a slot to another server. */
  const startMoving = async (key: string) => {
    const found = await slotOf(key);
    const { slot, from, fromId, to, toId } = found;
    await to.command('cluster', 'setslot', slot, 'importing', fromId);
    await from.command('cluster', 'setslot', slot, 'migrating', toId);
    return found;
  };

  const migrate = (key: string, from: RedisServer, to: RedisServer) =>
    from.command('migrate', '127.0.0.1', `${to.port}`, key, '0', '5000', 'replace');

  it('takes a client of the application', async () => {
    const backend = open({ client: newClient(), keyPrefix: 'theirs' });
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

  it('finds all keys of a slot of which one has moved', async () => {
    const backend = open({ url: servers.url, keyPrefix: '{slot}' });
    const records = Array.from({ length: 5 }, () => record(randomBytes(16).toString('hex')));
    await Promise.all(records.map((each) => backend.create(each)));
    const { slot, from, to, toId } = await startMoving('{slot}');
    const found = () => Promise.all(records.map(({ key }) => backend.load(key)));
    const all = (data: string) => records.map(() => expect.objectContaining({ data }));
    const keys = (await from.command('cluster', 'getkeysinslot', slot, '10')).split('\n');
    for (const [moved, key] of keys.entries()) {
      await migrate(key, from, to);
      const [was, is] = [moved === 0 ? 'first' : `${moved - 1}`, `${moved}`];
      expect(await found()).toEqual(all(was));
      await Promise.all(records.map((each) => backend.update({ ...each, data: is }, was)));
      expect(await found()).toEqual(all(is));
    }
    for (const node of [to, from]) await node.command('cluster', 'setslot', slot, 'node', toId);
    expect(await found()).toEqual(all(`${keys.length - 1}`));
    await Promise.all(records.map(({ key }) => backend.delete(key)));
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
    const moveSome = async () => {
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
            await migrate(each, from, to);
          }
        }
        await pause(50);
        await to.command('cluster', 'setslot', slot, 'node', toId);
        await from.command('cluster', 'setslot', slot, 'node', toId);
      }
    };
    await moveSome().finally(() => {
      moved = true;
    });
    await writing;
    expect(rounds).toBeGreaterThan(1);
  });

  it('says of a write that nothing was done where no server has its slot', async () => {
    const backend = open({ url: servers.url, keyPrefix: '{nobody}' });
    const { key } = await backend.create(record('nobody'));
    const update = async () => backend.update(record(key, { data: 'second' }), 'first');
    const { slot, fromId } = await slotOf('{nobody}');
    for (const each of servers.servers) await each.command('cluster', 'delslots', slot);
    await expect(update()).rejects.toMatchObject({ name: 'RedisFailure', code: 'CLUSTERDOWN' });
    for (const each of servers.servers) {
      await each.command('cluster', 'setslot', slot, 'node', fromId);
    }
    for (;;) {
      const error = await update().then(
        () => undefined,
        (reason) => reason,
      );
      if (!error) break;
      expect(error).toMatchObject({ code: 'CLUSTERDOWN' });
      await pause(20);
    }
    expect(await backend.load(key)).toMatchObject({ data: 'second' });
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

  it('fails the call whose key has moved to a node that is killed, and nothing else', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    opened.push(async () => void process.off('unhandledRejection', note));
    const client = newClient();
    await new Promise((resolve) => client.once('ready', resolve));
    const asked = new EventEmitter();
    for (const node of client.nodes('all')) {
      const asking = node.asking.bind(node);
      node.asking = () => {
        asked.emit('asked');
        return asking();
      };
    }
    const backend = open({ client, keyPrefix: '{lost}' });
    const { key } = await backend.create(record('lost'));
    const { slot, from, to } = await startMoving('{lost}');
    const [moving = ''] = (await from.command('cluster', 'getkeysinslot', slot, '1')).split('\n');
    await migrate(moving, from, to);
    expect(await backend.load(key)).toBeDefined();
    await to.signal('SIGSTOP');
    const redirected = once(asked, 'asked');
    const loading = backend.load(key);
    await redirected;
    await to.signal('SIGKILL');
    await expect(loading).rejects.toThrow('Connection is closed.');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});
