import {
  type CacheSerializerName,
  LruCache,
  type MemoryOptions,
  RedisCache,
  type RedisCacheOptions,
} from '@coatcheck/cache';
import { ImproperlyConfigured, type SessionBackend } from '@coatcheck/core';
import { CachedDbBackend, type CachedDbOptions } from './cached-db-backend.ts';

/** Settings of `createBackend`: those of the cache that its `url` names, and of the cache's place before the database. */
export interface CachedDbConfiguration
  extends MemoryOptions,
    Omit<RedisCacheOptions, 'client' | 'name' | 'startsEmpty'>,
    Pick<CachedDbOptions, 'allowStale'> {
  readonly database: SessionBackend;
  /** `memory:`, `redis://…`, `rediss://…` or `redis+sentinel://…`. @default `memory:` */
  readonly url?: string | undefined;
  /** As `cacheTimeoutMs` of `CachedDbOptions`. */
  readonly timeoutMs?: number | undefined;
  /** Refused, unless it says nothing new: entries are rows of the database, and no Django reads them. @default 'json' */
  readonly serializer?: CacheSerializerName | undefined;
}

/** What keys begin with, so that no entry is ever taken for one of Django's. */
const NAME = 'coatcheck.cached_db';

/**
 * Makes the backend of the engine `cached_db` as a configuration describes it.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing.
 */
export function createBackend({
  database,
  timeoutMs: cacheTimeoutMs,
  allowStale,
  url = 'memory:',
  serializer = 'json',
  ...options
}: CachedDbConfiguration): CachedDbBackend {
  const { now } = options;
  if (serializer !== 'json') {
    throw new ImproperlyConfigured(
      'cache.serializer is for the engine cache, whose entries Django reads; those of cached_db are rows of its database: leave it out.',
    );
  }
  if (/^memory:(\/\/)?$/.test(url)) {
    const cache = new LruCache(options);
    return new CachedDbBackend({ database, cache, cacheTimeoutMs, allowStale, now });
  }
  if (!/^rediss?(\+\w+)?:/.test(url)) {
    throw new ImproperlyConfigured(
      'cache.url has an unknown scheme: it begins with memory:, redis:, rediss: or redis+sentinel:.',
    );
  }
  const cache = new RedisCache({ ...options, url, name: NAME, startsEmpty: true });
  return new CachedDbBackend({ database, cache, cacheTimeoutMs, now });
}
