import type { SessionsOptions } from '@coatcheck/core';

/** Where the sessions of the `db` engine live. */
export interface DbSettings {
  /**
   * `sqlite:./sessions.sqlite3`, `sqlite::memory:`, `postgres://…` or `mysql://…`. The path of an SQLite file starts at
   * the configuration file's directory, else at the working directory.
   *
   * @default 'sqlite:./sessions.sqlite3'
   */
  readonly url?: string | undefined;
  /** @default 'django_session' */
  readonly table?: string | undefined;
  /** Columns beside Django's, by name: their types, such as `integer`, for what `attributes` computes. @default none */
  readonly columns?: Readonly<Record<string, unknown>> | undefined;
  /** SQLite: what a commit waits for, the disk (`FULL`) or only the operating system (`NORMAL`). @default 'FULL' */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
  /** SQLite: milliseconds that a write waits for other processes; below `operationTimeoutMs`. @default 900 */
  readonly busyTimeoutMs?: number | undefined;
  /** Servers: connections that are open at most. @default 10 */
  readonly poolSize?: number | undefined;
  /** Servers: milliseconds that a call may take; below `operationTimeoutMs`. @default 900 */
  readonly timeoutMs?: number | undefined;
  /** PostgreSQL: whether each connection prepares each statement once. @default false */
  readonly preparedStatements?: boolean | undefined;
}

/** Where the sessions of the `cache` engine live, and the cache in front of the database of `cached_db`. */
export interface CacheSettings {
  /** `memory:`, `redis://…`, `rediss://…`, `redis+sentinel://…` or `redis+cluster://…`. @default 'memory:' */
  readonly url?: string | undefined;
  /** Keeps applications apart that share a server. Django: `KEY_PREFIX`. @default none */
  readonly keyPrefix?: string | undefined;
  /** Django: `VERSION`. @default 1 */
  readonly version?: number | undefined;
  /** `cache` on Redis: JSON, or the pickles that Django writes there by default. @default 'json' */
  readonly serializer?: 'json' | 'pickle' | undefined;
  /** Encrypted connections: options of Node's `tls.connect`, such as `ca`. */
  readonly tls?: object | undefined;
  /** Redis: replicas that must have a write before it counts as done; not in a cluster, not for `cached_db`. @default 0 */
  readonly waitReplicas?: number | undefined;
  /** `memory:`: sessions kept. @default 100000 */
  readonly maxEntries?: number | undefined;
  /** `memory:`: bytes kept. @default 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined;
  /** `cached_db`: milliseconds that a call of the cache may take before the database is asked. @default 200 */
  readonly timeoutMs?: number | undefined;
  /** `cached_db` on `memory:`: whether several processes may each have a cache of their own. @default false */
  readonly allowStale?: boolean | undefined;
}

/** The cache of a Django that shares the table of `db` or `cached_db`, where its engine is `cached_db`. */
export interface DjangoCacheSettings {
  /**
   * `redis://…`, `rediss://…` or `redis+sentinel://…`. Django: `LOCATION` of the cache that `SESSION_CACHE_ALIAS` names.
   */
  readonly url?: string | undefined;
  /** Django: `KEY_PREFIX`. @default none */
  readonly keyPrefix?: string | undefined;
  /** Django: `VERSION`. @default 1 */
  readonly version?: number | undefined;
  /** Encrypted connections: options of Node's `tls.connect`, such as `ca`. */
  readonly tls?: object | undefined;
  /** Milliseconds that it may take to confirm that it has forgotten a session. @default 400 */
  readonly timeoutMs?: number | undefined;
  /** Instead of `url`, for a cache that is no Redis: removes the entry of a session. */
  readonly drop?: ((key: string) => Promise<unknown>) | undefined;
  /** With `drop`: removes every entry. */
  readonly dropAll?: (() => Promise<unknown>) | undefined;
}

/** Where the sessions of the `file` engine live. */
export interface FileSettings {
  /**
   * A private directory, from the configuration file's directory on; there is no default. Django: `SESSION_FILE_PATH`.
   */
  readonly path?: string | undefined;
  /** `later` where the file system may hang. @default 'synchronously'; 'later' on a network file system */
  readonly answers?: 'synchronously' | 'later' | undefined;
}

/** How the sessions of the `signed_cookies` engine live in their cookies. */
export interface SignedCookiesSettings {
  /** Seals the session, so that the visitor cannot read it; nor can Django. @default false */
  readonly encrypt?: boolean | undefined;
}

/** Where the sessions of an engine live: its name, and the sections of the engines. */
export interface EngineSettings {
  /**
   * Where sessions live: `db`, `cache`, `cached_db`, `file`, `signed_cookies`, Django's name for one of them
   * (`django.contrib.sessions.backends.db`), or the specifier of a module whose export `createBackend`, or default
   * export, makes a `SessionBackend` from `engineOptions`.
   *
   * @default 'db' (Django: `SESSION_ENGINE`)
   */
  readonly engine?: string | undefined;
  readonly db?: DbSettings | undefined;
  readonly cache?: CacheSettings | undefined;
  readonly djangoCache?: DjangoCacheSettings | undefined;
  readonly file?: FileSettings | undefined;
  readonly signedCookies?: SignedCookiesSettings | undefined;
  /** What the engine receives when it is a module of yours. */
  readonly engineOptions?: Readonly<Record<string, unknown>> | undefined;
}

