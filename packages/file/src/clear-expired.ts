import { lstat, opendir, rm } from 'node:fs/promises';
import path from 'node:path';
import { type ClearExpiredOptions, checkedBatchSize } from '@coatcheck/core';
import type { SessionDirectory } from './session-directory.ts';

/** Temporary files and locks that nobody has touched for this long were left behind by a process that was killed. */
const ABANDONED_AFTER_MS = 3_600_000;
/** So that requests of this process get their turn at the disk. */
const WORKERS = 4;
const NAMES_AT_ONCE = 256;

/** What the clearing needs to know from the backend. */
export interface Clearing {
  readonly directory: SessionDirectory;
  readonly isExpired: (file: string) => Promise<boolean>;
  /** Removes the file if it is still expired; whether this call did it. */
  readonly remove: (file: string) => Promise<boolean>;
  readonly isStopped: () => boolean;
}

/**
 * Goes through the directory once and removes what has expired, and what was left behind. A file that cannot be read
 * or removed keeps the others from nothing; the first such error is thrown in the end.
 */
export async function clearExpired(
  { directory, isExpired, remove, isStopped }: Clearing,
  { onProgress, dryRun, ...options }: ClearExpiredOptions,
): Promise<number> {
  const batchSize = checkedBatchSize(options.batchSize);
  const failures: unknown[] = [];
  const expired: string[] = [];
  let cleared = 0;

  const tolerate = async (call: () => Promise<void>): Promise<void> => {
    try {
      await call();
    } catch (error) {
      failures.push(error);
    }
  };
  const lookAt = (name: string): Promise<void> =>
    tolerate(async () => {
      const file = path.join(directory.path, name);
      const kind = directory.kindOf(name);
      if (kind === 'session' && (await isExpired(file))) expired.push(file);
      if (kind === 'temporary' && !dryRun) await removeAbandoned(file);
    });
  const removeBatches = async (smallest: number): Promise<void> => {
    while (expired.length >= smallest && !isStopped()) {
      const batch = expired.splice(0, batchSize);
      const before = cleared;
      await forEach(batch, (file) =>
        tolerate(async () => {
          if (dryRun || (await remove(file))) cleared += 1;
        }),
      );
      if (dryRun || cleared === before) continue;
      await directory.sync();
      await onProgress?.(cleared);
    }
  };

  for await (const names of namesIn(directory.path)) {
    if (isStopped()) break;
    await forEach(names, lookAt);
    await removeBatches(batchSize);
  }
  await removeBatches(1);
  if (failures.length > 0) throw failures[0];
  return cleared;
}

/** The names in a directory, some at once. */
export async function* namesIn(directory: string): AsyncGenerator<string[]> {
  let names: string[] = [];
  for await (const { name } of await opendir(directory, { bufferSize: NAMES_AT_ONCE })) {
    names.push(name);
    if (names.length === NAMES_AT_ONCE) {
      yield names;
      names = [];
    }
  }
  yield names;
}

async function removeAbandoned(file: string): Promise<void> {
  const stats = await lstat(file).catch(() => undefined);
  if (!stats || Date.now() - stats.mtimeMs < ABANDONED_AFTER_MS) return;
  await rm(file, { recursive: true, force: true });
}

/** Acts on each item, on a few at once. */
export async function forEach<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
}
