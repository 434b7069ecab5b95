import { freePort, type RedisServer, startRedis } from './redis-server.ts';

/** Several servers that belong together. */
export interface RedisServers {
  /** As `redisBackend` takes it. */
  readonly url: string;
  /** The primaries of a cluster; the primary first and its replicas behind Sentinels. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  stop(): Promise<void>;
}

/** The number of hash slots of every Redis Cluster. */
const SLOTS = 16_384;

/** Starts a Redis Cluster of three primaries without replicas on loopback. */
export async function startRedisCluster(): Promise<RedisServers> {
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const busPorts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const busPort = await freePort();
      busPorts.push(busPort);
      const config = {
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': '2000',
      };
      servers.push(await startRedis({ config }));
    }
    for (const [i, server] of servers.entries()) {
      const first = Math.ceil((i * SLOTS) / 3);
      const last = Math.ceil(((i + 1) * SLOTS) / 3) - 1;
      await server.command('cluster', 'set-config-epoch', String(i + 1));
      await server.command('cluster', 'addslotsrange', String(first), String(last));
      if (i > 0) {
        const [port, busPort] = [String(servers[0]?.port), String(busPorts[0])];
        await server.command('cluster', 'meet', '127.0.0.1', port, busPort);
      }
    }
    for (const server of servers) {
      await until(async () => {
        const info = await server.command('cluster', 'info');
        return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info);
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const hosts = servers.map(({ port }) => `127.0.0.1:${port}`);
  return { url: `redis+cluster://${hosts.join(',')}`, servers, sentinels: [], stop };
}

/** How many servers `startRedisSentinel` starts. */
export interface RedisSentinelOptions {
  /** @default 1 */
  readonly replicas?: number;
  /** @default 1 */
  readonly sentinels?: number;
}

/** The name by which the Sentinels know the primary. */
const PRIMARY = 'sessions';

/** Starts a primary, its replicas and Sentinels that replace it one second after it stops answering. */
export async function startRedisSentinel({
  replicas = 1,
  sentinels: sentinelCount = 1,
}: RedisSentinelOptions = {}): Promise<RedisServers> {
  const servers: RedisServer[] = [];
  const sentinels: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
  };
  try {
    const primary = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } });
    servers.push(primary);
    for (let i = 0; i < replicas; i++) {
      servers.push(await startRedis({ config: { replicaof: `127.0.0.1 ${primary.port}` } }));
    }
    const quorum = Math.floor(sentinelCount / 2) + 1;
    for (let i = 0; i < sentinelCount; i++) {
      const sentinel = [
        `monitor ${PRIMARY} 127.0.0.1 ${primary.port} ${quorum}`,
        `down-after-milliseconds ${PRIMARY} 1000`,
        `failover-timeout ${PRIMARY} 3000`,
      ];
      sentinels.push(await startRedis({ sentinel }));
    }
    // Online they are at once, and of use as soon as they confirm something.
    await primary.command('set', 'first', '1', 'px', '1');
    await until(async () => {
      const lines = await primary.command('info', 'replication');
      return (lines.match(/state=online,offset=[1-9]/g) ?? []).length === replicas;
    });
    for (const sentinel of sentinels) {
      await until(async () => {
        const known = (await sentinel.command('sentinel', 'master', PRIMARY)).split('\n');
        const field = (name: string): string | undefined => known[known.indexOf(name) + 1];
        return (
          field('num-slaves') === String(replicas) &&
          field('num-other-sentinels') === String(sentinelCount - 1)
        );
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`);
  return { url: `redis+sentinel://${hosts.join(',')}/${PRIMARY}`, servers, sentinels, stop };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('The servers did not find each other.');
}
