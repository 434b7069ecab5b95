import path from 'node:path';
import { type Django, type PythonProcess, startPython } from '@coatcheck/test-support';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';

/** Where a Django has its sessions, and its copies of them. */
export interface DjangoPlaces {
  /** As `DATABASES['default']`. */
  readonly database: object;
  readonly redisUrl: string;
  readonly keyPrefix?: string;
  readonly version?: number;
}

/** One load of a session: its key, when it began, what it found, and whether it put a copy into the cache. */
export type DjangoLoad = readonly [key: string, beganMs: number, n: number | null, put: boolean];

/** What Django says of a session: its data, and its key, if there is one. */
export interface DjangoSession {
  readonly data: Readonly<Record<string, unknown>>;
  readonly key: string | null;
}

/** A Django of its own process whose sessions are `cached_db`, and which pauses where a test says so. */
export class DjangoCachedDb {
  readonly #python: PythonProcess;

  constructor(django: Django, { database, redisUrl, keyPrefix = '', version = 1 }: DjangoPlaces) {
    // Newer ones bring their own.
    const backend = django.version.startsWith('3.')
      ? 'django_redis.cache.RedisCache'
      : 'django.core.cache.backends.redis.RedisCache';
    const cache = { BACKEND: backend, LOCATION: redisUrl, KEY_PREFIX: keyPrefix, VERSION: version };
    const script = path.join(import.meta.dirname, 'django_cached_db.py');
    const options = JSON.stringify({ secretKey: SECRET_KEY, database, cache });
    this.#python = startPython(django, script, { args: [options] });
  }

  create = (data: object) => this.#python.call<string>('create', { data });
  load = (key: string) => this.#python.call<DjangoSession>('load', { key });
  save = (key: string, data: object) => this.#python.call<void>('save', { key, data });
  delete = (key: string) => this.#python.call<void>('delete', { key });
  isCached = (key: string) => this.#python.call<boolean>('is_cached', { key });
  clear = () => this.#python.call<void>('clear');

  /** Begins to load, and pauses between the row and the cache. */
  startLoad = (name: string, key: string) => this.#python.call<void>('start_load', { name, key });
  /** Begins to save, and pauses between the row and the cache. */
  startSave = (name: string, key: string, data: object) =>
    this.#python.call<void>('start_save', { name, key, data });
  /** Lets what was paused come to its end; what became of it. */
  goOn = (name: string) => this.#python.call<{ key?: string; error?: string }>('go_on', { name });

  /** Loads these sessions without end, in this many threads, with a pause of at most `mostMs` each. */
  startHammer = (keys: readonly string[], threads: number, mostMs: number) =>
    this.#python.call<void>('start_hammer', { keys, threads, most_ms: mostMs });
  stopHammer = () => this.#python.call<DjangoLoad[]>('stop_hammer');

  stop = () => this.#python.stop();
}
