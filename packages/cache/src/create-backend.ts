import { ImproperlyConfigured } from '@coatcheck/core';
import type { CacheBackend } from './cache-backend.ts';
import { jsonCacheSerializer } from './cache-serializer.ts';
import { chooseSerializer } from './choose-serializer.ts';
import { type MemoryOptions, memoryBackend } from './lru-cache.ts';
import { type RedisOptions, redisBackend } from './redis-cache.ts';

/** Settings of `createBackend`: those of the place that its `url` names. */
export interface CacheOptions extends MemoryOptions, Omit<RedisOptions, 'client'> {
  /** `memory:`, `redis://…`, `rediss://…`, `redis+sentinel://…` or `redis+cluster://…`. @default `memory:` */
  readonly url?: string | undefined;
}

/**
 * Makes the backend of the engine `cache` as a configuration describes it.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing.
 */
export function createBackend(options: CacheOptions = {}): CacheBackend {
  const { url = 'memory:', serializer } = options;
  if (/^memory:(\/\/)?$/.test(url)) {
    if (chooseSerializer(serializer) !== jsonCacheSerializer) {
      throw new ImproperlyConfigured(
        "cache.serializer: 'pickle' is for a Redis that a Django shares: name one in cache.url, or leave the option out.",
      );
    }
    return memoryBackend(options);
  }
  if (/^rediss?(\+\w+)?:/.test(url)) return redisBackend({ ...options, url });
  throw new ImproperlyConfigured(
    'cache.url has an unknown scheme: it begins with memory:, redis:, rediss:, redis+sentinel: or redis+cluster:.',
  );
}
