import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createSessions, type SessionBackend, type Sessions } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';
import { startRedis } from '@coatcheck/test-support';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';
const PACKAGE = path.join(import.meta.dirname, '../..');
const BIN = path.join(PACKAGE, '../cli/dist/coatcheck.js');
/** Redis counts down, from when it is told and to when it is asked. */
const APART_MS = 60_000;

/** Copies so many sessions by the built command from SQLite to Redis and back, and compares. */
export async function measureCopy(count: number): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-copy-'));
  const redis = await startRedis();
  const open = (backend: SessionBackend): Sessions<Record<string, unknown>> =>
    createSessions({ backend, secretKey, operationTimeoutMs: 30_000 });
  const urls = ['here', 'back'].map((name) => `sqlite:${path.join(directory, `${name}.sqlite3`)}`);
  const [here, back] = urls.map((url) => open(createBackend({ url })));
  const [from = '', to = ''] = urls;

  try {
    if (!here || !back) return;
    for (let n = 0; n < count; n += 500) {
      await Promise.all(
        Array.from({ length: Math.min(500, count - n) }, async (_, i) => {
          const session = here.open();
          session.update({ n: n + i, text: 'x'.repeat((n + i) % 400) });
          await session.save();
        }),
      );
    }
    await (back.backend as unknown as { migrate(): Promise<boolean> }).migrate();
    const there = await copy(from, redis.url);
    const again = await copy(redis.url, to);
    const original = await contents(here);
    let unlike = 0;
    for (const [key, found] of await contents(back)) {
      const expected = original.get(key);
      const isEqual =
        expected?.entries === found.entries && Math.abs(expected.ends - found.ends) < APART_MS;
      if (!isEqual) unlike += 1;
      original.delete(key);
    }
    console.log(
      `copy of ${count} sessions: SQLite to Redis ${there.toFixed(1)} s, back ${again.toFixed(1)} s; ${unlike} unlike, ${original.size} missing`,
    );
  } finally {
    for (const sessions of [here, back]) await sessions?.close();
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Seconds that the command takes. */
async function copy(from: string, to: string): Promise<number> {
  const start = performance.now();
  await promisify(execFile)(process.execPath, [BIN, 'copy', '--from', from, '--to', to], {
    cwd: PACKAGE,
    env: { PATH: process.env.PATH, SECRET_KEY: secretKey },
  });
  return (performance.now() - start) / 1000;
}

async function contents(
  sessions: Sessions<Record<string, unknown>>,
): Promise<Map<string, { entries: string; ends: number }>> {
  const found = new Map<string, { entries: string; ends: number }>();
  for await (const batch of sessions.inspector.scan()) {
    for (const { key, entries, expiresAt } of batch.sessions) {
      const texts = [...entries].sort().join();
      found.set(key, { entries: texts, ends: Number(expiresAt) });
    }
  }
  return found;
}
