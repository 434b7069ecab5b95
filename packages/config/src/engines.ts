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

type Engine = (place: Place) => Promise<SessionBackend>;

/** Engines by name; a new one is a line here. */
const engines: Readonly<Record<string, Engine>> = {
  db: databaseEngine,
};

/** Databases by the scheme of `db.url`. */
const databases: Readonly<Record<string, (rest: string, place: Place) => Promise<SessionBackend>>> =
  {
    sqlite: sqliteDatabase,
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
  const place = { config, directory };
  return Object.hasOwn(engines, known)
    ? (engines[known] as Engine)(place)
    : userEngine(name, place);
}

/** A module of the user's: an npm package, or a file beside the configuration. */
async function userEngine(name: string, { config, directory }: Place): Promise<SessionBackend> {
  const what = `The engine "${name}" (setting engine, SESSION_ENGINE)`;
  const names = Object.keys(engines).map((engine) => `"${engine}"`);
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

async function databaseEngine(place: Place): Promise<SessionBackend> {
  const url = place.config.db?.url ?? 'sqlite:./sessions.sqlite3';
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+]*):(.*)$/.exec(url) ?? [];
  const open = Object.hasOwn(databases, scheme) ? databases[scheme] : undefined;
  if (!open) {
    const schemes = Object.keys(databases).map((known) => `"${known}:"`);
    // Only the scheme is quoted: the rest may hold a password.
    const wrong = scheme === '' ? 'has no scheme' : `has the unknown scheme "${scheme}:"`;
    throw new ImproperlyConfigured(
      `The setting db.url (SESSION_DB_URL) ${wrong}; it begins with ${schemes.join(', ')}, as in "sqlite:./sessions.sqlite3".`,
    );
  }
  return open(rest, place);
}

async function sqliteDatabase(rest: string, place: Place): Promise<SessionBackend> {
  const { db, timeZone, hashKeys, now } = place.config;
  // Three slashes and more begin an absolute path, as in every URL without a host.
  const path = rest.replace(/^\/{2,}(?=\/)/, '');
  if (path === '' || path.startsWith('//')) {
    throw new ImproperlyConfigured(
      'The setting db.url (SESSION_DB_URL) names no file; write it as in "sqlite:./sessions.sqlite3".',
    );
  }
  const { sqliteBackend } = await importEngine<typeof import('@coatcheck/db')>(
    '@coatcheck/db',
    place,
  );
  return sqliteBackend({
    path: path === ':memory:' ? path : resolve(place.directory, path),
    driver: requireDriver('better-sqlite3', place),
    synchronous: db?.synchronous,
    table: db?.table,
    busyTimeoutMs: db?.busyTimeoutMs,
    timeZone,
    hashKeys,
    now,
  });
}

/** Imports an engine's package as the configuration would, else as this package would. */
async function importEngine<Module>(name: string, { directory }: Place): Promise<Module> {
  const file = resolveFrom(directory, name);
  try {
    return await import(file === undefined ? name : pathToFileURL(file).href);
  } catch (error) {
    if (file === undefined && isNotFound(error)) throw missing(name);
    throw error;
  }
}

/** Requires a driver as the configuration would, else as this package would. */
function requireDriver(name: string, { directory }: Place): unknown {
  const file = resolveFrom(directory, name) ?? resolveFrom(import.meta.dirname, name);
  if (file === undefined) throw missing(name);
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

function missing(name: string): ImproperlyConfigured {
  return new ImproperlyConfigured(
    `The setting db.url (SESSION_DB_URL) needs the package ${name}: npm install ${name}.`,
  );
}

function isNotFound(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
}
