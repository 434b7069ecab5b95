import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ImproperlyConfigured } from '@coatcheck/core';

/** A prepared statement of better-sqlite3, as far as it is used here. */
export interface SqliteStatement {
  /** Whether it returns rows. */
  readonly reader: boolean;
  run(...values: unknown[]): { changes: number };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
  /** Has `get` return the first column alone, instead of a row, from now on. */
  pluck(): this;
}

/** An open database of better-sqlite3, as far as it is used here. */
export interface SqliteDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple?: boolean }): unknown;
  close(): unknown;
}

type SqliteConstructor = new (file: string, options: { timeout: number }) => SqliteDatabase;

/**
 * Opens the file, making it when it is new, for its owner alone.
 *
 * @param place a path, `:memory:`, either of them after `sqlite:`, or a `file:` URL.
 * @param driver better-sqlite3's constructor; otherwise it is looked for beside this package and in the working directory.
 * @throws {ImproperlyConfigured} when the driver is missing, or the file cannot be a database.
 */
export function openSqlite(place: string | URL, driver?: unknown): SqliteDatabase {
  const file = filePath(place);
  const Database = driver === undefined ? findDriver() : checkDriver(driver);
  try {
    if (file !== ':memory:') makeFile(file);
    // Never waits in a call: the lock is asked for again from a timer.
    const database = new Database(file, { timeout: 0 });
    try {
      database.pragma('schema_version');
    } catch (error) {
      if (!isBusy(error)) {
        database.close();
        throw error;
      }
    }
    return database;
  } catch (error) {
    throw misconfiguration(error) ?? error;
  }
}

/** Whether another connection is in the way, so that the same call may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));
}

/**
 * What `call` returns once no other connection is in the way, asked again with growing pauses. For the moments in
 * which a file has one user: while it is opened for the first time, or by the last one that closes it. These pauses
 * hold up the event loop, so that they are short.
 *
 * @param patienceMs how long, before the driver's error is thrown.
 */
export function whenNotBusy<T>(call: () => T, patienceMs: number): T {
  const giveUpAt = performance.now() + patienceMs;
  for (let pauseMs = 1; ; pauseMs *= 2) {
    try {
      return call();
    } catch (error) {
      const leftMs = giveUpAt - performance.now();
      if (!isBusy(error) || leftMs <= 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(pauseMs, leftMs));
    }
  }
}

/** The `code` of an error; empty when it has none. The driver's error class differs between realms. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function filePath(place: string | URL): string {
  const text = String(place);
  const file = text.startsWith('file:')
    ? fileURLToPath(text)
    : text.replace(/^sqlite:(\/\/)?/, '').trim();
  if (file === '') {
    throw new ImproperlyConfigured(
      'db.url names no file: write for example sqlite:./sessions.sqlite3.',
    );
  }
  return file === ':memory:' ? file : path.resolve(file);
}

// SQLite would make it readable for everybody, and gives its -wal and -shm files the same mode.
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function misconfiguration(error: unknown): ImproperlyConfigured | undefined {
  const remedy = remedies.get(codeOf(error));
  return remedy === undefined ? undefined : new ImproperlyConfigured(remedy, { cause: error });
}

const remedies = new Map(
  Object.entries({
    ENOENT: 'The directory of the file in db.url does not exist: make it, or name another.',
    ENOTDIR: 'The directory of the file in db.url is not a directory: name another path.',
    EACCES: 'The file in db.url cannot be made: give this process write access to its directory.',
    EPERM: 'The file in db.url cannot be made: give this process write access to its directory.',
    EROFS: 'The file in db.url cannot be made on a read-only file system: name another path.',
    SQLITE_CANTOPEN:
      'The file in db.url cannot be opened: it must be a file, not a directory, that this process may read and write.',
    SQLITE_CANTOPEN_ISDIR: 'db.url names a directory: name a file in it.',
    SQLITE_NOTADB: 'The file in db.url is not an SQLite database: name another path.',
    ERR_DLOPEN_FAILED:
      'better-sqlite3, which db.url asks for, was built for another Node: npm rebuild better-sqlite3.',
  }),
);

function findDriver(): SqliteConstructor {
  const places = [import.meta.url, pathToFileURL(path.resolve('package.json'))];
  for (const place of places) {
    try {
      return checkDriver(createRequire(place)('better-sqlite3'));
    } catch (error) {
      if (codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ImproperlyConfigured(
    'The driver for the SQLite database in db.url is not installed: npm install better-sqlite3.',
  );
}

function checkDriver(driver: unknown): SqliteConstructor {
  const found = (driver as { default?: unknown } | null)?.default ?? driver;
  if (typeof found !== 'function') {
    throw new ImproperlyConfigured(
      'db.driver is not the constructor that better-sqlite3 exports: pass it, or leave the option out.',
    );
  }
  // Its shape cannot be checked further without opening a database.
  return found as SqliteConstructor;
}
