import { LruCache } from '@coatcheck/cache';
import { cachedDbBackend } from '@coatcheck/cached-db';
import { describeSessionBackend } from '@coatcheck/core/testing';
import { sqliteBackend } from '@coatcheck/db';
import { describe, it } from '@jest/globals';

describeSessionBackend(
  { describe, it },
  'CachedDbBackend over SQLite and a cache in the process',
  (context) => {
    const database = sqliteBackend({ ...context, path: ':memory:' });
    const cache = new LruCache({ now: context.now });
    return { backend: cachedDbBackend({ database, cache, now: context.now }) };
  },
  { cannot: { share: 'a cache in the process serves one process only' } },
);
