import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { redisBackend } from '@coatcheck/cache';
import { createSessions, type SessionBackend } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { typescriptLoader } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { take } from '../src/flash.ts';

const PROCESSES = 2;
const MESSAGES = 150;
const program = path.join(import.meta.dirname, 'flash-process.ts');

/** Two processes that each add messages to one session and show what they find: everything that was shown. */
async function showInProcesses(backend: SessionBackend, place: string): Promise<string[]> {
  const sessions = createSessions({ backend, secretKey: SECRET_KEY, operationTimeoutMs: 30_000 });
  try {
    const session = sessions.open();
    await session.create();
    const outputs = await Promise.all(
      Array.from({ length: PROCESSES }, async (_, i) => {
        const { stdout } = await promisify(execFile)(
          process.execPath,
          [
            ...['--conditions=@coatcheck/source', '--import', typescriptLoader, program],
            ...[place, String(session.sessionKey), SECRET_KEY, `process ${i}`],
            ...[String(MESSAGES), String(PROCESSES)],
          ],
          { timeout: 100_000 },
        );
        return JSON.parse(stdout) as string[];
      }),
    );
    // Both processes took part, or nothing was tested.
    expect(outputs.every((shown) => shown.length > 0)).toBe(true);
    const left = await take(sessions.open(session.sessionKey));
    return [...outputs.flat(), ...left.map(({ text }) => text)].sort();
  } finally {
    await sessions.close();
  }
}

const everyMessage = Array.from({ length: PROCESSES * MESSAGES }, (_, i) => {
  return `process ${i % PROCESSES} ${Math.floor(i / PROCESSES)}`;
}).sort();

describe('on SQLite, messages that two processes add and take in parallel', () => {
  it('appear exactly once each', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-flash-'));
    try {
      const file = path.join(directory, 'sessions.sqlite3');
      const shown = await showInProcesses(sqliteBackend({ path: file }), file);
      expect(shown).toEqual(everyMessage);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 120_000);
});

describeWithRedis('on Redis, messages that two processes add and take in parallel', (place) => {
  it('appear exactly once each', async () => {
    const { url, keyPrefix } = place;
    const shown = await showInProcesses(redisBackend({ url, keyPrefix }), `${url}#${keyPrefix}`);
    expect(shown).toEqual(everyMessage);
  }, 120_000);
});
