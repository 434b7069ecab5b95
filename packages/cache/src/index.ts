export type { Cache, CacheEntry, Outcome } from './cache.ts';
export { CacheBackend } from './cache-backend.ts';
export type { KeyOptions } from './cache-key.ts';
export type { CacheReading, CacheSerializer } from './cache-serializer.ts';
export type { CacheSerializerName } from './choose-serializer.ts';
export { type CacheOptions, createBackend } from './create-backend.ts';
export type { EntryLister, ListedEntry } from './entry-lister.ts';
export { LruCache, type MemoryOptions, memoryBackend } from './lru-cache.ts';
export {
  RedisCache,
  type RedisCacheOptions,
  type RedisOptions,
  redisBackend,
} from './redis-cache.ts';
export {
  type RedisClient,
  type RedisDriver,
  redisClientOptions,
  redisClusterOptions,
} from './redis-client.ts';
