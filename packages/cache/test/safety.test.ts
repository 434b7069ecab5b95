import { memoryBackend, redisBackend } from '@coatcheck/cache';
import { type RedisServer, startRedis } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import { describeWithServers } from './redis.ts';

describeWithServers('what Redis says of its safety', () => {
  const servers: RedisServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  async function start(config: Record<string, string>): Promise<RedisServer> {
    const server = await startRedis({ config });
    servers.push(server);
    return server;
  }

  async function found(url: string, waitReplicas = 0): Promise<string[]> {
    const backend = redisBackend({ url, waitReplicas });
    try {
      const findings = await backend.reportSafety();
      return findings.map(({ level, about, message }) => `${level} ${about}: ${message}`);
    } finally {
      await backend.close();
    }
  }

  it('is safe with an append-only file, synced always, and no eviction', async () => {
    const { url } = await start({
      appendonly: 'yes',
      appendfsync: 'always',
      maxmemory: '64mb',
      'maxmemory-policy': 'noeviction',
    });
    expect(await found(url)).toEqual([
      'safe Redis persistence: appendfsync is always: what was answered is on disk.',
      expect.stringMatching(/^safe Redis memory: When memory is full, new sessions are refused/),
      expect.stringMatching(/^notice Redis replicas: There is none/),
    ]);
  });

  it.each([
    [{ appendonly: 'no' }, /^unsafe Redis persistence: Nothing is written to disk/],
    [{ appendonly: 'no', save: '900 1' }, /^unsafe Redis persistence: Only snapshots/],
    [{ appendonly: 'yes' }, /^notice Redis persistence: appendfsync is everysec: a power cut/],
    [{ appendonly: 'yes', appendfsync: 'no' }, /^unsafe Redis persistence: appendfsync is no/],
    [{ appendonly: 'yes' }, /^notice Redis memory: maxmemory is not set/],
    [
      { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' },
      /^unsafe Redis memory: maxmemory-policy is allkeys-lru: when memory is full, live sessions/,
    ],
    [
      { maxmemory: '64mb', 'maxmemory-policy': 'volatile-ttl' },
      /^unsafe Redis memory: maxmemory-policy is volatile-ttl/,
    ],
  ] as const)('judges a server with %j', async (config, expected) => {
    const { url } = await start(config);
    const findings = await found(url);
    expect(findings.filter((line) => expected.test(line))).toHaveLength(1);
  });

  it('tells what a failover to a replica may lose', async () => {
    const primary = await start({});
    const replica = await start({ replicaof: `127.0.0.1 ${primary.port}` });
    while (!(await replica.command('info', 'replication')).includes('master_link_status:up'));
    expect((await found(primary.url))[2]).toMatch(
      /^notice Redis replicas: Replication is asynchronous.*min-replicas-to-write is 0/,
    );
    await primary.command('config', 'set', 'min-replicas-to-write', '1');
    expect((await found(primary.url))[2]).toMatch(/min-replicas-to-write 1 keeps/);
    expect((await found(primary.url, 1))[2]).toMatch(
      /^safe .*waitReplicas is 1: what was answered/,
    );
    expect((await found(primary.url, 2))[2]).toMatch(/^unsafe .*is 2, and one is connected/);
  });

  it('says so where the server does not let its settings be read', async () => {
    const { url } = await start({ 'rename-command': 'CONFIG ""' });
    const [settings] = await found(url);
    expect(settings).toMatch(/^notice Redis settings: CONFIG GET is not allowed here/);
  });

  it('rejects where the server does not answer', async () => {
    const server = await start({});
    await server.signal('SIGKILL');
    await expect(found(server.url)).rejects.toThrow('There is no connection to Redis.');
  });
});

describe('what a cache in memory says of its safety', () => {
  it('is unsafe', async () => {
    expect(await memoryBackend().reportSafety()).toEqual([
      expect.objectContaining({ level: 'unsafe', about: 'Memory' }),
    ]);
  });
});
