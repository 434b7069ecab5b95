import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ImproperlyConfigured } from '@coatcheck/core';
import type { RedisAddress } from './redis-url.ts';
import { endingConnector, type SentinelConnectorClass } from './sentinel-connector.ts';
import type { Corkable } from './write-batches.ts';

/** A `Redis` or `Cluster` of ioredis, as far as it is used here. */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  /** The connection of a single server's client, while there is one. */
  readonly stream?: Corkable | undefined;
  /** Of a cluster's client: those of its servers. */
  nodes?(role: 'all' | 'master'): readonly RedisClient[];
  defineCommand(name: string, definition: { lua: string; numberOfKeys: number }): void;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
  /** @param reconnect whether it is to connect again. */
  disconnect(reconnect?: boolean): void;
}

/** What ioredis exports, as far as it is used here. */
export interface RedisDriver {
  readonly Redis: new (options: object) => RedisClient;
  readonly Cluster: new (nodes: readonly object[], options: object) => RedisClient;
  readonly SentinelConnector?: SentinelConnectorClass;
}

/**
 * How ioredis has to be set up for sessions: `new Redis({ ...redisClientOptions, host })`. Without these a write that
 * a broken connection left unanswered would be sent a second time, or wait for ever.
 */
export const redisClientOptions: {
  readonly enableAutoPipelining: false;
  readonly enableOfflineQueue: boolean;
  readonly autoResendUnfulfilledCommands: false;
  readonly maxRetriesPerRequest: 0;
  readonly connectTimeout: number;
  readonly disconnectTimeout: number;
  readonly socketTimeout: number;
  readonly keepAlive: number;
  readonly maxLoadingRetryTime: number;
  readonly retryStrategy: (attempts: number) => number;
  readonly sentinelRetryStrategy: (attempts: number) => number;
  readonly sentinelCommandTimeout: number;
  readonly reconnectOnError: (error: Error) => boolean;
} = {
  // Commands of one moment share a packet all the same, for less: see WriteBatches.
  enableAutoPipelining: false,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // Commands under way fail when their connection does.
  maxRetriesPerRequest: 0,
  connectTimeout: 1000,
  disconnectTimeout: 250,
  // A connection on which nothing comes back is given up soon after the deadline of an operation.
  socketTimeout: 1500,
  keepAlive: 10_000,
  maxLoadingRetryTime: 250,
  retryStrategy,
  sentinelRetryStrategy: retryStrategy,
  // One that takes connections and says nothing would be waited for by itself for ever, instead of asking the next one.
  sentinelCommandTimeout: 1000,
  // A primary that was demoted; the next connection goes to its successor.
  reconnectOnError: ({ message }) => message.startsWith('READONLY'),
};

/** The same for a cluster: `new Cluster(nodes, redisClusterOptions)`. */
export const redisClusterOptions: {
  readonly enableAutoPipelining: false;
  readonly retryDelayOnFailover: 0;
  readonly retryDelayOnClusterDown: 0;
  readonly maxRedirections: number;
  readonly slotsRefreshTimeout: number;
  readonly clusterRetryStrategy: (attempts: number) => number;
  readonly redisOptions: object;
} = {
  // It redirects all reads of a pipeline to where one of their keys has moved; those that have not moved do not exist there.
  enableAutoPipelining: false,
  retryDelayOnFailover: 0,
  // What waits for a cluster that is down would be sent whenever it is back.
  retryDelayOnClusterDown: 0,
  maxRedirections: 6,
  slotsRefreshTimeout: 1000,
  clusterRetryStrategy: retryStrategy,
  redisOptions: {
    maxRetriesPerRequest: 0,
    connectTimeout: redisClientOptions.connectTimeout,
    disconnectTimeout: redisClientOptions.disconnectTimeout,
    socketTimeout: redisClientOptions.socketTimeout,
    keepAlive: redisClientOptions.keepAlive,
    maxLoadingRetryTime: redisClientOptions.maxLoadingRetryTime,
  },
};

/** Opens a client for the address; it connects at once and again whenever the connection is lost. */
export function openRedis(
  { nodes, sentinelName, isCluster, ...node }: RedisAddress,
  tls: object | undefined,
  driver: unknown,
  section: string,
): RedisClient {
  const { Redis, Cluster, SentinelConnector } =
    driver === undefined ? findDriver(section) : checkDriver(driver, section);
  const { username, password, db, isEncrypted } = node;
  const options = { username, password, db, ...(isEncrypted && { tls: { ...tls } }) };
  if (isCluster) {
    const { redisOptions, ...clusterOptions } = redisClusterOptions;
    return new Cluster(nodes, { ...clusterOptions, redisOptions: { ...redisOptions, ...options } });
  }
  if (sentinelName === undefined) {
    return new Redis({ ...redisClientOptions, ...options, ...nodes[0] });
  }
  return new Redis({
    ...redisClientOptions,
    ...options,
    sentinels: nodes,
    name: sentinelName,
    ...(SentinelConnector && {
      Connector: endingConnector(SentinelConnector, redisClientOptions.disconnectTimeout),
    }),
    ...(isEncrypted && { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } }),
  });
}

/** @throws {ImproperlyConfigured} when the client could write a session twice, or miss one. */
export function checkClient(client: RedisClient, section: string): RedisClient {
  const options = client.options as Record<string, unknown>;
  if (client.isCluster && options.enableAutoPipelining) {
    throw new ImproperlyConfigured(
      `${section}.client has enableAutoPipelining, with which a cluster says of sessions that they do not exist while their slot moves: open it with enableAutoPipelining: false, as in the redisClusterOptions that @coatcheck/cache exports.`,
    );
  }
  const isSafe = client.isCluster
    ? options.retryDelayOnFailover === 0
    : options.autoResendUnfulfilledCommands === false && options.maxRetriesPerRequest === 0;
  if (isSafe) return client;
  const [type, remedy] = client.isCluster
    ? ['Cluster(nodes, ', 'redisClusterOptions']
    : ['Redis({ ', '...redisClientOptions, … }'];
  throw new ImproperlyConfigured(
    `${section}.client would send unanswered writes again, so that a session may be written twice: open it as new ${type}${remedy}) with the options that @coatcheck/cache exports.`,
  );
}

/** Milliseconds until the next attempt to connect: at most half a second, so that it is soon noticed that a server is back. */
function retryStrategy(attempts: number): number {
  return Math.min(25 * 2 ** Math.min(attempts, 10), 400) + Math.random() * 100;
}

function findDriver(section: string): RedisDriver {
  for (const place of [import.meta.url, pathToFileURL(path.resolve('package.json'))]) {
    try {
      return checkDriver(createRequire(place)('ioredis'), section);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ImproperlyConfigured(
    `The driver for the Redis server in ${section}.url is not installed: npm install ioredis.`,
  );
}

function checkDriver(driver: unknown, section: string): RedisDriver {
  const { default: defaultExport } = driver as { default?: unknown };
  for (const found of [driver, defaultExport] as Partial<RedisDriver>[]) {
    const { Redis, Cluster, SentinelConnector } = found ?? {};
    if (Redis && Cluster)
      return { Redis, Cluster, ...(SentinelConnector && { SentinelConnector }) };
  }
  throw new ImproperlyConfigured(
    `${section}.driver is not what ioredis exports: pass its module, or leave the option out.`,
  );
}
