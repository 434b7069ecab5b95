import path from 'node:path';
import type { Contender } from '../contender.ts';
import type { Place, Whereabouts } from '../places.ts';
import { AGE, SECRET } from './koa-application.ts';

const ENGINE = 'django.contrib.sessions.backends';
const LOCAL = { BACKEND: 'django.core.cache.backends.locmem.LocMemCache' };

type Settings = Readonly<Record<string, unknown>>;

/** What a Django is told for its sessions to live in the place. */
const settings: Readonly<Partial<Record<Place, (at: Whereabouts) => Settings>>> = {
  memory: () => ({
    SESSION_ENGINE: `${ENGINE}.cache`,
    CACHES: { default: { ...LOCAL, OPTIONS: { MAX_ENTRIES: 100_000 } } },
  }),
  redis: ({ redisUrl }) => ({ SESSION_ENGINE: `${ENGINE}.cache`, CACHES: redisCache(redisUrl) }),
  sqlite: ({ directory }) => ({ SESSION_ENGINE: `${ENGINE}.db`, DATABASES: sqlite(directory) }),
  postgresql: ({ postgresqlUrl }) => ({
    SESSION_ENGINE: `${ENGINE}.db`,
    DATABASES: server('postgresql', postgresqlUrl),
  }),
  mariadb: ({ mariadbUrl }) => ({
    SESSION_ENGINE: `${ENGINE}.db`,
    DATABASES: server('mysql', mariadbUrl),
  }),
  'cached-db': ({ directory, redisUrl }) => ({
    SESSION_ENGINE: `${ENGINE}.cached_db`,
    DATABASES: sqlite(directory),
    CACHES: redisCache(redisUrl),
  }),
  file: ({ directory }) => ({
    // Django's own does not wait for the disk.
    SESSION_ENGINE: 'durable_file',
    SESSION_FILE_PATH: directory,
  }),
  'signed-cookie': () => ({ SESSION_ENGINE: `${ENGINE}.signed_cookies` }),
};

function redisCache(LOCATION: string): Settings {
  return { default: { BACKEND: 'django_redis.cache.RedisCache', LOCATION } };
}

function sqlite(directory: string): Settings {
  const NAME = path.join(directory, 'sessions.sqlite3');
  return { default: { ENGINE: 'django.db.backends.sqlite3', NAME, CONN_MAX_AGE: null } };
}

function server(kind: string, url: string): Settings {
  const { hostname, port, username, pathname } = new URL(url);
  return {
    default: {
      ...{ ENGINE: `django.db.backends.${kind}`, NAME: pathname.slice(1), USER: username },
      ...{ HOST: hostname, PORT: Number(port), CONN_MAX_AGE: null },
    },
  };
}

/** The settings of a Django contender. */
export function djangoSettings({ place }: Contender, at: Whereabouts): Settings {
  const own = place === undefined ? {} : settings[place]?.(at);
  return { SECRET_KEY: SECRET, SESSION_COOKIE_AGE: AGE, ...own };
}

/** Django without sessions. */
export const bareDjango: Contender = {
  name: 'bare Django',
  role: 'bare',
  framework: 'django',
  packages: [],
};

/** Django under gunicorn. */
export const djangoContenders: readonly Contender[] = [
  bareDjango,
  ...Object.keys(settings).map((place) => ({
    ...{ name: `Django (${place})`, role: 'peer' as const, framework: 'django' as const },
    ...{ place: place as Place, packages: [] },
  })),
];
