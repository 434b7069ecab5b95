import fs from 'node:fs';
import { type Awaitable, SessionTooLarge, type StoredSession } from '@coatcheck/core';
import { type FileCalls, isError } from './file-calls.ts';

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
export function readSessionFile(
  path: string,
  calls: FileCalls,
): Promise<StoredSession | undefined> {
  return lookAt(path, calls, (stored) => stored);
}

/** What a file had when it was opened, and what it was. */
export interface OpenedFile {
  readonly stored: StoredSession;
  readonly stat: fs.Stats;
}

/** As `readSessionFile`, without a promise. */
export function openSessionFile(path: string): OpenedFile | undefined {
  let fd: number;
  try {
    fd = fs.openSync(path, LOOK);
  } catch (error) {
    return ignoreNoFile(error);
  }
  try {
    const found = roomFor(fd);
    if (!found) return undefined;
    const { bytes, stat } = found;
    let filled = 0;
    while (filled < bytes.length) {
      const count = fs.readSync(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return { stored: storedIn(bytes, filled, stat), stat };
  } finally {
    fs.closeSync(fd);
  }
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
  calls: FileCalls,
): Promise<boolean> {
  const renewed = await lookAt(path, calls, async (stored, fd) => {
    if (!isWanted(stored)) return false;
    await calls.futimes(fd, modifiedAt, modifiedAt);
    await calls.fsync(fd);
    return true;
  });
  return renewed ?? false;
}

/** Makes a file for its owner alone, with its content on disk when the promise resolves; never replaces one. */
export function makeSessionFile(path: string, content: Content, calls: FileCalls): Promise<void> {
  return writeSessionFile(path, MAKE, content, calls);
}

/** Gives other content to a file that nobody else reads; `false` when it is gone. */
export async function rewriteSessionFile(
  path: string,
  content: Content,
  calls: FileCalls,
): Promise<boolean> {
  try {
    await writeSessionFile(path, REMAKE, content, calls);
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
  calls: FileCalls,
): Promise<void> {
  if (data.length > MAX_BYTES) {
    throw new SessionTooLarge(`A session file may have ${MAX_BYTES} bytes, not ${data.length}.`);
  }
  const fd = await calls.open(path, flags, 0o600);
  try {
    // A umask can take permissions from the owner too.
    if ((fs.fstatSync(fd).mode & 0o777) !== 0o600) fs.fchmodSync(fd, 0o600);
    const bytes = Buffer.from(data, 'latin1');
    let written = 0;
    while (written < bytes.length) {
      written += await calls.write(fd, bytes, written, bytes.length - written);
    }
    await calls.futimes(fd, modifiedAt, modifiedAt);
    await calls.fsync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

async function lookAt<T>(
  path: string,
  calls: FileCalls,
  look: (stored: StoredSession, fd: number) => Awaitable<T>,
): Promise<T | undefined> {
  let fd: number;
  try {
    fd = await calls.open(path, LOOK);
  } catch (error) {
    return ignoreNoFile(error);
  }
  try {
    const found = roomFor(fd);
    if (!found) return undefined;
    const { bytes, stat } = found;
    let filled = 0;
    while (filled < bytes.length) {
      const count = await calls.read(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return await look(storedIn(bytes, filled, stat), fd);
  } finally {
    fs.closeSync(fd);
  }
}

function ignoreNoFile(error: unknown): undefined {
  // ELOOP: a symbolic link. ENXIO: a socket.
  if (!isError(error, 'ENOENT', 'ELOOP', 'ENXIO')) throw error;
}

/**
 * What an open file is, and room for its content; `undefined` where it is nothing that could be a session. Only opening
 * and reading can have to wait for the disk: what fstat and close need is in memory by then.
 */
function roomFor(fd: number): { readonly stat: fs.Stats; readonly bytes: Buffer } | undefined {
  const stat = fs.fstatSync(fd);
  const mayBeSession = stat.isFile() && stat.size <= MAX_BYTES;
  return mayBeSession ? { stat, bytes: Buffer.allocUnsafe(stat.size) } : undefined;
}

function storedIn(bytes: Buffer, filled: number, { mtimeMs }: fs.Stats): StoredSession {
  // Every byte is a character of its own, so that the text is also a token of the bytes that are no ASCII.
  const data = bytes.toString('latin1', 0, filled);
  return { data, base: data, modifiedAt: new Date(Math.round(mtimeMs)) };
}
