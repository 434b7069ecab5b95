import { mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clearExpired } from '../src/clear-expired.ts';
import { SessionDirectory } from '../src/session-directory.ts';
import { SessionFiles } from '../src/session-files.ts';
import { type FileSessions, openSessions, store } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let sessions: FileSessions;
beforeEach(() => {
  directory = temporaryDirectory();
  sessions = openSessions(directory.path, { cookie: { age: 1000 } });
});
afterEach(async () => {
  await sessions.close();
  directory.remove();
});

const key = 'a'.repeat(32);
const inDirectory = (name: string) => path.join(directory.path, name);
const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);
const age = (name: string, seconds: number) =>
  utimesSync(inDirectory(name), secondsAgo(seconds), secondsAgo(seconds));

describe('clearExpired', () => {
  it('removes what a killed process left behind an hour ago, and counts none of it', async () => {
    const files = [`sessionid${key}_out_abcd1234`, `sessionid${key}_out_0123456789abcdef01234567`];
    const directories = [`sessionid${key}_out_fedcba9876543210fedcba98`, `sessionid${key}_lock`];
    const leave = (suffix: string, seconds: number): void => {
      for (const name of files) {
        writeFileSync(inDirectory(name + suffix), 'half');
        age(name + suffix, seconds);
      }
      for (const name of directories) {
        const place = name.replace(key, suffix ? 'b'.repeat(32) : key);
        mkdirSync(inDirectory(place));
        mkdirSync(path.join(inDirectory(place), 'entry'));
        writeFileSync(path.join(inDirectory(place), 'entry', 'removed'), 'data');
        age(place, seconds);
      }
    };
    leave('', 3601);
    leave('young', 3500);
    const live = await store(sessions, { a: 1 });
    const young = readdirSync(directory.path).filter((name) => !isOld(name));

    expect(await sessions.clearExpired({ dryRun: true })).toBe(0);
    expect(readdirSync(directory.path)).toHaveLength(9);
    expect(await sessions.clearExpired()).toBe(0);
    expect(readdirSync(directory.path).sort()).toEqual(young.sort());
    expect(young).toContain(`sessionid${live}`);
    expect(young).toHaveLength(5);
  });

  const isOld = (name: string) => Date.now() - statSync(inDirectory(name)).mtimeMs > 3_600_000;

  it('leaves alone what is not ours', async () => {
    const names = [
      'notes.txt',
      'sessionid',
      'sessionidshort',
      `sessionid${key.toUpperCase()}`,
      `sessionid${key}.bak`,
      `sessionid${key}_out_`,
      `sessionid${key}_locked`,
      `sessionid_out_${key}`,
      `other${key}`,
      `othersessionid${key}`,
    ];
    for (const name of names) writeFileSync(inDirectory(name), 'foreign');
    mkdirSync(inDirectory(`sessionid${'d'.repeat(32)}`));
    symlinkSync(inDirectory('notes.txt'), inDirectory(`sessionid${'e'.repeat(32)}`));
    for (const name of readdirSync(directory.path)) age(name, 1_000_000);
    const before = readdirSync(directory.path);
    expect(await sessions.clearExpired()).toBe(0);
    expect(readdirSync(directory.path)).toEqual(before);
  });

  it('goes through more files than it looks at once', async () => {
    for (let i = 0; i < 700; i++) {
      const name = `sessionid${String(i).padStart(32, '0')}`;
      writeFileSync(inDirectory(name), 'unreadable');
      if (i % 2) age(name, 1000);
    }
    const progress: number[] = [];
    const onProgress = (cleared: number): void => void progress.push(cleared);
    expect(await sessions.clearExpired({ dryRun: true, onProgress })).toBe(350);
    expect(progress).toEqual([]);
    expect(await sessions.clearExpired({ batchSize: 100, onProgress })).toBe(350);
    expect(progress.slice(0, 3)).toEqual([100, 200, 300]);
    expect(readdirSync(directory.path)).toHaveLength(350);
  });

  it('is held up by no file that cannot be read or removed, and says so in the end', async () => {
    for (const name of 'abcdef') writeFileSync(inDirectory(`sessionid${name.repeat(32)}`), '');
    const denied = Object.assign(new Error('permission denied'), { code: 'EACCES' });
    const removed: string[] = [];
    const sessionDirectory = new SessionDirectory(directory.path, 'sessionid');
    const clearing = {
      directory: sessionDirectory,
      isExpired: async (file: string) => {
        if (file.endsWith('b')) throw denied;
        return true;
      },
      remove: async (file: string) => {
        if (file.endsWith('d')) throw denied;
        removed.push(file.slice(-1));
        return true;
      },
      isStopped: () => false,
    };
    await expect(clearExpired(clearing, { batchSize: 2 })).rejects.toBe(denied);
    expect(removed.sort()).toEqual(['a', 'c', 'e', 'f']);
    sessionDirectory.close();
  });

  it('puts back what was renewed at the last moment', async () => {
    const stored = await store(sessions, { a: 1 });
    const file = inDirectory(`sessionid${stored}`);
    const sessionDirectory = new SessionDirectory(directory.path, 'sessionid');
    const files = new SessionFiles(sessionDirectory);
    expect(await files.removeExpired(file, () => false)).toBe(false);
    expect(await sessions.exists(stored)).toBe(true);
    expect(readdirSync(directory.path)).toEqual([`sessionid${stored}`]);
    expect(await files.removeExpired(file, () => true)).toBe(true);
    expect(await files.removeExpired(file, () => true)).toBe(false);
    expect(readdirSync(directory.path)).toEqual([]);
    sessionDirectory.close();
  });

  it.each([0, -1, 0.5, Number.NaN])('refuses batches of %d', async (batchSize) => {
    const refusal = { name: 'RangeError', message: 'batchSize must be a whole number above zero.' };
    await expect(sessions.clearExpired({ batchSize })).rejects.toMatchObject(refusal);
  });
});

describe('a touch', () => {
  it('moves the modification time, and nothing else', async () => {
    let now = secondsAgo(0);
    const idle = openSessions(directory.path, { idleTimeout: 100, now: () => now });
    const stored = await store(idle, { a: 1 });
    const file = inDirectory(`sessionid${stored}`);
    const before = statSync(file);
    now = new Date(now.getTime() + 50_000);
    const record = await idle.backend.load(stored);
    expect(record?.modifiedAt).toEqual(new Date(now.getTime() - 50_000));
    const touched = {
      key: stored,
      data: String(record?.data),
      expiresAt: now,
      attributes: {},
    };
    expect(await idle.backend.touch(touched, String(record?.base))).toEqual({
      key: stored,
      base: record?.base,
    });
    const after = statSync(file);
    expect(after.ino).toBe(before.ino);
    expect(Math.round(after.mtimeMs)).toBe(now.getTime());
    now = new Date(now.getTime() + 99_999);
    expect(await idle.exists(stored)).toBe(true);
    now = new Date(now.getTime() + 1);
    expect(await idle.exists(stored)).toBe(false);
    expect(await idle.backend.touch(touched, String(record?.base))).toBeUndefined();
    await idle.close();
  });
});

describe('a backend that createSessions does not know yet', () => {
  it('says who tells it when sessions end', async () => {
    const { fileBackend } = await import('@coatcheck/file');
    const backend = fileBackend({ path: directory.path });
    await store(sessions, { a: 1 });
    await expect(backend.clearExpired()).rejects.toThrow(/createSessions/);
  });
});
