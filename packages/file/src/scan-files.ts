import {
  checkedBatchSize,
  type ScannedBatch,
  type ScannedSession,
  type ScanOptions,
} from '@coatcheck/core';
import { forEach, namesIn } from './clear-expired.ts';
import { onThreads } from './file-calls.ts';
import type { SessionDirectory } from './session-directory.ts';
import { readSessionFile } from './session-file.ts';

/** Goes through the session files in the order of their keys; the keys of all are held meanwhile, and no more. */
export async function* scanFiles(
  directory: SessionDirectory,
  { after = '', signal, ...options }: ScanOptions,
): AsyncGenerator<ScannedBatch> {
  const batchSize = checkedBatchSize(options.batchSize);
  const keys: string[] = [];
  for await (const names of namesIn(directory.path)) {
    if (signal?.aborted) return;
    for (const name of names) {
      const key = directory.keyOf(name);
      if (key !== undefined && key > after) keys.push(key);
    }
  }
  keys.sort();
  for (let start = 0; start < keys.length && !signal?.aborted; start += batchSize) {
    const batch = keys.slice(start, start + batchSize);
    const found = new Map<string, ScannedSession>();
    await forEach(batch, async (key) => {
      const stored = await readSessionFile(directory.fileOf(key), onThreads);
      if (stored) found.set(key, { key, stored });
    });
    const sessions = batch.flatMap((key) => found.get(key) ?? []);
    if (sessions.length > 0) yield { sessions, after: batch.at(-1) ?? after };
  }
}
