import { randomBytes } from 'node:crypto';
import { type Cache, LruCache, RedisCache } from '@coatcheck/cache';
import { type CachedDbBackend, cachedDbBackend } from '@coatcheck/cached-db';
import {
  type BackendContext,
  describeAccountIndex,
  describeSessionBackend,
  describeSessionScanner,
  type TestRunner,
} from '@coatcheck/core/testing';
import { describe, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { describeDatabases, type Table } from './databases.ts';

jest.setTimeout(60_000);

describeDatabases('the conformance suite', (database) => {
  const open = (table: Table, cache: Cache, context: BackendContext): CachedDbBackend =>
    // What is tested is what the answers are, not how fast the machine is.
    cachedDbBackend({ database: table.open(context), cache, cacheTimeoutMs: 5000, ...context });

  // Thousands of conflicts take their time: once per place, and on the server where there are two handles.
  const without = (slow: RegExp): TestRunner['it'] =>
    Object.assign(
      (title: string, run: () => Promise<void>) => (slow.test(title) ? undefined : it(title, run)),
      { skip: it.skip },
    );

  describeSessionBackend(
    { describe, it: database.name === 'SQLite' ? it : without(/^a hundred counters/) },
    `CachedDbBackend over ${database.name} and a cache in the process`,
    (context) => ({ backend: open(database.newTable(), new LruCache(context), context) }),
    { cannot: { share: 'a cache in the process serves one process only' } },
  );

  describeAccountIndex({ describe, it }, `CachedDbBackend over ${database.name}`, (context) => ({
    backend: open(database.newTable(), new LruCache(context), context),
  }));

  describeSessionScanner({ describe, it }, `CachedDbBackend over ${database.name}`, (context) => ({
    backend: open(database.newTable(), new LruCache(context), context),
  }));

  describeWithRedis('and Redis', (place) => {
    describeSessionBackend(
      { describe, it: without(/^a hundred counters.*one handle/) },
      `CachedDbBackend over ${database.name} and Redis`,
      (context) => {
        const table = database.newTable();
        const keyPrefix = place.keyPrefix + randomBytes(6).toString('hex');
        const options = { url: place.url, keyPrefix, startsEmpty: true, now: context.now };
        const openHandle = () => open(table, new RedisCache(options), context);
        return { backend: openHandle(), openAnother: openHandle };
      },
    );
  });
});
