import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ImproperlyConfigured, type SessionBackend } from '@coatcheck/core';
import type { SessionsConfig } from './settings.ts';
import { importUserModule } from './user-module.ts';

interface Place {
  readonly config: SessionsConfig;
  /** Where relative paths begin, and where packages are looked up first. */
  readonly directory: string;
}

/** What a package with a backend exports for configurations. */
interface EnginePackage {
  createBackend(options: Readonly<Record<string, unknown>>): SessionBackend;
}

/** Engines by name; a new one is a line here, and its section of settings in `settings.ts`. */
const engines: Readonly<Record<string, (place: Place) => Promise<SessionBackend>>> = {
  db: (place) => engineWithUrl('db', '@coatcheck/db', 'sqlite:./sessions.sqlite3', place),
  cache: (place) => engineWithUrl('cache', '@coatcheck/cache', 'memory:', place),
  cached_db: cachedDatabase,
  file: fileDirectory,
  signed_cookies: (place) =>
    engine('signed_cookies', '@coatcheck/signed-cookies', place, () => ({
      ...place.config.signedCookies,
    })),
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
  const open = Object.hasOwn(engines, known) ? engines[known] : undefined;
  return open ? open({ config, directory }) : userEngine(name, { config, directory });
}

/** An engine whose section has a `url` that says where the sessions live, and so which driver it takes. */
async function engineWithUrl(
  section: 'db' | 'cache',
  packageName: string,
  defaultUrl: string,
  place: Place,
): Promise<SessionBackend> {
  return engine(section, packageName, place, () => settingsWithUrl(section, defaultUrl, place));
}

/** The settings of a section with a `url`, and the driver that it takes. */
function settingsWithUrl(
  section: 'db' | 'cache',
  defaultUrl: string,
  place: Place,
): Readonly<Record<string, unknown>> {
  const { timeZone, hashKeys, now, [section]: settings } = place.config;
  const url = absoluteUrl(settings?.url ?? defaultUrl, place);
  const [, scheme = ''] = /^([a-z]+)[+:]/.exec(url) ?? [];
  const driver = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  return {
    timeZone,
    hashKeys,
    now,
    ...settings,
    url,
    driver: driver && requireDriver(section, driver, place),
  };
}

async function cachedDatabase(place: Place): Promise<SessionBackend> {
  const database = await engineWithUrl('db', '@coatcheck/db', 'sqlite:./sessions.sqlite3', place);
  try {
    return await engine('cached_db', '@coatcheck/cached-db', place, () => ({
      ...settingsWithUrl('cache', 'memory:', place),
      database,
    }));
  } catch (error) {
    await database.close();
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
  const path = resolve(place.directory, file.path);
  return engine('file', '@coatcheck/file', place, () => ({ path, cookieName: cookie?.name, now }));
}

/** @param options asked for once the engine is there, since its driver is looked up then. */
async function engine(
  name: string,
  packageName: string,
  place: Place,
  options: () => Readonly<Record<string, unknown>>,
): Promise<SessionBackend> {
  const { createBackend } = await importEngine(name, packageName, place);
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

/** Imports an engine's package as the configuration would, else as this package would. */
async function importEngine(
  name: string,
  packageName: string,
  { directory }: Place,
): Promise<EnginePackage> {
  const file = resolveFrom(directory, packageName);
  try {
    return await import(file === undefined ? packageName : pathToFileURL(file).href);
  } catch (error) {
    if (file !== undefined || !isNotFound(error)) throw error;
    throw new ImproperlyConfigured(
      `The engine "${name}" (setting engine, SESSION_ENGINE) needs the package ${packageName}: npm install ${packageName}.`,
    );
  }
}

/** Requires a driver as the configuration would, else as this package would. */
function requireDriver(section: string, name: string, { directory }: Place): unknown {
  const file = resolveFrom(directory, name) ?? resolveFrom(import.meta.dirname, name);
  if (file === undefined) {
    throw new ImproperlyConfigured(
      `The setting ${section}.url (SESSION_${section.toUpperCase()}_URL) needs the package ${name}: npm install ${name}.`,
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
