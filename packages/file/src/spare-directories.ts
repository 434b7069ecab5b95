import { rm } from 'node:fs/promises';
import { type FileCalls, isError } from './file-calls.ts';

/** How many are kept, which is how many changes may wait for the disk at once, each with its own. */
const MOST = 64;
/** Milliseconds for which they are kept; what a killed process leaves behind is swept away after an hour. */
const KEEP_MS = 10_000;

/**
 * Empty directories that were locks and will be again: measured, to make and to remove one takes a sixth of the CPU of a write.
 *
 * A lock that has become empty is free, so what is moved out of its place may be the lock of somebody else by then. That one
 * notices: the one step that counts is a rename from its entry, or into it, at the place of the lock, where it is no more. What was
 * moved is looked at and removed unless it is empty, so that no entry ever returns to a place that it has left.
 */
export class SpareDirectories {
  readonly #calls: FileCalls;
  #spares: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(calls: FileCalls) {
    this.#calls = calls;
  }

  /** The path of one, if there is any; whoever else may use the file system could have removed it. */
  take(): string | undefined {
    return this.#spares.pop();
  }

  /** Keeps the empty lock under a path that is free. */
  async put(lock: string, path: string): Promise<void> {
    if (this.#isClosed || this.#spares.length >= MOST) return this.#remove(lock);
    await this.#calls.rename(lock, path);
    if ((await this.#calls.readdir(path)).length > 0) return rm(path, { recursive: true });
    this.#spares.push(path);
    this.#timer ??= setTimeout(() => void this.#removeAll().catch(() => {}), KEEP_MS).unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#removeAll();
  }

  async #removeAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const spares = this.#spares;
    this.#spares = [];
    for (const path of spares) await this.#remove(path);
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#calls.rmdir(path);
    } catch (error) {
      if (!isError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }
}
