import { LruCache } from '@coatcheck/cache';
import { cachedDbBackend, withDjangoCache } from '@coatcheck/cached-db';
import { createSessions, type SessionBackend } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { expect, it } from '@jest/globals';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';

/** A database that notes of which record each one is the continuation. */
function notingDatabase(origins: (string | undefined)[]): SessionBackend {
  const database = sqliteBackend({ path: ':memory:' });
  return {
    encoding: database.encoding,
    answers: database.answers,
    load: (key) => database.load(key),
    create: (record, origin) => {
      origins.push(origin);
      return database.create(record);
    },
    update: (record, base, origin) => {
      origins.push(origin);
      return database.update(record, base);
    },
    touch: (record, base) => database.touch(record, base),
    delete: (key, base) => database.delete(key, base),
    clearExpired: (options) => database.clearExpired(options),
    close: () => database.close(),
  };
}

it.each<[string, (database: SessionBackend) => SessionBackend]>([
  ['a cache', (database) => cachedDbBackend({ database, cache: new LruCache() })],
  ["Django's cache", (database) => withDjangoCache(database, { drop: async () => {} })],
])('a database behind %s is told which record a new one continues', async (_, wrap) => {
  const origins: (string | undefined)[] = [];
  const database = notingDatabase(origins);
  const sessions = createSessions<Record<string, unknown>>({
    backend: wrap(database),
    secretKey: SECRET_KEY,
  });
  try {
    const session = sessions.open().set('a', 1);
    await session.save();
    const key = String(session.sessionKey);
    const cycler = sessions.open(key);
    await cycler.load();
    const before = (await database.load(key))?.base;
    await sessions.open(key).set('b', 2).save();
    const newer = (await database.load(key))?.base;
    await cycler.cycleKey();
    // Created, changed; the successor, a marker that came too late, the successor again, the marker.
    expect(origins).toEqual([undefined, undefined, before, undefined, newer, undefined]);
  } finally {
    await sessions.close();
  }
});
