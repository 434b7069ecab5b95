export {
  CachedDbBackend,
  type CachedDbOptions,
  cachedDbBackend,
} from './cached-db-backend.ts';
export { type CachedDbConfiguration, createBackend } from './create-backend.ts';
export type { CacheFailure } from './guarded-cache.ts';
