import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
