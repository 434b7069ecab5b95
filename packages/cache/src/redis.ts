/** How this package talks to Redis, for others that keep something there: `@coatcheck/cache/redis`. */
export { type KeyOptions, keyStart } from './cache-key.ts';
export { connectRedis, type RedisAccess, type RedisUse } from './connect-redis.ts';
export type { RedisClient } from './redis-client.ts';
export type { RedisSender } from './redis-connection.ts';
export { replyCode } from './redis-failure.ts';
