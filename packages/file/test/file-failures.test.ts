import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runWithFewFiles } from './processes.ts';
import { type FileSessions, load, openSessions, store } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let sessions: FileSessions;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await sessions.close();
  directory.remove();
});

const isPrivileged = process.platform === 'linux' && process.geteuid?.() === 0;
const describeOnTmpfs = isPrivileged ? describe : describe.skip;

describeOnTmpfs('a disk of 64 KB (needs root on Linux)', () => {
  let disk: string;
  beforeEach(() => {
    disk = path.join(directory.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', disk]);
    sessions = openSessions(disk);
  });
  afterEach(() => {
    execFileSync('umount', ['--lazy', disk]);
  });

  const big = () => randomBytes(6000).toString('base64');
  const names = () => readdirSync(disk).filter((name) => name.startsWith('sessionid'));
  const temporaryNames = () => names().filter((name) => name.includes('_'));
  const fillUp = () => {
    for (let size = 4096; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeFileSync(path.join(disk, 'filler'), 'x'.repeat(size), { flag: 'a' });
      } catch {}
    }
  };

  it('that is full rejects what it cannot keep, keeps what it has, and works again with room', async () => {
    const stored = new Map<string, string>();
    let rejected = 0;
    for (let i = 0; i < 100; i++) {
      const value = big();
      try {
        stored.set(await store(sessions, { value }), value);
      } catch (error) {
        expect(error).toMatchObject({ name: 'BackendUnavailable', cause: { code: 'ENOSPC' } });
        rejected++;
      }
    }
    expect(stored.size).toBeGreaterThan(0);
    expect(rejected).toBeGreaterThan(0);
    fillUp();
    for (const [key, value] of stored) {
      const session = await load(sessions, key);
      expect(session.get('value')).toBe(value);
      session.set('value', big());
      await expect(session.save()).rejects.toMatchObject({ name: 'BackendUnavailable' });
    }
    for (const [key, value] of stored) {
      expect((await load(sessions, key)).get('value')).toBe(value);
    }
    expect(names()).toHaveLength(stored.size);
    expect(temporaryNames()).toEqual([]);

    writeFileSync(path.join(disk, 'filler'), '');
    const [key = ''] = stored.keys();
    await sessions.delete(key);
    await store(sessions, { value: big() });
  });

  it('that is full keeps nobody logged in', async () => {
    const key = await store(sessions, { user: 1 });
    const other = await store(sessions, { user: 2 });
    const expired = await store(sessions, { user: 3 });
    const old = new Date(1_000_000_000_000);
    utimesSync(path.join(disk, `sessionid${expired}`), old, old);
    const session = await load(sessions, key);
    // A tmpfs counts no blocks for directories, so that only inodes can run out of room for them.
    execFileSync('mount', ['-o', 'remount,nr_inodes=4', disk]);
    await expect(store(sessions, {})).rejects.toMatchObject({ cause: { code: 'ENOSPC' } });
    expect(await sessions.clearExpired()).toBe(1);
    writeFileSync(path.join(disk, 'filler'), '');
    await session.flush();
    writeFileSync(path.join(disk, 'filler2'), '');
    expect(await sessions.delete(other)).toBe(true);
    expect(names()).toEqual([]);
  });

  it('that is read-only rejects writes, answers reads, and works again when it is not', async () => {
    const key = await store(sessions, { a: 1 });
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const session = await load(sessions, key);
    session.set('a', 2);
    await expect(session.save()).rejects.toMatchObject({ cause: { code: 'EROFS' } });
    await expect(store(sessions, {})).rejects.toMatchObject({ cause: { code: 'EROFS' } });
    await expect(sessions.delete(key)).rejects.toMatchObject({ cause: { code: 'EROFS' } });
    expect((await load(sessions, key)).get('a')).toBe(1);
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await session.save();
    expect((await load(sessions, key)).get('a')).toBe(2);
  });
});

describe('a process that has too many files open', () => {
  it('is told so, loses nothing by it, and goes on when it has fewer', () => {
    sessions = openSessions(directory.path);
    const outcome = JSON.parse(runWithFewFiles(64, 'many-files-process.ts', directory.path));
    const refused = /asked once a second/;
    const codes = outcome.codes.filter((code: string) => !refused.test(code));
    expect({ ...outcome, codes }).toEqual({ codes: ['EMFILE', 'done'], temporary: [] });
  });
});

describe('a file that is no session', () => {
  it('is none in ten thousand random cases, and harms nothing', async () => {
    sessions = openSessions(directory.path);
    const genuine = await store(sessions, { a: 1, b: 'x'.repeat(2000) });
    const text = readFileSync(path.join(directory.path, `sessionid${genuine}`));
    const keys = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(32, 'k'));
    for (const key of keys) {
      writeFileSync(path.join(directory.path, `sessionid${key}`), corrupt(text));
    }
    for (const key of keys) {
      expect((await load(sessions, key)).isEmpty()).toBe(true);
      expect(await sessions.exists(key)).toBe(false);
    }
    expect(await sessions.clearExpired()).toBe(0);
    expect((await load(sessions, genuine)).get('a')).toBe(1);
    expect(await sessions.delete(String(keys[0]))).toBe(true);
    expect(readdirSync(directory.path)).toHaveLength(10_000);
  }, 120_000);

  it('is none when it is larger than any session', async () => {
    sessions = openSessions(directory.path);
    const key = 'a'.repeat(32);
    writeFileSync(path.join(directory.path, `sessionid${key}`), Buffer.alloc(9 * 1024 * 1024, 'a'));
    expect(await sessions.backend.load(key)).toBeUndefined();
    expect((await load(sessions, key)).isEmpty()).toBe(true);
  });

  it.each(['pipe', 'socket'])('is neither waited for nor read when it is a %s', async (kind) => {
    sessions = openSessions(directory.path);
    const key = 'a'.repeat(32);
    const file = path.join(directory.path, `sessionid${key}`);
    if (kind === 'pipe') {
      execFileSync('mkfifo', [file]);
    } else {
      const script = `require('net').createServer().listen(process.argv[1], () => process.exit())`;
      execFileSync(process.execPath, ['--eval', script, file]);
    }
    expect((await load(sessions, key)).isEmpty()).toBe(true);
    expect(await sessions.delete(key)).toBe(false);
  });
});

/** Bytes that are not these: a flipped bit, a cut, a byte more, another order, or chance. */
function corrupt(text: Buffer): Buffer {
  const at = randomInt(text.length);
  const changed = Buffer.from(text);
  switch (randomInt(6)) {
    case 0:
      changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(8));
      return changed;
    case 1:
      return changed.subarray(0, at);
    case 2:
      return Buffer.concat([changed.subarray(0, at), randomBytes(1), changed.subarray(at)]);
    case 3:
      return Buffer.concat([changed.subarray(at), Buffer.from('!'), changed.subarray(0, at)]);
    case 4:
      return Buffer.from(['null', '[]', '{}', '""', 'e30:x:y', '.:::', '\0'][randomInt(7)] ?? '');
    default:
      return randomBytes(randomInt(500));
  }
}
