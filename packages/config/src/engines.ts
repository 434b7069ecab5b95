import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  ImproperlyConfigured,
  type MigratingFromOptions,
  type SessionBackend,
} from '@coatcheck/core';
import { variableNames } from './environment.ts';
import type { SessionsConfig } from './settings.ts';
import { importUserModule } from './user-module.ts';

interface Place {
  readonly config: SessionsConfig;
  /** Where relative paths begin, and where packages are looked up first. */
  readonly directory: string;
  /** The engine that is opened, for messages. */
  readonly engine: string;
}

/** What a package with a backend exports for configurations. */
interface EnginePackage {
  createBackend(options: Readonly<Record<string, unknown>>): SessionBackend;
}

/** What the package with Django's cache exports. */
interface DjangoCachePackage {
  withDjangoCache(
    database: SessionBackend,
    options: Readonly<Record<string, unknown>>,
  ): SessionBackend;
}

/** Engines by name; a new one is a line here, and its section of settings in `settings.ts`. */
const engines: Readonly<Record<string, (place: Place) => Promise<SessionBackend>>> = {
  db: database,
  cache: (place) => engineWithUrl('cache', '@coatcheck/cache', 'memory:', place),
  cached_db: cachedDatabase,
  file: fileDirectory,
  signed_cookies: (place) =>
    engine('@coatcheck/signed-cookies', place, () => ({ ...place.config.signedCookies })),
};

/** The npm package of the driver for a URL's scheme; `redis` stands for `redis+cluster` too. */
const drivers: Readonly<Record<string, string>> = {
  sqlite: 'better-sqlite3',
  postgres: 'pg',
  postgresql: 'pg',
  mysql: 'mysql2',
  mariadb: 'mysql2',
  redis: 'ioredis',
  rediss: 'ioredis',
};

const methods = ['load', 'create', 'update', 'touch', 'delete', 'clearExpired', 'close'] as const;

const DJANGO = /^django\.contrib\.sessions\.backends\.(\w+)$/;

/**
 * Makes the backend that the configuration names.
 *
 * @throws {ImproperlyConfigured} when there is no such engine, or it cannot be opened
 */
export async function createBackend(
  config: SessionsConfig,
  directory: string,
): Promise<SessionBackend> {
  const name = config.engine || 'db';
  const known = DJANGO.exec(name)?.[1] ?? name;
  if (config.djangoCache && known !== 'db' && known !== 'cached_db') {
    throw new ImproperlyConfigured(
      `The setting djangoCache (SESSION_DJANGO_CACHE_URL) is for sessions in a table that Django shares: use the engine "db" or "cached_db" instead of "${name}", or leave it out.`,
    );
  }
  const open = Object.hasOwn(engines, known) ? engines[known] : undefined;
  const place = { config, directory, engine: known };
  return open ? open(place) : userEngine(name, place);
}

/**
 * Opens the engine that the sessions are moved from, if there is one.
 *
 * @throws {ImproperlyConfigured} as `createBackend`, with the names that its settings have in `migratingFrom`
 */
export async function openFormer(
  { migratingFrom, timeZone, cookie, hashKeys, now }: SessionsConfig,
  directory: string,
): Promise<MigratingFromOptions | undefined> {
  if (migratingFrom === undefined) return undefined;
  const config = { timeZone, cookie, now, ...migratingFrom };
  const hashed = migratingFrom.hashKeys ?? hashKeys;
  const { secretKey, secretKeyFallbacks } = migratingFrom;
  try {
    const backend = await createBackend({ ...config, hashKeys: hashed }, directory);
    return { backend, secretKey, secretKeyFallbacks, hashKeys: hashed };
  } catch (error) {
    if (!(error instanceof ImproperlyConfigured)) throw error;
    const message = error.message.replaceAll('SESSION_', 'SESSION_MIGRATING_FROM_');
    throw new ImproperlyConfigured(`In migratingFrom: ${message}`);
  }
}

/** An engine whose section has a `url` that says where the sessions live, and so which driver it takes. */
async function engineWithUrl(
  section: 'db' | 'cache',
  packageName: string,
  defaultUrl: string,
  place: Place,
): Promise<SessionBackend> {
  return engine(packageName, place, () => settingsWithUrl(section, defaultUrl, place));
}

/** The settings of a section with a `url`, and the driver that it takes. */
function settingsWithUrl(
  section: 'db' | 'cache',
  defaultUrl: string,
  place: Place,
): Readonly<Record<string, unknown>> {
  const { timeZone, hashKeys, now, [section]: settings } = place.config;
  const url = absoluteUrl(settings?.url ?? defaultUrl, place);
  return { timeZone, hashKeys, now, ...settings, url, driver: driverFor(section, url, place) };
}

