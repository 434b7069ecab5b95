export type { CacheFailure } from './cache-failures.ts';
export {
  CachedDbBackend,
  type CachedDbOptions,
  cachedDbBackend,
} from './cached-db-backend.ts';
export { type CachedDbConfiguration, createBackend } from './create-backend.ts';
export { type DjangoCacheOptions, withDjangoCache } from './django-cache.ts';
export type { RedisCopiesOptions } from './redis-copies.ts';
