import fs from 'node:fs';
import { promisify } from 'node:util';
import type { Awaitable } from '@coatcheck/core';

/** What is asked of the file system; whoever asks awaits the answer. As in `node:fs`, but for what they return. */
export interface FileCalls {
  open(path: string, flags: number, mode?: number): Awaitable<number>;
  read(fd: number, into: Buffer, at: number, length: number, from: number): Awaitable<number>;
  write(fd: number, bytes: Buffer, from: number, length: number): Awaitable<number>;
  futimes(fd: number, atime: Date, mtime: Date): Awaitable<void>;
  /** Always on a thread: it waits for the disk. */
  fsync(fd: number): Promise<void>;
  lstat(path: string): Awaitable<fs.Stats>;
  readdir(path: string): Awaitable<string[]>;
  link(path: string, as: string): Awaitable<void>;
  rename(path: string, to: string): Awaitable<void>;
  unlink(path: string): Awaitable<void>;
  mkdir(path: string, mode: number): Awaitable<unknown>;
  rmdir(path: string): Awaitable<void>;
}

const fsync = promisify(fs.fsync);
const read = promisify(fs.read);
const write = promisify(fs.write);

/** Each call on a thread, so that a file system that hangs keeps nobody but those who wait for it. */
export const onThreads: FileCalls = {
  open: promisify(fs.open),
  read: async (...call) => (await read(...call)).bytesRead,
  write: async (...call) => (await write(...call)).bytesWritten,
  futimes: promisify(fs.futimes),
  fsync,
  lstat: promisify(fs.lstat),
  readdir: (path) => fs.promises.readdir(path),
  link: promisify(fs.link),
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  mkdir: (path, mode) => fs.promises.mkdir(path, mode),
  rmdir: promisify(fs.rmdir),
};

/**
 * Each call at once. On a local file system these calls work in memory and take a few microseconds, where handing one to
 * a thread costs ten to twenty: measured, a read takes a quarter of the CPU, and a write a half.
 */
export const atOnce: FileCalls = {
  open: fs.openSync,
  read: fs.readSync,
  write: fs.writeSync,
  futimes: fs.futimesSync,
  fsync,
  lstat: (path) => fs.lstatSync(path),
  readdir: (path) => fs.readdirSync(path),
  link: fs.linkSync,
  rename: fs.renameSync,
  unlink: fs.unlinkSync,
  mkdir: fs.mkdirSync,
  rmdir: fs.rmdirSync,
};

/** Whether the system refused a call for one of these reasons. */
export function isError(error: unknown, ...codes: string[]): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && codes.includes(code);
}
