import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ImproperlyConfigured, InvalidSessionKey } from '@coatcheck/core';
import { isError } from './file-calls.ts';

const fsync = promisify(fs.fsync);
const stat = promisify(fs.stat);

const KEY = /^[a-z0-9]{32,64}$/;
const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/;
/** What follows the cookie's name: a key, and after it what this package and Django name their temporary files. */
const NAME = /^[a-z0-9]{32,64}(?<temporary>_lock|_out_[a-z0-9_]+)?$/;

/** The directory that the session files are in: their names, and whether they are there for good. */
export class SessionDirectory {
  readonly path: string;
  readonly #prefix: string;
  /** Of the paths of all session files. */
  readonly #beginning: string;
  readonly #device: number;
  /** Open from the start: a write that was made must not fail because no file can be opened any more. */
  readonly #fd: number;
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  /** @throws {ImproperlyConfigured} when the directory is missing and cannot be made, or is not safe to use. */
  constructor(directory: string | URL, prefix: string) {
    if (!COOKIE_NAME.test(prefix)) {
      throw new ImproperlyConfigured(
        'The cookie name begins the names of the session files, so it must be letters, digits and the other characters of a cookie name, 100 at most.',
      );
    }
    this.#prefix = prefix;
    this.path = toPath(directory);
    this.#beginning = (this.path.endsWith(path.sep) ? this.path : this.path + path.sep) + prefix;
    this.#device = checkDirectory(this.path).dev;
    this.#fd = fs.openSync(this.path, fs.constants.O_RDONLY);
  }

  /** Where the session is. Django: `_key_to_file`. @throws {InvalidSessionKey} before it could name anything else. */
  fileOf(key: string): string {
    if (!KEY.test(key)) throw new InvalidSessionKey('Invalid characters in session key');
    return this.#beginning + key;
  }

  /** The key of the session whose file has this name; `undefined`: not a session's. */
  keyOf(name: string): string | undefined {
    return this.kindOf(name) === 'session' ? name.slice(this.#prefix.length) : undefined;
  }

  /** What a name in the directory is for; `undefined`: not ours. */
  kindOf(name: string): 'session' | 'temporary' | undefined {
    const match = name.startsWith(this.#prefix) ? NAME.exec(name.slice(this.#prefix.length)) : null;
    if (!match) return undefined;
    return match.groups?.temporary === undefined ? 'session' : 'temporary';
  }

  /** Rejects when the directory vanished, or its disk did: then a missing file does not mean a missing session. */
  async assertThere(): Promise<void> {
    this.#assertMounted(await stat(this.path));
  }

  /** As `assertThere`, without a promise. */
  assertThereAtOnce(): void {
    this.#assertMounted(fs.statSync(this.path));
  }

  #assertMounted({ dev }: fs.Stats): void {
    if (dev !== this.#device) throw new Error('The disk with the session files is not mounted.');
  }

  /** Makes what was named, renamed or removed so far durable; whoever waits at the same time shares one fsync. */
  sync(): Promise<void> {
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#nextSync = undefined;
        this.#syncing = this.#fsync();
        return this.#syncing;
      });
    return this.#nextSync;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  async #fsync(): Promise<void> {
    try {
      await fsync(this.#fd);
    } catch (error) {
      // A file system that has no such call keeps names in its own way.
      if (!isError(error, 'EINVAL', 'ENOTSUP')) throw error;
    }
  }
}

function toPath(directory: string | URL): string {
  const text = directory instanceof URL ? fileURLToPath(directory) : directory;
  if (typeof text !== 'string' || text === '' || text.includes('\0')) {
    throw new ImproperlyConfigured(
      'file.path is missing: name the directory for the session files, such as ./sessions.',
    );
  }
  return path.resolve(text);
}

function checkDirectory(directory: string): fs.Stats {
  const refuse = (problem: string, cause?: unknown): never => {
    throw new ImproperlyConfigured(`file.path: ${directory} ${problem}`, { cause });
  };
  let stats: fs.Stats;
  try {
    makeDirectory(directory);
    stats = fs.lstatSync(directory);
  } catch (error) {
    const problem = isError(error, 'ENOENT', 'ENOTDIR')
      ? 'cannot be made, because the directory around it does not exist: make that first.'
      : 'cannot be made: name a directory that this user may make, or make it with mode 0700.';
    return refuse(problem, error);
  }
  if (stats.isSymbolicLink()) refuse('is a symbolic link: name the directory itself.');
  if (!stats.isDirectory()) refuse('is not a directory: name one, or a name that is not in use.');
  const user = process.geteuid?.();
  if (user === undefined) return stats;
  if (stats.uid !== user) {
    refuse('belongs to another user: name one that belongs to the user of this process.');
  }
  if ((stats.mode & 0o066) !== 0) {
    refuse('is open to other users, and the names of its files are session keys: chmod 700 it.');
  }
  return stats;
}

function makeDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (isError(error, 'EEXIST')) return;
    throw error;
  }
  // A umask can take permissions from the owner too.
  fs.chmodSync(directory, 0o700);
}
