import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Django } from '@coatcheck/test-support';
import type { RedisPlace } from '../../cache/test/redis.ts';
import type { Place } from '../../db/test/database-servers.ts';
import { djangoCache } from './django-cache.ts';
import type { SharedPlace } from './sites.ts';

/** A file of SQLite in the directory. */
export function sqlitePlace(directory: string): SharedPlace {
  const file = path.join(directory, 'sessions.sqlite3');
  return {
    django: { DATABASES: { sessions: { ENGINE: 'django.db.backends.sqlite3', NAME: file } } },
    coatcheck: { engine: 'db', db: { url: `sqlite:${file}`, busyTimeoutMs: 29_000 } },
  };
}

/** A database on a server. */
export function serverPlace(place: Place): SharedPlace {
  const url = new URL(place.url);
  const search = url.searchParams.get('options');
  const sessions = {
    ENGINE: `django.db.backends.${url.protocol.startsWith('postgres') ? 'postgresql' : 'mysql'}`,
    NAME: url.pathname.slice(1),
    HOST: url.hostname,
    PORT: url.port,
    USER: decodeURIComponent(url.username),
    PASSWORD: decodeURIComponent(url.password),
    OPTIONS: search === null ? { charset: 'utf8mb4' } : { options: search },
  };
  return {
    django: { DATABASES: { sessions } },
    coatcheck: { engine: 'db', db: { url: place.url, timeoutMs: 29_000 } },
    close: () => place.close(),
  };
}

/** Files in the directory. */
export function filePlace(directory: string): SharedPlace {
  const files = path.join(directory, 'sessions');
  mkdirSync(files, { mode: 0o700, recursive: true });
  return {
    django: { SESSION_ENGINE: 'django.contrib.sessions.backends.file', SESSION_FILE_PATH: files },
    coatcheck: { engine: 'file', file: { path: files } },
  };
}

/** The visitors' cookies. */
export function cookiePlace(): SharedPlace {
  return {
    django: { SESSION_ENGINE: 'django.contrib.sessions.backends.signed_cookies' },
    coatcheck: { engine: 'signed_cookies' },
  };
}

/** The engine `cache` on Redis, with entries in either form. */
export function redisPlace(
  django: Django,
  place: RedisPlace,
  form: 'json' | 'pickle' = 'json',
): SharedPlace {
  const { url, keyPrefix } = place;
  return {
    django: {
      SESSION_ENGINE: 'django.contrib.sessions.backends.cache',
      CACHES: { default: djangoCache(django, form).settings(place) },
    },
    hasOwnClock: true,
    coatcheck: { engine: 'cache', cache: { url, keyPrefix, serializer: form, timeoutMs: 29_000 } },
  };
}

/** Django's engine `cached_db` on an SQLite file in the directory, with its cache on Redis. */
export function cachedDbPlace(django: Django, place: RedisPlace, directory: string): SharedPlace {
  const { url, keyPrefix } = place;
  const database = sqlitePlace(directory);
  return {
    django: {
      ...database.django,
      SESSION_ENGINE: 'django.contrib.sessions.backends.cached_db',
      CACHES: { default: djangoCache(django, 'pickle').settings(place) },
    },
    coatcheck: { ...database.coatcheck, djangoCache: { url, keyPrefix, timeoutMs: 29_000 } },
  };
}
