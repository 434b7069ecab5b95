import { LruCache, RedisCache } from '@coatcheck/cache';
import { cachedDbBackend, createBackend } from '@coatcheck/cached-db';
import { createSessions, type SessionBackend, type StoredSession } from '@coatcheck/core';
import { afterEach, expect, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { describeDatabases, describeSqlite } from './databases.ts';
import { SteeredCache } from './steered-cache.ts';

jest.setTimeout(60_000);

describeDatabases('sessions', (database) => {
  const zones = [
    { suite: 'CacheDBSessionWithTimeZoneTests', timeZone: undefined },
    { suite: 'CacheDBSessionTests, USE_TZ off', timeZone: 'America/New_York' },
  ];
  // How times are written is the database's alone, and its own tests have both.
  for (const { suite, timeZone } of database.name === 'SQLite' ? zones : zones.slice(0, 1)) {
    describeDjangoSessionTests(
      `${database.name} and a cache in the process (${suite})`,
      ({ now }) =>
        cachedDbBackend({
          database: database.newTable().open({ now, timeZone }),
          cache: new LruCache({ now }),
          now,
        }),
      { settings: { timeZone } },
    );
  }

  describeWithRedis('and Redis', (place) => {
    describeDjangoSessionTests(`${database.name} and Redis`, ({ now }) =>
      cachedDbBackend({
        database: database.newTable().open({ now }),
        cache: new RedisCache({
          url: place.url,
          keyPrefix: place.keyPrefix,
          startsEmpty: true,
          now,
        }),
        now,
      }),
    );
  });
});

describeSqlite("Django's tests of the cached_db engine", ({ newTable }) => {
  const opened: SessionBackend[] = [];
  afterEach(async () => {
    for (const backend of opened.splice(0)) await backend.close();
  });
  const open = (cache = new SteeredCache()) => {
    const failures: unknown[] = [];
    const onCacheFailure = (error: unknown): void => void failures.push(error);
    const database = newTable().open();
    const backend = cachedDbBackend({ database, cache, onCacheFailure });
    opened.push(backend);
    const sessions = createSessions<Record<string, unknown>>({ backend, secretKey: SECRET_KEY });
    return { database, cache, failures, sessions };
  };

  it('test_exists_searches_cache_first: departure, exists asks the database', async () => {
    const { database, cache, sessions } = open();
    const session = sessions.open();
    session.set('a', 1);
    await session.save();
    const key = String(session.sessionKey);
    expect(await sessions.exists(key)).toBe(true);
    // What load may still answer from an entry, exists knows better.
    await database.delete(key);
    expect(cache.entries.get(key)).toBeDefined();
    expect(sessions.open(key).has('a')).toBe(true);
    expect(await sessions.exists(key)).toBe(false);
  });

  it('test_load_overlong_key', () => {
    const session = open().sessions.open('a'.repeat(1240));
    expect([...session.entries()]).toEqual([]);
  });

  it('test_non_default_cache: a cache of an unknown kind fails when the backend is made', () => {
    const { database } = open();
    expect(() => createBackend({ database, url: 'memcached://localhost' })).toThrow(
      expect.objectContaining({ name: 'ImproperlyConfigured' }),
    );
  });

  it.each(['test_cache_set_failure_non_fatal', 'test_cache_async_set_failure_non_fatal'])(
    '%s: what fails is told to onCacheFailure',
    async () => {
      const { database, cache, failures, sessions } = open();
      const faults = new Error('Faults happen.');
      cache.failure = faults;
      const session = sessions.open();
      session.set('key', 'val');
      await session.save();
      expect(failures).toEqual([faults]);
      const row = (await database.load(String(session.sessionKey))) as StoredSession;
      expect(row.data).not.toBe('');
      expect(sessions.open(session.sessionKey).get('key')).toBe('val');
    },
  );
});
