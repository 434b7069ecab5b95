import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { redisBackend } from '@coatcheck/cache';
import type { SessionBackend } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { fileBackend } from '@coatcheck/file';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { type Django, type RedisServer, startRedis } from '@coatcheck/test-support';

/** What both sides sign with. */
export const SECRET_KEY = 'a secret that Django and Coatcheck share, for tests';

/** Where sessions live that Django and Coatcheck share. */
export interface SharedPlace {
  /** What Django's settings say about it, beside `SECRET_KEY`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Whether Django's JSON has spaces between its parts there. */
  readonly spaces?: boolean;
  backend(): SessionBackend;
  close(): Promise<void>;
}

/** A file of SQLite, whose table Django has yet to make. */
export function sqlitePlace(): SharedPlace {
  const directory = temporaryDirectory();
  const file = path.join(directory, 'db.sqlite3');
  return {
    settings: {
      SESSION_ENGINE: 'django.contrib.sessions.backends.db',
      INSTALLED_APPS: ['django.contrib.sessions'],
      DATABASES: { default: { ENGINE: 'django.db.backends.sqlite3', NAME: file } },
    },
    backend: () => sqliteBackend({ path: file }),
    close: async () => rmSync(directory, { recursive: true }),
  };
}

/** A directory of session files. */
export function filePlace(): SharedPlace {
  const directory = temporaryDirectory();
  return {
    settings: {
      SESSION_ENGINE: 'django.contrib.sessions.backends.file',
      SESSION_FILE_PATH: directory,
    },
    backend: () => fileBackend({ path: directory }),
    close: async () => rmSync(directory, { recursive: true }),
  };
}

/** The visitors' cookies. */
export function cookiePlace(): SharedPlace {
  return {
    settings: { SESSION_ENGINE: 'django.contrib.sessions.backends.signed_cookies' },
    backend: () => signedCookiesBackend(),
    close: async () => {},
  };
}

/** A Redis server whose entries Django writes as JSON. */
export async function redisJsonPlace(django: Django): Promise<SharedPlace> {
  const server: RedisServer = await startRedis();
  // Since 4.0 Django has a Redis cache of its own; before, there is django-redis.
  const ownCache = Number.parseInt(django.version, 10) >= 4;
  return {
    settings: {
      SESSION_ENGINE: 'django.contrib.sessions.backends.cache',
      CACHES: { default: ownCache ? djangoCache(server.url) : djangoRedisCache(server.url) },
    },
    spaces: !ownCache,
    backend: () => redisBackend({ url: server.url }),
    close: () => server.stop(),
  };
}

function djangoCache(url: string): object {
  return {
    BACKEND: 'django.core.cache.backends.redis.RedisCache',
    LOCATION: url,
    OPTIONS: { serializer: 'django.core.signing.JSONSerializer' },
  };
}

function djangoRedisCache(url: string): object {
  return {
    BACKEND: 'django_redis.cache.RedisCache',
    LOCATION: url,
    OPTIONS: { SERIALIZER: 'django_redis.serializers.json.JSONSerializer' },
  };
}

function temporaryDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
}
