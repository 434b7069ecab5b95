import path from 'node:path';
import type { StoredSession } from '@coatcheck/core';
import { type FileCalls, isError, onThreads } from './file-calls.ts';
import {
  FileLock,
  moved,
  patienceWhereWritesTake,
  revokeLock,
  temporaryName,
} from './file-lock.ts';
import type { SessionDirectory } from './session-directory.ts';
import {
  type Content,
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
  readonly #calls: FileCalls;
  readonly #kept = new Map<string, { readonly lock: FileLock; readonly timer: NodeJS.Timeout }>();

  constructor(directory: SessionDirectory, calls: FileCalls = onThreads) {
    this.#directory = directory;
    this.#calls = calls;
  }

  /** Makes the file with all its content at once, for good; `false` when the name is taken. */
  async add(file: string, content: Content): Promise<boolean> {
    const temporary = temporaryName(file);
    try {
      await makeSessionFile(temporary, content, this.#calls);
      await this.#calls.link(temporary, file);
    } catch (error) {
      if (isError(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await ignoring(undefined, () => this.#calls.unlink(temporary));
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
      const found = await readSessionFile(file, this.#calls);
      if (!isWanted(found)) return unwanted(found);
      const lock = await this.#lockWith(file, content);
      const change = await this.#replaceWith(lock, file, isWanted);
      if (change) return change;
    }
  }

  /**
   * Takes the lock with this content as its entry. The content is on disk before there is a directory for the lock: one
   * that lives from one fsync to the next goes into the journal too, and costs as much as the content.
   */
  async #lockWith(file: string, content: Content): Promise<FileLock> {
    const temporary = temporaryName(file);
    try {
      const start = performance.now();
      await makeSessionFile(temporary, content, this.#calls);
      const patienceMs = patienceWhereWritesTake(performance.now() - start);
      return await this.#lock(
        file,
        async (entry) => this.#calls.rename(temporary, entry),
        patienceMs,
      );
    } catch (error) {
      await ignoring(undefined, () => this.#calls.unlink(temporary));
      throw error;
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
      const found = await readSessionFile(file, this.#calls);
      if (!isWanted(found)) {
        keep = found !== undefined;
        return unwanted(found);
      }
      if (content && !(await rewriteSessionFile(lock.entry, content, this.#calls)))
        return undefined;
      return (await moved(lock.entry, file, this.#calls)) ? { done: true } : undefined;
    } finally {
      if (keep) this.#keep(file, lock);
      else await lock.release();
    }
  }

  /**
   * Removes the file while it is as wanted; for good after the directory's next `sync`. It is not as patient with a slow
   * holder as a write is: a logout goes first.
   */
  async remove(file: string, isWanted: IsWanted): Promise<Change> {
    await this.#takeKept(file)?.release();
    try {
      for (;;) {
        const found = await readSessionFile(file, this.#calls);
        if (!isWanted(found)) return unwanted(found);
        const lock = await this.#lock(file, async (entry) => {
          await this.#calls.mkdir(entry, 0o700);
        });
        try {
          const current = await readSessionFile(file, this.#calls);
          if (!isWanted(current)) return unwanted(current);
          const removed = path.join(lock.entry, 'removed');
          // Otherwise the lock was taken away, or somebody without one, such as Django, removed the file.
          if (await moved(file, removed, this.#calls)) {
            await ignoring('ENOENT', () => this.#calls.unlink(removed));
            await ignoring('ENOENT', () => this.#calls.rmdir(lock.entry));
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
   * needed: it is taken away, looked at again, and put back if it was renewed at the last moment. On threads, since
   * there may be many of them.
   */
  async removeExpired(
    file: string,
    isExpired: (found: StoredSession) => boolean,
  ): Promise<boolean> {
    const taken = temporaryName(file);
    if (!(await moved(file, taken))) return false;
    const found = await readSessionFile(taken, onThreads);
    const removed = found !== undefined && isExpired(found);
    if (!removed) await ignoring('EEXIST', () => onThreads.link(taken, file));
    await ignoring('ENOENT', () => onThreads.unlink(taken));
    return removed;
  }

  /** Gives back the locks that were kept for a next try. */
  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((file) => this.#takeKept(file)?.release()));
  }

  #lock(
    file: string,
    prepare: (entry: string) => Promise<void>,
    patienceMs?: number,
  ): Promise<FileLock> {
    return FileLock.take(file, prepare, this.#calls, patienceMs);
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
    const found = await readSessionFile(file, this.#calls);
    if (!isWanted(found)) return unwanted(found);
    do {
      await ignoring('ENOENT', () => this.#calls.unlink(file));
      await revokeLock(file, this.#calls);
    } while (await isThere(file, this.#calls));
    return { done: true };
  }
}

/** Whether anything has the name, be it a session or not. */
export async function isThere(file: string, calls: FileCalls): Promise<boolean> {
  return ignoring('ENOENT', () => calls.lstat(file));
}

function unwanted(found: StoredSession | undefined): Change {
  return found ? { done: false, found } : { done: false };
}

/** Whether the call did what it should; `false` where it failed for this reason, or for any if none is named. */
async function ignoring(code: string | undefined, call: () => unknown): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (code !== undefined && !isError(error, code)) throw error;
    return false;
  }
}