/** The engine where sessions lived until now, and what was different there; everything else is as in the new one. */
export interface MigratingFromSettings extends EngineSettings {
  /** @default that of the new engine */
  readonly secretKey?: string | undefined;
  /** @default those of the new engine; none where `secretKey` is given */
  readonly secretKeyFallbacks?: readonly string[] | undefined;
  /** @default as in the new engine */
  readonly hashKeys?: boolean | undefined;
}

/** What `sessions.config.*` exports: the options of `createSessions`, with the backend as a name. */
export interface SessionsConfig
  extends Omit<SessionsOptions, 'backend' | 'migratingFrom' | 'secretKey'>,
    EngineSettings {
  /** Signs sessions; at least 32 random characters, usually from the environment (Django: `SECRET_KEY`). */
  readonly secretKey?: string | undefined;
  /** Where sessions lived until now: each is moved when it is first used, so that nobody is logged out. @default none */
  readonly migratingFrom?: MigratingFromSettings | undefined;
}

/**
 * What a setting holds, and so how its text in the environment is read. `code` has no text form; an array lists the
 * texts that are allowed.
 */
export type SettingKind = 'text' | 'texts' | 'number' | 'boolean' | 'code' | readonly string[];

/** A setting, or a section of settings. */
export type SettingTable = { readonly [name: string]: SettingKind | SettingTable };

type Kinds<T> = { [Name in keyof Required<T>]: SettingKind | SettingTable };

const cookie: Kinds<NonNullable<SessionsOptions['cookie']>> = {
  name: 'text',
  age: 'number',
  domain: 'text',
  path: 'text',
  secure: 'boolean',
  httpOnly: 'boolean',
  sameSite: ['Lax', 'Strict', 'None', 'false'],
  partitioned: 'boolean',
  priority: ['Low', 'Medium', 'High'],
};

const db: Kinds<DbSettings> = {
  url: 'text',
  table: 'text',
  columns: 'code',
  synchronous: ['FULL', 'NORMAL'],
  busyTimeoutMs: 'number',
  poolSize: 'number',
  timeoutMs: 'number',
  preparedStatements: 'boolean',
};

const cache: Kinds<CacheSettings> = {
  url: 'text',
  keyPrefix: 'text',
  version: 'number',
  serializer: ['json', 'pickle'],
  tls: 'code',
  waitReplicas: 'number',
  maxEntries: 'number',
  maxBytes: 'number',
  timeoutMs: 'number',
  allowStale: 'boolean',
};

const djangoCache: Kinds<DjangoCacheSettings> = {
  url: 'text',
  keyPrefix: 'text',
  version: 'number',
  tls: 'code',
  timeoutMs: 'number',
  drop: 'code',
  dropAll: 'code',
};

const file: Kinds<FileSettings> = { path: 'text', answers: ['synchronously', 'later'] };

const signedCookies: Kinds<SignedCookiesSettings> = { encrypt: 'boolean' };

const engine: Kinds<EngineSettings> = {
  engine: 'text',
  engineOptions: 'code',
  db,
  cache,
  djangoCache,
  file,
  signedCookies,
};

const migratingFrom: Kinds<MigratingFromSettings> = {
  ...engine,
  secretKey: 'text',
  secretKeyFallbacks: 'texts',
  hashKeys: 'boolean',
};

const settings: Kinds<SessionsConfig> = {
  ...engine,
  migratingFrom,
  secretKey: 'text',
  secretKeyFallbacks: 'texts',
  allowWeakSecret: 'boolean',
  serializer: 'code',
  bigInts: 'boolean',
  cookie,
  expireAtBrowserClose: 'boolean',
  saveEveryRequest: 'boolean',
  idleTimeout: 'number',
  touchEvery: 'number',
  absoluteTimeout: 'number',
  hashKeys: 'boolean',
  timeZone: 'text',
  django: ['3.2'],
  operationTimeoutMs: 'number',
  maxDataBytes: 'number',
  maxDepth: 'number',
  maxEntries: 'number',
  onInterrupted: ['error', 'discard'],
  onUnavailable: ['error', 'anonymous'],
  account: 'code',
  attributes: 'code',
  now: 'code',
};

/** Every setting there is, by name: what a configuration may contain and what the environment may overlay. */
export const knownSettings: SettingTable = settings;

/** Whether an entry of the table is a section of settings. */
export function isSection(entry: SettingKind | SettingTable): entry is SettingTable {
  return typeof entry === 'object' && !Array.isArray(entry);
}

/** Types a configuration; returns it as it is. */
export function defineConfig(config: SessionsConfig): SessionsConfig {
  return config;
}
