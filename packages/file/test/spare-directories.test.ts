import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { onThreads } from '../src/file-calls.ts';
import { FileLock, moved } from '../src/file-lock.ts';
import { SpareDirectories } from '../src/spare-directories.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let spares: SpareDirectories;
beforeEach(() => {
  directory = temporaryDirectory();
  file = path.join(directory.path, `sessionid${'k'.repeat(32)}`);
  spares = new SpareDirectories(onThreads);
});
afterEach(() => directory.remove());

const at = (name: string) => path.join(directory.path, name);
const names = () => readdirSync(directory.path).sort();
const prepare = async (entry: string) => writeFileSync(entry, 'mine');

async function change(of = file, calls = onThreads): Promise<void> {
  const lock = await FileLock.take(of, prepare, { calls, spares, spare: spares.take() });
  expect(await moved(lock.entry, of)).toBe(true);
  await lock.releaseEmpty();
}

describe('a directory that was a lock', () => {
  it('is the next lock, of whatever file', async () => {
    await change();
    const [, spare = ''] = names();
    expect(readdirSync(at(spare))).toEqual([]);
    const other = at(`sessionid${'o'.repeat(32)}`);
    const mkdir = jest.fn(onThreads.mkdir);
    await change(other, { ...onThreads, mkdir });
    expect(mkdir).not.toHaveBeenCalled();
    expect(names()).toEqual([path.basename(file), spare, path.basename(other)].sort());
    await spares.close();
    expect(names()).toEqual([path.basename(file), path.basename(other)]);
  });

  it('is made anew where somebody has removed it', async () => {
    await change();
    rmdirSync(at(names()[1] as string));
    await change();
    expect(names()).toHaveLength(2);
    await spares.close();
  });

  it('is not kept where it is the lock of somebody else by then, who has to begin again', async () => {
    const first = await FileLock.take(file, prepare, { spares });
    expect(await moved(first.entry, file)).toBe(true);
    const second = await FileLock.take(file, prepare);
    await first.releaseEmpty();
    expect(spares.take()).toBeUndefined();
    expect(await moved(second.entry, file)).toBe(false);
    await second.release();
    expect(names()).toEqual([path.basename(file)]);
  });

  it('is removed where there are enough of them, or the backend is closed', async () => {
    for (let i = 0; i < 66; i++) mkdirSync(at(`lock${i}`));
    for (let i = 0; i < 65; i++) await spares.put(at(`lock${i}`), at(`spare${i}`));
    const kept = Array.from({ length: 64 }, (_, i) => `spare${i}`);
    expect(names()).toEqual([...kept, 'lock65'].sort());
    await spares.close();
    await spares.put(at('lock65'), at('spare65'));
    expect(names()).toEqual([]);
  });

  it('is removed when nobody has needed it for a while', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    mkdirSync(at('lock'));
    await spares.put(at('lock'), at('spare'));
    await jest.advanceTimersByTimeAsync(9_999);
    expect(existsSync(at('spare'))).toBe(true);
    jest.advanceTimersByTime(1);
    jest.useRealTimers();
    while (existsSync(at('spare'))) await new Promise((resolve) => setImmediate(resolve));
    expect(spares.take()).toBeUndefined();
  });
});
