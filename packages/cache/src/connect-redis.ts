import { ImproperlyConfigured } from '@coatcheck/core';
import { checkClient, openRedis, type RedisClient } from './redis-client.ts';
import { RedisConnection, type RedisSender } from './redis-connection.ts';
import { parseRedisUrl } from './redis-url.ts';
import { checkWaitReplicas, ReplicatedConnection } from './replicated-connection.ts';

/** How a Redis is reached; either `url` or `client` is needed. */
export interface RedisAccess {
  /** `redis://`, `redis+sentinel://` or `redis+cluster://`; `rediss` instead of `redis` encrypts. */
  readonly url?: string | undefined;
  /** A `Redis` or `Cluster` that the application opened with `redisClientOptions` or `redisClusterOptions`, and closes itself. */
  readonly client?: RedisClient | undefined;
  /** For an encrypted connection: options of Node's `tls.connect`, such as `ca`. */
  readonly tls?: object | undefined;
  /** What ioredis exports, where this package cannot find it by itself. */
  readonly driver?: unknown;
}

/** What is peculiar to one use of Redis. */
export interface RedisUse {
  /** Of the settings, for messages. @default `cache` */
  readonly section?: string | undefined;
  /** What a cluster cannot be, where it is refused: the middle of a sentence. */
  readonly noCluster?: string | false | undefined;
  /** Replicas that have to confirm each write. @default 0 */
  readonly waitReplicas?: number | undefined;
}

/**
 * Connects to a Redis, or takes the client that is there.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing.
 */
export function connectRedis(
  { url, client, tls, driver }: RedisAccess,
  { section = 'cache', noCluster = false, waitReplicas = 0 }: RedisUse = {},
): { readonly client: RedisClient; readonly connection: RedisSender } {
  if ((url === undefined) === (client === undefined)) {
    throw new ImproperlyConfigured(
      `${section}.url is missing: give either a url, such as redis://localhost:6379, or an open client.`,
    );
  }
  const address = url === undefined ? undefined : parseRedisUrl(url, section);
  const isCluster = Boolean(address?.isCluster || client?.isCluster);
  if (noCluster && isCluster) {
    throw new ImproperlyConfigured(
      `${section}.url names a cluster, which ${noCluster}: name a single server or Sentinels.`,
    );
  }
  checkWaitReplicas(waitReplicas, isCluster);
  const isOwn = address !== undefined;
  const open = address
    ? openRedis(address, tls, driver, section)
    : checkClient(client as RedisClient, section);
  const connection =
    waitReplicas > 0
      ? new ReplicatedConnection(open, isOwn, waitReplicas)
      : new RedisConnection(open, isOwn);
  return { client: open, connection };
}
