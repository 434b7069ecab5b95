import fs from 'node:fs';
import { promisify } from 'node:util';
import { type Awaitable, SessionTooLarge, type StoredSession } from '@coatcheck/core';

const open = promisify(fs.open);
const read = promisify(fs.read);
const write = promisify(fs.write);
const fchmod = promisify(fs.fchmod);
const futimes = promisify(fs.futimes);
const fsync = promisify(fs.fsync);

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants;
/** A pipe under a session's name must neither be followed nor waited for. */
const LOOK = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const MAKE = O_WRONLY | O_NOFOLLOW | O_CREAT | O_EXCL;
const REMAKE = O_WRONLY | O_NOFOLLOW | O_TRUNC;

/** Far above what core lets a session have; what is larger was not written by this package. */
const MAX_BYTES = 8 * 1024 * 1024;

/** What a file shall have. */
export interface Content {
  readonly data: string;
  readonly modifiedAt: Date;
}

/** What the file has, or `undefined` where there is none, or nothing that could be a session. */
export function readSessionFile(path: string): Promise<StoredSession | undefined> {
  return lookAt(path, (stored) => stored);
}

/**
 * Moves the modification time of the file, if it is as wanted. The time belongs to what was read: a file that has
 * replaced it meanwhile keeps its own.
 *
 * @returns whether it was as wanted.
 */
export async function renewSessionFile(
  path: string,
  isWanted: (stored: StoredSession) => boolean,
  modifiedAt: Date,
): Promise<boolean> {
  const renewed = await lookAt(path, async (stored, fd) => {
    if (!isWanted(stored)) return false;
    await futimes(fd, modifiedAt, modifiedAt);
    await fsync(fd);
    return true;
  });
  return renewed ?? false;
}

/** Makes a file for its owner alone, with its content on disk when the promise resolves; never replaces one. */
export function makeSessionFile(path: string, content: Content): Promise<void> {
  return writeSessionFile(path, MAKE, content);
}

/** Gives other content to a file that nobody else reads; `false` when it is gone. */
export async function rewriteSessionFile(path: string, content: Content): Promise<boolean> {
  try {
    await writeSessionFile(path, REMAKE, content);
    return true;
  } catch (error) {
    if (isError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function writeSessionFile(
  path: string,
  flags: number,
  { data, modifiedAt }: Content,
): Promise<void> {
  if (data.length > MAX_BYTES) {
    throw new SessionTooLarge(`A session file may have ${MAX_BYTES} bytes, not ${data.length}.`);
  }
  const fd = await open(path, flags, 0o600);
  try {
    // A umask can take permissions from the owner too.
    if ((fs.fstatSync(fd).mode & 0o777) !== 0o600) await fchmod(fd, 0o600);
    const bytes = Buffer.from(data, 'latin1');
    let written = 0;
    while (written < bytes.length) {
      written += (await write(fd, bytes, written, bytes.length - written)).bytesWritten;
    }
    await futimes(fd, modifiedAt, modifiedAt);
    await fsync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

async function lookAt<T>(
  path: string,
  look: (stored: StoredSession, fd: number) => Awaitable<T>,
): Promise<T | undefined> {
  let fd: number;
  try {
    fd = await open(path, LOOK);
  } catch (error) {
    // ELOOP: a symbolic link. ENXIO: a socket.
    if (isError(error, 'ENOENT', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
  try {
    // Only opening and reading can have to wait for the disk: what fstat and close need is in memory by then.
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES) return undefined;
    // Every byte is a character of its own, so that the text is also a token of the bytes that are no ASCII.
    const data = (await readBytes(fd, stat.size)).toString('latin1');
    return await look({ data, base: data, modifiedAt: new Date(Math.round(stat.mtimeMs)) }, fd);
  } finally {
    fs.closeSync(fd);
  }
}

async function readBytes(fd: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await read(fd, bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Whether the system refused a call for one of these reasons. */
export function isError(error: unknown, ...codes: string[]): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && codes.includes(code);
}
