import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createSessions,
  type SessionBackend,
  type Sessions,
  type SessionsOptions,
  TimestampSigner,
} from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { type Clock, createClock } from './clock.ts';

/** A key that passes for strong; of no use anywhere else. */
export const SECRET_KEY = 'test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb';
export const SALT = 'django.contrib.sessions.SessionStore';

/** Any entries, for tests that are not about types. */
export type Entries = Record<string, unknown>;

export type Options = Partial<Omit<SessionsOptions, 'backend'>>;

/** What a test about sessions on SQLite works with. */
export interface Place<Data extends object = Entries> {
  readonly clock: Clock;
  readonly backend: SessionBackend;
  readonly sessions: Sessions<Data>;
  /** A second `Sessions` over a handle of its own, as in another process. */
  readonly another: (options?: Options) => Sessions<Data>;
}

/** Sessions in memory; nothing has to be closed. */
export function memorySessions<Data extends object = Entries>(options: Options = {}) {
  const clock = createClock();
  const backend = sqliteBackend({ path: ':memory:', now: clock.now });
  const sessions = createSessions<Data>({
    backend,
    secretKey: SECRET_KEY,
    now: clock.now,
    ...options,
  });
  return { clock, backend, sessions };
}

/** Runs a test on a database file that several handles share; closes and removes it. */
export async function withSqliteFile<Data extends object = Entries>(
  options: Options,
  test: (place: Place<Data>) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-core-'));
  const clock = createClock();
  const opened: Sessions<Data>[] = [];
  const another = (more: Options = {}): Sessions<Data> => {
    const sessions = createSessions<Data>({
      backend: sqliteBackend({
        path: path.join(directory, 'sessions.sqlite3'),
        // Durability is not what these tests are about.
        synchronous: 'NORMAL',
        hashKeys: options.hashKeys,
        // Two threads of one test machine may be slow; deadlines have tests of their own.
        busyTimeoutMs: 29_000,
        now: clock.now,
      }),
      secretKey: SECRET_KEY,
      now: clock.now,
      operationTimeoutMs: 30_000,
      ...options,
      ...more,
    });
    opened.push(sessions);
    return sessions;
  };
  try {
    const sessions = another();
    await test({ clock, backend: sessions.backend, sessions, another });
  } finally {
    await Promise.all(opened.map((sessions) => sessions.close()));
    rmSync(directory, { recursive: true, force: true });
  }
}

/** How many records there are, and how many of them will be there when the markers of cycled keys are gone. */
export async function countRecords(backend: SessionBackend, clock: Clock) {
  const expiringBy = (ms: number): Promise<number> =>
    backend.clearExpired({ dryRun: true, expiresAt: new Date(clock.now().getTime() + ms) });
  const all = await expiringBy(200 * 365 * 86_400_000);
  return { all, lasting: all - (await expiringBy(60_000)) };
}

/** Session text as it stands in a row, for JSON as Django might have written it. */
export function signed(json: string, now: Date, key: string = SECRET_KEY): string {
  return new TimestampSigner({ key, salt: SALT }).signText(json, { compress: false, now });
}

/** The JSON of the session under a key, every byte of it. */
export async function storedJson(backend: SessionBackend, key: string): Promise<string> {
  const found = await backend.load(key);
  if (!found) throw new Error('There is no such record.');
  return new TimestampSigner({ key: SECRET_KEY, salt: SALT }).unsignText(found.data).json;
}

/** Puts raw text under a key of its own, and returns the key. */
export async function putRaw(backend: SessionBackend, data: string, now: Date): Promise<string> {
  rawKeys += 1;
  const key = `raw${String(rawKeys).padStart(29, '0')}`;
  const expiresAt = new Date(now.getTime() + 1_209_600_000);
  await backend.create({ key, data, expiresAt, attributes: {} });
  return key;
}
let rawKeys = 0;

/** Lets the event loop turn a few times, as often as chance says. */
export async function randomTurns(most: number): Promise<void> {
  for (let turns = Math.floor(Math.random() * (most + 1)); turns > 0; turns -= 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
