import { createBackend } from '@coatcheck/cached-db';
import type { SessionBackend } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

let database: SessionBackend;
beforeEach(() => {
  database = sqliteBackend({ path: ':memory:' });
});
afterEach(() => database.close());

describe('createBackend', () => {
  it('takes a cache in the process unless a URL says otherwise', async () => {
    for (const url of [undefined, 'memory:', 'memory://']) {
      const backend = createBackend({ database, url });
      expect(backend.answers).toBe('synchronously');
      expect(backend.encoding).toBe(database.encoding);
      await backend.close();
      database = sqliteBackend({ path: ':memory:' });
    }
  });

  it('takes a Redis', async () => {
    const backend = createBackend({ database, url: 'redis://127.0.0.1:1' });
    expect(backend.answers).toBe('later');
    await backend.close();
  });

  it.each([
    ['memcached://u:secret@host', 'cache.url has an unknown scheme'],
    ['sqlite::memory:', 'cache.url has an unknown scheme'],
    ['memory:secret', 'cache.url has an unknown scheme'],
    ['', 'cache.url has an unknown scheme'],
    ['redis+cluster://:secret@host', 'cache.url names a cluster'],
    ['redis://u:secret@host/nonsense', 'cache.url has a database that is no number'],
  ])('refuses %s and does not quote it', (url, message) => {
    const refused = () => createBackend({ database, url });
    expect(refused).toThrow(expect.objectContaining({ name: 'ImproperlyConfigured' }));
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/secret/);
  });

  it('refuses a place that keeps no expiry, such as files', () => {
    const files = Object.assign(database, { useExpiry: () => undefined });
    expect(() => createBackend({ database: files })).toThrow(
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringContaining('files do not'),
      }),
    );
    // Nor does it claim the place.
    expect(() => createBackend({ database: files })).toThrow('files do not');
  });

  it.each([0, -1, Number.NaN])('refuses a timeout of %p', (timeoutMs) => {
    expect(() => createBackend({ database, timeoutMs })).toThrow(
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringContaining('cache.timeoutMs'),
      }),
    );
  });

  it.each(['memory:', 'redis://127.0.0.1:1'])('refuses pickles in %s', async (url) => {
    expect(() => createBackend({ database, url, serializer: 'pickle' })).toThrow(
      /^cache\.serializer is for the engine cache/,
    );
    await createBackend({ database, serializer: 'json' }).close();
    database = sqliteBackend({ path: ':memory:' });
  });

  it.each([{ maxEntries: 0 }, { maxBytes: -1 }])('refuses %j', (options) => {
    expect(() => createBackend({ database, ...options })).toThrow(
      `cache.${Object.keys(options)[0]} must be`,
    );
  });
});
