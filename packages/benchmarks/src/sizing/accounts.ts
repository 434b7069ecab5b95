import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSessions } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';
import Database from 'better-sqlite3';
import { inBatches, sessionRows } from '../clearing/rows.ts';
import { databaseDate } from '../clearing/tables.ts';
import { summarize } from '../statistics.ts';

const OWN = 10;
const TIMES = 200;

/** What finding the sessions of an account takes, on SQLite with so many sessions of others around, and with none. */
export async function measureAccounts(others: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-accounts-'));
  const file = join(directory, 's.sqlite3');
  const sessions = createSessions<Record<string, unknown>>({
    backend: createBackend({ url: `sqlite:${file}` }),
    secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    account: true,
    operationTimeoutMs: 30_000,
  });
  try {
    for (let n = 0; n < OWN; n += 1) {
      const session = sessions.open();
      session.set('_auth_user_id', 'me');
      await session.save();
    }
    const list = async (): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < TIMES; n += 1) {
        const start = performance.now();
        const found = await sessions.of('me').list();
        times.push(performance.now() - start);
        if (found.length !== OWN) throw new Error(`${found.length} were found.`);
      }
      return summarize(times).median;
    };
    const alone = await list();
    fill(file, others);
    const among = await list();
    const start = performance.now();
    const ended = await sessions.of('me').revokeAll();
    console.log(
      `sessions.of(account).list(), ${OWN} sessions on SQLite: ${alone.toFixed(2)} ms alone, ${among.toFixed(2)} ms among ${others} of others; revokeAll ended ${ended} in ${(performance.now() - start).toFixed(1)} ms`,
    );
    await sessions.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function fill(file: string, others: number): void {
  const database = new Database(file);
  database.pragma('synchronous = OFF');
  const session = database.prepare('INSERT INTO django_session VALUES (?, ?, ?)');
  const note = database.prepare(
    'INSERT INTO django_session_account (session_key, account, created_at, seen_at) VALUES (?, ?, ?, ?)',
  );
  let n = 0;
  for (const rows of inBatches(sessionRows(others, new Date()), 10_000)) {
    database.transaction(() => {
      for (const { key, data, expiresAt } of rows) {
        const end = databaseDate(expiresAt);
        session.run(key, data, end);
        note.run(key, `user${n >> 1}`, end, end);
        n += 1;
      }
    })();
  }
  database.close();
}
