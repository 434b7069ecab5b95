import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileBackend } from '@coatcheck/file';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type FileCalls, onThreads } from '../src/file-calls.ts';
import { FileLock, moved } from '../src/file-lock.ts';
import { SessionDirectory } from '../src/session-directory.ts';
import { SessionFiles } from '../src/session-files.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory();
  file = path.join(directory.path, `sessionid${key}`);
});
afterEach(() => directory.remove());

const key = 'k'.repeat(32);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const prepare = (content: string) => (entry: string) => writeFile(entry, content);

describe('a lock', () => {
  it('is had by one at a time, and leaves nothing behind', async () => {
    let holders = 0;
    const hold = async () => {
      const lock = await FileLock.take(file, prepare('mine'));
      holders++;
      await pause(1);
      expect(holders).toBe(1);
      holders--;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 20 }, hold));
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('is taken away from a holder who stalls, and what that one does too late fails', async () => {
    const stalled = await FileLock.take(file, prepare('stalled'));
    const next = await FileLock.take(file, prepare('next'), onThreads, 1);
    expect(await moved(stalled.entry, file)).toBe(false);
    await stalled.release();
    expect(await moved(next.entry, file)).toBe(true);
    await next.release();
    expect(readFileSync(file, 'utf8')).toBe('next');
    expect(await moved(stalled.entry, file)).toBe(false);
    expect(readdirSync(directory.path)).toEqual([path.basename(file)]);
  });

  it('is taken away from a holder who was about to remove the file', async () => {
    writeFileSync(file, 'old');
    const makeDirectory = async (entry: string) => void mkdirSync(entry);
    const stalled = await FileLock.take(file, makeDirectory);
    const next = await FileLock.take(file, prepare('next'), onThreads, 1);
    expect(await moved(file, path.join(stalled.entry, 'removed'))).toBe(false);
    expect(await moved(next.entry, file)).toBe(true);
    await Promise.all([stalled.release(), next.release()]);
    expect(readFileSync(file, 'utf8')).toBe('next');
  });

  it('is taken away from a holder who died after removing the file', async () => {
    writeFileSync(file, 'old');
    const dead = await FileLock.take(file, async (entry) => void mkdirSync(entry));
    expect(await moved(file, path.join(dead.entry, 'removed'))).toBe(true);
    const next = await FileLock.take(file, prepare('next'), onThreads, 1);
    await next.release();
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it.each([
    ['a quarter of a second', 1, 250],
    ['three writes, where each takes longer', 400, 1200],
    ['two seconds at most', 60_000, 2000],
  ])('is left to a holder for %s', async (_, writeMs, patienceMs) => {
    writeFileSync(file, 'old');
    const holder = await FileLock.take(file, prepare('held'));
    let clockMs = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => clockMs);
    const lookMs = 50;
    let looks = 0;
    const calls: FileCalls = {
      ...onThreads,
      fsync: async () => {
        clockMs += writeMs;
      },
      readdir: (name) => {
        clockMs += lookMs;
        looks += 1;
        return onThreads.readdir(name);
      },
    };
    const sessionDirectory = new SessionDirectory(directory.path, 'sessionid');
    try {
      const files = new SessionFiles(sessionDirectory, calls);
      const content = { data: 'new', modifiedAt: new Date() };
      expect(await files.replace(file, () => true, content)).toEqual({ done: true });
    } finally {
      clock.mockRestore();
      sessionDirectory.close();
    }
    expect(looks).toBe(patienceMs / lookMs + 2);
    expect(await moved(holder.entry, file)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  it('lets nobody lose a count, although everybody stalls and is overtaken', async () => {
    writeFileSync(file, '0');
    let overtaken = 0;
    const increment = async () => {
      for (;;) {
        const base = await readFile(file, 'utf8');
        const lock = await FileLock.take(file, prepare(String(Number(base) + 1)), onThreads, 3);
        let done = false;
        if ((await readFile(file, 'utf8')) === base) {
          await pause(Math.random() * 12);
          done = await moved(lock.entry, file);
          if (!done) overtaken++;
        }
        await lock.release();
        if (done) return;
      }
    };
    const work = async () => {
      for (let i = 0; i < 10; i++) await increment();
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect(readFileSync(file, 'utf8')).toBe('60');
    expect(overtaken).toBeGreaterThan(0);
  }, 30_000);
});

describe('the lock of a process that was killed', () => {
  const content = (data: string) => ({
    key,
    data,
    expiresAt: new Date(Date.now() + 3_600_000),
    attributes: {},
  });

  it.each<[string, (entry: string) => void]>([
    ['while it wrote', (entry) => writeFileSync(entry, 'half')],
    ['while it removed', (entry) => mkdirSync(entry)],
  ])('%s holds nobody up for a second', async (_, leave) => {
    const backend = fileBackend({ path: directory.path });
    backend.useExpiry(() => new Date(Date.now() + 3_600_000));
    await backend.create(content('first'));
    const leaveLock = () => {
      mkdirSync(`${file}_lock`);
      leave(path.join(`${file}_lock`, 'dead'));
    };
    leaveLock();
    const start = performance.now();
    await backend.update(content('second'), 'first');
    expect(performance.now() - start).toBeLessThan(1000);
    expect(readFileSync(file, 'utf8')).toBe('second');

    leaveLock();
    expect(await backend.delete(key)).toBe(true);
    expect(readdirSync(directory.path)).toEqual([]);
    await backend.close();
  });
});
