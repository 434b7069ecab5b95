import { rm } from 'node:fs/promises';
import path from 'node:path';
import { randomText } from '@coatcheck/core';
import { type FileCalls, isError, onThreads } from './file-calls.ts';

/** How long the same holder may have a lock before the next one takes it away; he needs about a millisecond. */
const PATIENCE_MS = 250;
/** Times what the waiter's own write took: a holder who has kept the lock writes under it, and to the same disk. */
const PATIENT_WRITES = 3;
/** A process that was stopped for an hour, or a disk that hangs, says nothing about the holder. */
const LONGEST_PATIENCE_MS = 2000;
const LONGEST_PAUSE_MS = 12;

/**
 * The right to change a file, which one process has at a time.
 *
 * The lock is a directory beside the file, free while it is missing or empty. It is taken by moving onto it a directory
 * with one entry, of a name that never comes twice; the system refuses that while another entry is in it. Whoever waits
 * too long takes the lock away by removing the holder's entry. This is safe because the holder's one step that others
 * can see must be a rename from its entry, or into it: that step fails once the entry is gone, however late it comes.
 */
export class FileLock {
  /** Where the holder has something of its own for as long as it has the lock. */
  readonly entry: string;

  readonly #directory: string;
  readonly #name: string;
  readonly #calls: FileCalls;

  private constructor(directory: string, name: string, calls: FileCalls) {
    this.entry = inside(directory, name);
    this.#directory = directory;
    this.#name = name;
    this.#calls = calls;
  }

  /**
   * @param prepare makes the entry, before the lock is taken.
   * @param patienceMs how long others may keep the lock.
   */
  static async take(
    file: string,
    prepare: (entry: string) => Promise<void>,
    calls: FileCalls = onThreads,
    patienceMs: number = PATIENCE_MS,
  ): Promise<FileLock> {
    const claim = temporaryName(file);
    const name = path.basename(claim);
    await calls.mkdir(claim, 0o700);
    try {
      await prepare(inside(claim, name));
      await take(lockOf(file), claim, patienceMs, calls);
    } catch (error) {
      await removeEntry(claim, name, calls).catch(() => {});
      throw error;
    }
    return new FileLock(lockOf(file), name, calls);
  }

  /** Gives the lock back, with what is left of the entry; what cannot be removed now is swept away later. */
  async release(): Promise<void> {
    await removeEntry(this.#directory, this.#name, this.#calls).catch(() => {});
  }
}

/**
 * How long others may keep a lock where a write takes so long. On a disk that takes longer than the usual patience,
 * processes that write one session would take each other's lock away again and again, and finish a write by chance.
 */
export function patienceWhereWritesTake(ms: number): number {
  return Math.min(Math.max(PATIENCE_MS, PATIENT_WRITES * ms), LONGEST_PATIENCE_MS);
}

/** Takes the lock away from whoever has it: what that one was about to do will not happen. */
export async function revokeLock(file: string, calls: FileCalls): Promise<void> {
  const lock = lockOf(file);
  for (const name of await entriesOf(lock, calls)) await removeEntry(lock, name, calls);
}

/** A name beside the file that nobody else uses; Django names its temporary files like this. */
export function temporaryName(file: string): string {
  return `${file}_out_${uniqueName()}`;
}

/** The path of an entry of a directory. Both are as they are to be, and `path.join`, which looks, takes 2 µs. */
function inside(directory: string, name: string): string {
  return directory + path.sep + name;
}

/** Renames; `false` when there is nothing to rename, or nowhere to rename it to. */
export async function moved(
  from: string,
  to: string,
  calls: FileCalls = onThreads,
): Promise<boolean> {
  try {
    await calls.rename(from, to);
    return true;
  } catch (error) {
    if (isError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function take(
  lock: string,
  claim: string,
  patienceMs: number,
  calls: FileCalls,
): Promise<void> {
  let holder: string | undefined;
  let since = 0;
  for (;;) {
    try {
      return await calls.rename(claim, lock);
    } catch (error) {
      if (!isError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
    const [entry] = await entriesOf(lock, calls);
    if (entry !== holder) {
      holder = entry;
      since = performance.now();
    } else if (entry !== undefined && performance.now() - since > patienceMs) {
      await removeEntry(lock, entry, calls);
    }
    const pauseMs = Math.random() * LONGEST_PAUSE_MS;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Removes the entry and what is in it, and the directory around it if that leaves it empty. */
async function removeEntry(directory: string, name: string, calls: FileCalls): Promise<void> {
  if (await removedEmpty(directory, calls)) return;
  try {
    await rm(inside(directory, name), { recursive: true, force: true });
  } catch (error) {
    // Its holder was just in time to put something in; whoever waits for the lock comes back.
    if (!isError(error, 'ENOTEMPTY')) throw error;
  }
  await removedEmpty(directory, calls);
}

async function removedEmpty(directory: string, calls: FileCalls): Promise<boolean> {
  try {
    await calls.rmdir(directory);
  } catch (error) {
    if (isError(error, 'ENOTEMPTY', 'EEXIST')) return false;
    if (!isError(error, 'ENOENT')) throw error;
  }
  return true;
}

async function entriesOf(directory: string, calls: FileCalls): Promise<string[]> {
  try {
    return await calls.readdir(directory);
  } catch (error) {
    if (isError(error, 'ENOENT')) return [];
    throw error;
  }
}

function lockOf(file: string): string {
  return `${file}_lock`;
}

function uniqueName(): string {
  return randomText(24, '0123456789abcdef');
}
