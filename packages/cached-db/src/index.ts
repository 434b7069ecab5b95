export {
  CachedDbBackend,
  type CachedDbOptions,
  cachedDbBackend,
} from './cached-db-backend.ts';
export type { CacheFailure } from './guarded-cache.ts';
