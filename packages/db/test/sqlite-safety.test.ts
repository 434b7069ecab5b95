import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { temporaryDirectory } from './temporary-directory.ts';

describe('what SQLite says of its safety', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  async function found(options: object = {}): Promise<string[]> {
    const backend = sqliteBackend({ path: path.join(directory.path, 'db.sqlite3'), ...options });
    try {
      await backend.migrate();
      const findings = await backend.reportSafety();
      return findings.map(({ level, about, message }) => `${level} ${about}: ${message}`);
    } finally {
      await backend.close();
    }
  }

  it('is safe by default', async () => {
    expect(await found()).toEqual([
      'safe SQLite durability: synchronous is FULL: what was answered is on disk.',
    ]);
  });

  it('tells what NORMAL loses', async () => {
    expect(await found({ synchronous: 'NORMAL' })).toEqual([
      expect.stringMatching(/^notice SQLite durability: synchronous is NORMAL: a power cut loses/),
    ]);
  });

  it.each([
    ['synchronous = OFF', /^unsafe SQLite durability: synchronous is OFF/],
    ['journal_mode = MEMORY', /^unsafe SQLite durability: journal_mode is memory/],
  ])("reads the application's own connection: %s", async (pragma, expected) => {
    const database = new Database(path.join(directory.path, 'own.sqlite3'));
    database.pragma(pragma);
    const [finding] = await found({ path: undefined, database });
    database.close();
    expect(finding).toMatch(expected);
  });

  it('is unsafe in memory', async () => {
    expect(await found({ path: ':memory:' })).toEqual([
      expect.stringMatching(/^unsafe SQLite durability: The database is in memory/),
    ]);
  });

  it('is unsafe where others can read the file', async () => {
    await found();
    chmodSync(path.join(directory.path, 'db.sqlite3'), 0o644);
    expect(await found()).toContainEqual(
      expect.stringMatching(/^unsafe SQLite file: Other users of the machine can read/),
    );
  });

  const memory = '/dev/shm';
  (existsSync(memory) ? it : it.skip)(
    'is unsafe on a file system in memory (needs /dev/shm)',
    async () => {
      const elsewhere = temporaryDirectory(memory);
      try {
        expect(await found({ path: path.join(elsewhere.path, 'db.sqlite3') })).toContainEqual(
          expect.stringMatching(/^unsafe File system: The files are in memory/),
        );
      } finally {
        elsewhere.remove();
      }
    },
  );
});
