import path from 'node:path';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SECRET_KEY, signed } from '../../core/test/support/sqlite-sessions.ts';
import { corruptions } from './corruptions.ts';
import { runNode } from './run-node.ts';
import { record } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

describe('several processes on one file', () => {
  it('count a thousand increments of one record', async () => {
    const file = path.join(directory.path, 'sessions.sqlite3');
    const backend = sqliteBackend({ path: file });
    const { key } = record('counter');
    await backend.create(record('counter', { data: '0' }));

    const count = path.join(import.meta.dirname, 'increment-process.ts');
    await Promise.all(Array.from({ length: 4 }, () => runNode(count, file, key, '250')));

    expect(backend.load(key)).toMatchObject({ data: '1000' });
    await backend.close();
  }, 60_000);
});

describe('processes that open and close one file all the time', () => {
  it('are never told that it is locked', async () => {
    const file = path.join(directory.path, 'sessions.sqlite3');
    const script = `
      import { sqliteBackend } from '@coatcheck/db';
      for (let i = 0; i < 40; i += 1) {
        const backend = sqliteBackend({ path: process.argv[1], busyTimeoutMs: 20_000 });
        const key = process.argv[2] + String(i).padStart(31, '0');
        await backend.create({ key, data: 'first', expiresAt: new Date(1), attributes: {} });
        backend.load(key);
        await backend.clearExpired();
        await backend.close();
      }
    `;
    const run = (name: string) => runNode('--input-type=module', '--eval', script, file, name);
    await Promise.all(['a', 'b', 'c', 'd'].map(run));
  }, 60_000);
});

describe('requests of eight processes', () => {
  it('lose none of 1,000 entries of one session, and count right', async () => {
    const file = path.join(directory.path, 'sessions.sqlite3');
    const sessions = createSessions<Record<string, unknown>>({
      backend: sqliteBackend({ path: file }),
      secretKey: SECRET_KEY,
    });
    const session = sessions.open();
    await session.set('count', 0).save();
    const key = String(session.sessionKey);

    const child = path.join(import.meta.dirname, 'write-process.ts');
    const processes = Array.from({ length: 8 }, (_, i) =>
      runNode(child, `sqlite:${file}`, SECRET_KEY, key, `p${i}`, '125'),
    );
    await Promise.all(processes);

    const found = sessions.open(key);
    expect(found.size).toBe(1001);
    expect(found.get('count')).toBe(1000);
    await sessions.close();
  }, 120_000);
});

describe('rows that are no sessions', () => {
  it('are none in ten thousand random cases, and stay as they are', async () => {
    const now = new Date();
    const path = ':memory:';
    const backend = sqliteBackend({ path, busyTimeoutMs: 60_000 });
    const sessions = createSessions<Record<string, unknown>>({
      backend,
      secretKey: SECRET_KEY,
      operationTimeoutMs: 60_000,
    });
    const expiresAt = new Date(now.getTime() + 3_600_000);
    const keyOf = (i: number) => String(i).padStart(32, '0');
    const rows = corruptions(signed('{"user":"somebody else"}', now), 10_000);
    await Promise.all(
      rows.map((data, i) => backend.create({ ...record(''), key: keyOf(i), data, expiresAt })),
    );
    for (const [i, row] of rows.entries()) {
      const session = sessions.open(keyOf(i));
      expect({ row, entries: session.entries() }).toMatchObject({ entries: [] });
      expect(session.sessionKey).toBeNull();
      expect(backend.load(keyOf(i))).toMatchObject({ data: row });
    }
    await sessions.close();
  }, 120_000);
});

describe('a process', () => {
  it('ends by itself after its last write, without close', async () => {
    const file = path.join(directory.path, 'sessions.sqlite3');
    const script = `
      import { sqliteBackend } from '@coatcheck/db';
      const backend = sqliteBackend({ path: process.argv[1] });
      const expiresAt = new Date(Date.now() + 3_600_000);
      backend.create({ key: 'a'.repeat(32), data: 'first', expiresAt, attributes: {} });
    `;
    await runNode('--input-type=module', '--eval', script, file);

    const backend = sqliteBackend({ path: file });
    expect(backend.load('a'.repeat(32))).toMatchObject({ data: 'first' });
    await backend.close();
  }, 60_000);
});
