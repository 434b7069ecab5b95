import { link, lstat, mkdir, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { StoredSession } from '@coatcheck/core';
import { FileLock, moved, revokeLock, temporaryName } from './file-lock.ts';
import type { SessionDirectory } from './session-directory.ts';
import {
  type Content,
  isError,
  makeSessionFile,
  readSessionFile,
  rewriteSessionFile,
} from './session-file.ts';

/** Whether what was found is what the caller wants to change; may be asked more than once. */
export type IsWanted = (found: StoredSession | undefined) => boolean;

/** How a change ended: it was made, or `found` is there instead of what was wanted. */
export interface Change {
  readonly done: boolean;
  readonly found?: StoredSession;
}

/** How long a lock is kept for a writer that met a newer file and is about to try again. */
const KEEP_MS = 50;

/** The changes of session files, each atomic for every process. */
export class SessionFiles {
  readonly #directory: SessionDirectory;
  readonly #patienceMs: number | undefined;
  readonly #kept = new Map<string, { readonly lock: FileLock; readonly timer: NodeJS.Timeout }>();

  /** @param patienceMs how long others may keep a lock. */
  constructor(directory: SessionDirectory, patienceMs?: number) {
    this.#directory = directory;
    this.#patienceMs = patienceMs;
  }

  /** Makes the file with all its content at once, for good; `false` when the name is taken. */
  async add(file: string, content: Content): Promise<boolean> {
    const temporary = temporaryName(file);
    try {
      await makeSessionFile(temporary, content);
      await link(temporary, file);
    } catch (error) {
      if (isError(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await unlink(temporary).catch(() => {});
    }
    await this.#directory.sync();
    return true;
  }

  /**
   * Replaces the file's content, for good, while it is as wanted. A writer that loses against another process keeps the
   * lock for a moment: its next try, from what it found, then succeeds.
   */
  async replace(file: string, isWanted: IsWanted, content: Content): Promise<Change> {
    const kept = this.#takeKept(file);
    const change =
      (kept && (await this.#replaceWith(kept, file, isWanted, content))) ??
      (await this.#replaceNew(file, isWanted, content));
    if (change.done) await this.#directory.sync();
    return change;
  }

  async #replaceNew(file: string, isWanted: IsWanted, content: Content): Promise<Change> {
    for (;;) {
      const found = await readSessionFile(file);
      if (!isWanted(found)) return unwanted(found);
      const prepare = (entry: string): Promise<void> => makeSessionFile(entry, content);
      const lock = await FileLock.take(file, prepare, this.#patienceMs);
      const change = await this.#replaceWith(lock, file, isWanted);
      if (change) return change;
    }
  }

  /** @returns `undefined` when the lock was taken away. */
  async #replaceWith(
    lock: FileLock,
    file: string,
    isWanted: IsWanted,
    content?: Content,
  ): Promise<Change | undefined> {
    let keep = false;
    try {
      const found = await readSessionFile(file);
      if (!isWanted(found)) {
        keep = found !== undefined;
        return unwanted(found);
      }
      if (content && !(await rewriteSessionFile(lock.entry, content))) return undefined;
      return (await moved(lock.entry, file)) ? { done: true } : undefined;
    } finally {
      if (keep) this.#keep(file, lock);
      else await lock.release();
    }
  }

  /** Removes the file while it is as wanted; for good after the directory's next `sync`. */
  async remove(file: string, isWanted: IsWanted): Promise<Change> {
    await this.#takeKept(file)?.release();
    try {
      for (;;) {
        const found = await readSessionFile(file);
        if (!isWanted(found)) return unwanted(found);
        const lock = await FileLock.take(file, makeDirectory, this.#patienceMs);
        try {
          const current = await readSessionFile(file);
          if (!isWanted(current)) return unwanted(current);
          const removed = path.join(lock.entry, 'removed');
          // Otherwise the lock was taken away, or somebody without one, such as Django, removed the file.
          if (await moved(file, removed)) {
            await unlink(removed).catch(ignoreMissing);
            await rmdir(lock.entry).catch(ignoreMissing);
            return { done: true };
          }
        } finally {
          await lock.release();
        }
      }
    } catch (error) {
      if (!isError(error, 'ENOSPC', 'EDQUOT')) throw error;
    }
    return this.#removeWithoutLock(file, isWanted);
  }

  /**
   * Removes a file that was seen to have expired; whether this call did it. Nobody changes such a file, so no lock is
   * needed: it is taken away, looked at again, and put back if it was renewed at the last moment.
   */
  async removeExpired(
    file: string,
    isExpired: (found: StoredSession) => boolean,
  ): Promise<boolean> {
    const taken = temporaryName(file);
    if (!(await moved(file, taken))) return false;
    const found = await readSessionFile(taken);
    const removed = found !== undefined && isExpired(found);
    if (!removed) await link(taken, file).catch(ignoreTaken);
    await unlink(taken).catch(ignoreMissing);
    return removed;
  }

  /** Gives back the locks that were kept for a next try. */
  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((file) => this.#takeKept(file)?.release()));
  }

  #keep(file: string, lock: FileLock): void {
    const timer = setTimeout(() => void this.#takeKept(file)?.release(), KEEP_MS);
    timer.unref();
    this.#kept.set(file, { lock, timer });
  }

  #takeKept(file: string): FileLock | undefined {
    const kept = this.#kept.get(file);
    this.#kept.delete(file);
    clearTimeout(kept?.timer);
    return kept?.lock;
  }

  /**
   * A full disk has no room for a lock, and must not keep anybody logged in. Whoever holds the lock may be about to bring
   * the file back, so it is taken from them until nobody does.
   */
  async #removeWithoutLock(file: string, isWanted: IsWanted): Promise<Change> {
    const found = await readSessionFile(file);
    if (!isWanted(found)) return unwanted(found);
    do {
      await unlink(file).catch(ignoreMissing);
      await revokeLock(file);
    } while (await isThere(file));
    return { done: true };
  }
}

/** Whether anything has the name, be it a session or not. */
export async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

function unwanted(found: StoredSession | undefined): Change {
  return found ? { done: false, found } : { done: false };
}

function ignoreTaken(error: unknown): void {
  if (!isError(error, 'EEXIST')) throw error;
}

function ignoreMissing(error: unknown): void {
  if (!isError(error, 'ENOENT')) throw error;
}

async function makeDirectory(entry: string): Promise<void> {
  await mkdir(entry, { mode: 0o700 });
}
