import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSessions } from '@coatcheck/core';
import { fileBackend } from '@coatcheck/file';
import { inBatches, sessionRows } from './rows.ts';

/** Milliseconds for clearing a directory of which half has expired, and for the least that this takes. */
export interface FilesResult {
  readonly files: number;
  readonly removed: number;
  readonly rawMs: number;
  readonly ms: number;
}

const PREFIX = 'sessionid';

/** Session files: the reference reads the directory, opens each file and unlinks the expired, one after the other. */
export async function clearFiles(count: number): Promise<FilesResult> {
  const root = mkdtempSync(join(tmpdir(), 'coatcheck-clearing-'));
  try {
    const raw = await makeFiles(join(root, 'raw'), count);
    const start = performance.now();
    const now = Date.now();
    for (const name of await readdir(raw)) {
      if (!name.startsWith(PREFIX)) continue;
      const path = join(raw, name);
      const file = await open(path);
      const { mtimeMs } = await file.stat();
      await file.readFile();
      await file.close();
      if (mtimeMs + 14 * 86_400_000 <= now) await unlink(path);
    }
    const rawMs = performance.now() - start;

    const here = await makeFiles(join(root, 'here'), count);
    const sessions = createSessions({
      backend: fileBackend({ path: here }),
      secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    });
    const began = performance.now();
    const removed = await sessions.clearExpired();
    const ms = performance.now() - began;
    await sessions.close();
    return { files: count, removed, rawMs, ms };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function makeFiles(directory: string, count: number): Promise<string> {
  await fileBackend({ path: directory }).close();
  for (const rows of inBatches(sessionRows(count, new Date()), 100)) {
    await Promise.all(
      rows.map(async ({ key, data, expiresAt }) => {
        const file = join(directory, PREFIX + key);
        await writeFile(file, data, { mode: 0o600 });
        const modifiedAt = new Date(expiresAt.getTime() - 14 * 86_400_000);
        await utimes(file, modifiedAt, modifiedAt);
      }),
    );
  }
  return directory;
}
