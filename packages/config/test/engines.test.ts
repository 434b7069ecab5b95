import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadOptions, loadSessions, type SessionsConfig } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

let directory: string;
const opened: Sessions[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-engines-'));
});

afterEach(async () => {
  for (const sessions of opened.splice(0)) await sessions.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(config?: SessionsConfig, env: LoadOptions['env'] = {}): Promise<Sessions> {
  const sessions = await loadSessions(config && { secretKey, ...config }, { cwd: directory, env });
  opened.push(sessions);
  return sessions;
}

async function save(sessions: Sessions): Promise<string> {
  const session = sessions.open();
  session.set('colour', 'ultramarine');
  await session.save();
  return String(session.sessionKey);
}

async function refusal(config: SessionsConfig): Promise<string> {
  const error = await open(config).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error?.name).toBe('ImproperlyConfigured');
  expect(error?.message).not.toMatch(/\n|tiger/);
  return String(error?.message);
}

describe('the salt of the engine', () => {
  const { key_salts: salts } = djangoFixture<{ key_salts: Record<string, string> }>(
    'session-encode.json',
  );
  const COOKIE_SALT = 'django.contrib.sessions.backends.signed_cookies';

  it.each([
    ['db', { salt: salts.db }],
    ['cached_db', { salt: salts.cached_db }],
    ['file', { salt: salts.file }],
    // Django's stores have the same salt, but these two do not use it for what they keep.
    ['cache', 'serialized'],
    ['signed_cookies', { salt: COOKIE_SALT, inCookie: true }],
  ])('%s is that of Django', async (engine, encoding) => {
    expect(salts[engine]).toBe('django.contrib.sessions.SessionStore');
    const file = { path: join(directory, 'sessions') };
    const sessions = await open({ engine, db: { url: 'sqlite::memory:' }, file });
    expect(sessions.backend.encoding).toEqual(encoding);
  });
});

describe('the engine cached_db', () => {
  const cachedDb = (more: SessionsConfig = {}): SessionsConfig => ({
    engine: 'cached_db',
    db: { url: 'sqlite:./shop.sqlite3', table: 'shop_sessions' },
    ...more,
  });

  it.each(['cached_db', 'django.contrib.sessions.backends.cached_db'])(
    'as %s gives the database its settings, and a cache in the process by default',
    async (engine) => {
      const sessions = await open(cachedDb({ engine }));
      expect(sessions.backend.answers).toBe('synchronously');
      const key = await save(sessions);
      const database = new Database(join(directory, 'shop.sqlite3'), { readonly: true });
      expect(database.prepare('SELECT session_key FROM shop_sessions').pluck().all()).toEqual([
        key,
      ]);
      database.close();
    },
  );

  it('is configured by the environment alone', async () => {
    const sessions = await open(undefined, {
      SECRET_KEY: secretKey,
      SESSION_ENGINE: 'cached_db',
      SESSION_DB_URL: 'sqlite:./shop.sqlite3',
      SESSION_CACHE_URL: 'memory:',
      SESSION_CACHE_MAX_ENTRIES: '10',
      SESSION_CACHE_TIMEOUT_MS: '50',
    });
    expect(await sessions.exists(await save(sessions))).toBe(true);
  });

  it('makes the table of its database', async () => {
    const { backend } = await open(cachedDb());
    const { migrate } = backend as unknown as { migrate: () => Promise<boolean> };
    expect(await migrate.call(backend)).toBe(true);
    expect(await migrate.call(backend)).toBe(false);
  });

  it.each<[string, SessionsConfig]>([
    ['cache.timeoutMs must be', { cache: { timeoutMs: 0 } }],
    ['cache.maxEntries must be', { cache: { maxEntries: 0 } }],
    ['cache.maxBytes must be', { cache: { maxBytes: 0.5 } }],
    ['cache.url has an unknown scheme', { cache: { url: 'memcached://scott:tiger@host' } }],
    ['db.url has the unknown scheme oracle:', { db: { url: 'oracle://scott:tiger@host/db' } }],
    ['db.table', { db: { url: 'sqlite::memory:', table: 'a"b' } }],
    ['The setting "cache.allowStale"', { cache: { allowStale: 'yes' as never } }],
  ])('hands its settings on: %s', async (message, config) => {
    expect(await refusal(cachedDb(config))).toContain(message);
  });

  it('needs cache.allowStale for a cache in one of several processes', async () => {
    process.env.NODE_APP_INSTANCE = '0';
    try {
      expect(await refusal(cachedDb())).toContain('set cache.allowStale: true');
      await open(cachedDb({ cache: { allowStale: true } }));
    } finally {
      delete process.env.NODE_APP_INSTANCE;
    }
  });
});

describe('djangoCache', () => {
  const url = 'redis://127.0.0.1:1';

  it.each(['db', 'cached_db'])('is dropped from by %s when it writes', async (engine) => {
    const dropped: string[] = [];
    const drop = async (key: string) => void dropped.push(key);
    const sessions = await open({ engine, djangoCache: { drop } });
    const key = await save(sessions);
    expect(dropped).toEqual([]);
    expect(await sessions.delete(key)).toBe(true);
    expect(dropped).toEqual([key, key]);
    const { migrate } = sessions.backend as unknown as { migrate: () => Promise<boolean> };
    expect(await migrate.call(sessions.backend)).toBe(false);
  });

  it('is configured by the environment alone, and refuses what it cannot drop', async () => {
    const sessions = await open(undefined, {
      SECRET_KEY: secretKey,
      SESSION_DJANGO_CACHE_URL: url,
      SESSION_DJANGO_CACHE_TIMEOUT_MS: '20',
    });
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const key = await save(sessions);
    await expect(sessions.delete(key)).rejects.toMatchObject({ name: 'BackendUnavailable' });
    warn.mockRestore();
    expect(await sessions.exists(key)).toBe(true);
  });

  it.each<[string, SessionsConfig]>([
    ['djangoCache.url is missing', { djangoCache: {} }],
    ['djangoCache.url is not that of a Redis', { djangoCache: { url: 'memcached://u:tiger@h' } }],
    ['djangoCache.url names a cluster', { djangoCache: { url: 'redis+cluster://tiger' } }],
    ['djangoCache.keyPrefix must be', { djangoCache: { url, keyPrefix: 'tiger*' } }],
    ['djangoCache.version must be', { djangoCache: { url, version: -1 } }],
    ['djangoCache.timeoutMs must be', { djangoCache: { url, timeoutMs: 0 } }],
    ['hashKeys and djangoCache exclude each other', { hashKeys: true, djangoCache: { url } }],
    ['did you mean "djangoCache.keyPrefix"', { djangoCache: { keyprefix: 'x' } as never }],
    ['instead of "file"', { engine: 'file', file: { path: './f' }, djangoCache: { url } }],
    ['instead of "cache"', { engine: 'cache', djangoCache: { url } }],
    ['instead of "./mine.js"', { engine: './mine.js', djangoCache: { url } }],
  ])('refuses what cannot work: %s', async (message, config) => {
    expect(await refusal(config)).toContain(message);
  });
});

describe('the engine cache', () => {
  it.each<[string, SessionsConfig['cache']]>([
    ['cache.url has an unknown scheme', { url: 'memcached://scott:tiger@host' }],
    ['cache.maxEntries must be', { maxEntries: -1 }],
    ['cache.maxBytes must be', { maxBytes: Number.NaN }],
  ])('gets its settings: %s', async (message, cache) => {
    expect(await refusal({ engine: 'cache', cache })).toContain(message);
  });
});

describe('the engine file', () => {
  it.each(['file', 'django.contrib.sessions.backends.file'])(
    'as %s starts its path at the configuration, and names files after the cookie',
    async (engine) => {
      const cookie = { name: 'shop' };
      const key = await save(await open({ engine, file: { path: './files' }, cookie }));
      expect(readdirSync(join(directory, 'files'))).toEqual([`shop${key}`]);
      expect(statSync(join(directory, 'files')).mode & 0o777).toBe(0o700);
    },
  );

  it('is configured by the environment alone', async () => {
    const key = await save(
      await open(undefined, {
        SECRET_KEY: secretKey,
        SESSION_ENGINE: 'file',
        SESSION_FILE_PATH: 'files',
      }),
    );
    expect(readdirSync(join(directory, 'files'))).toEqual([`sessionid${key}`]);
  });

  it('needs a path', async () => {
    const message =
      'The setting file.path (SESSION_FILE_PATH) is missing: name a private directory for the sessions, such as "./sessions".';
    for (const file of [undefined, {}, { path: '' }]) {
      expect(await refusal({ engine: 'file', file })).toBe(message);
    }
  });

  it('names the path that cannot be used', async () => {
    expect(await refusal({ engine: 'file', file: { path: './no/such/directory' } })).toContain(
      'file.path',
    );
  });
});

describe('the engine signed_cookies', () => {
  it.each(['signed_cookies', 'django.contrib.sessions.backends.signed_cookies'])(
    'as %s keeps the session in the cookie, which the visitor can read',
    async (engine) => {
      const cookie = await save(await open({ engine }));
      expect(Buffer.from(cookie.split(':')[0] ?? '', 'base64url').toString()).toBe(
        '{"colour":"ultramarine"}',
      );
    },
  );

  it('seals it where signedCookies.encrypt is set, in the environment too', async () => {
    const sessions = await open(undefined, {
      SECRET_KEY: secretKey,
      SESSION_ENGINE: 'signed_cookies',
      SESSION_SIGNED_COOKIES_ENCRYPT: 'true',
    });
    const cookie = await save(sessions);
    expect(sessions.backend.encoding).toMatchObject({ sealed: true });
    expect(Buffer.from(cookie, 'base64url').toString('latin1')).not.toContain('ultramarine');
    expect(sessions.open(cookie).entries()).toEqual([['colour', 'ultramarine']]);
  });

  it('refuses anything else', async () => {
    expect(
      await refusal({ engine: 'signed_cookies', signedCookies: { encrypt: 'yes' as never } }),
    ).toContain('The setting "signedCookies.encrypt" (loadSessions) must be true or false.');
  });
});