/** The database of `db` and `cached_db`; what is written there drops Django's copy, where Django has a cache. */
async function database(place: Place): Promise<SessionBackend> {
  const opened = await engineWithUrl('db', '@coatcheck/db', 'sqlite:./sessions.sqlite3', place);
  const { djangoCache, hashKeys, now } = place.config;
  if (djangoCache === undefined) return opened;
  return closeUnless(opened, async () => {
    if (hashKeys) {
      throw new ImproperlyConfigured(
        'hashKeys and djangoCache exclude each other, since Django finds no session under a hashed key: leave one of them out.',
      );
    }
    const { withDjangoCache } = await importPackage<DjangoCachePackage>(
      '@coatcheck/cached-db',
      'The setting djangoCache (SESSION_DJANGO_CACHE_URL)',
      place,
    );
    const driver = driverFor('djangoCache', djangoCache.url ?? '', place);
    return withDjangoCache(opened, { ...djangoCache, now, driver });
  });
}

async function cachedDatabase(place: Place): Promise<SessionBackend> {
  const opened = await database(place);
  return closeUnless(opened, () =>
    engine('@coatcheck/cached-db', place, () => ({
      ...settingsWithUrl('cache', 'memory:', place),
      database: opened,
    })),
  );
}

/** What is made around a backend, which is closed when that fails. */
async function closeUnless(
  opened: SessionBackend,
  wrap: () => Promise<SessionBackend>,
): Promise<SessionBackend> {
  try {
    return await wrap();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function fileDirectory(place: Place): Promise<SessionBackend> {
  const { file, cookie, now } = place.config;
  if (!file?.path) {
    throw new ImproperlyConfigured(
      'The setting file.path (SESSION_FILE_PATH) is missing: name a private directory for the sessions, such as "./sessions".',
    );
  }
  const { answers } = file;
  const path = resolve(place.directory, file.path);
  return engine('@coatcheck/file', place, () => ({ path, cookieName: cookie?.name, answers, now }));
}

/** @param options asked for once the engine is there, since its driver is looked up then. */
async function engine(
  packageName: string,
  place: Place,
  options: () => Readonly<Record<string, unknown>>,
): Promise<SessionBackend> {
  const what = `The engine "${place.engine}" (setting engine, SESSION_ENGINE)`;
  const { createBackend } = await importPackage<EnginePackage>(packageName, what, place);
  return createBackend(options());
}

/** Starts the path of an SQLite file at the configuration's directory. */
function absoluteUrl(url: string, { directory }: Place): string {
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/.exec(url) ?? [];
  return path === undefined || path === ':memory:' ? url : `sqlite:${resolve(directory, path)}`;
}

/** A module of the user's: an npm package, or a file beside the configuration. */
async function userEngine(name: string, { config, directory }: Place): Promise<SessionBackend> {
  const what = `The engine "${name}" (setting engine, SESSION_ENGINE)`;
  const names = Object.keys(engines).map((known) => `"${known}"`);
  const remedy = `; use ${names.join(', ')}, or a module that can be found there`;
  const module = await importUserModule(name, directory, what, remedy);
  const factory = module.createBackend ?? module.default;
  if (typeof factory !== 'function') {
    throw new ImproperlyConfigured(
      `${what} must export a function createBackend(options), or export it by default.`,
    );
  }
  const backend = (await factory(config.engineOptions ?? {})) as SessionBackend | undefined;
  const lacking = methods.find((method) => typeof backend?.[method] !== 'function');
  if (backend === undefined || lacking) {
    throw new ImproperlyConfigured(`${what} made no session backend: ${lacking} is missing.`);
  }
  return backend;
}

/** Imports a package of ours as the configuration would, else as this package would. `what` needs it. */
async function importPackage<Exports>(
  packageName: string,
  what: string,
  { directory }: Place,
): Promise<Exports> {
  const file = resolveFrom(directory, packageName);
  try {
    return await import(file === undefined ? packageName : pathToFileURL(file).href);
  } catch (error) {
    if (file !== undefined || !isNotFound(error)) throw error;
    throw new ImproperlyConfigured(
      `${what} needs the package ${packageName}: npm install ${packageName}.`,
    );
  }
}

/** The driver that a section's URL takes, as the configuration would require it, else as this package would. */
function driverFor(section: string, url: string, { directory }: Place): unknown {
  const [, scheme = ''] = /^([a-z]+)[+:]/.exec(url) ?? [];
  const name = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  if (name === undefined) return undefined;
  const file = resolveFrom(directory, name) ?? resolveFrom(import.meta.dirname, name);
  if (file === undefined) {
    throw new ImproperlyConfigured(
      `The setting ${section}.url (${variableNames([section, 'url'])[0]}) needs the package ${name}: npm install ${name}.`,
    );
  }
  return createRequire(file)(file);
}

function resolveFrom(directory: string, name: string): string | undefined {
  try {
    return createRequire(join(directory, 'sessions.config.js')).resolve(name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
}
