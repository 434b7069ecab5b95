import fs from 'node:fs';
import path from 'node:path';
import { UpdateError } from '@coatcheck/core';
import { fileBackend } from '@coatcheck/file';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { hasExactTimes, RecentFiles } from '../src/recent-files.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const KEY = 'a'.repeat(32);
let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
/** Milliseconds by which the clock is ahead of the file system's, as though nothing had happened for so long. */
let ahead: number;
let files: RecentFiles;
const open = jest.spyOn(fs, 'openSync');
let later: { mockRestore(): void } | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
  file = path.join(directory.path, `sessionid${KEY}`);
  ahead = 10_000;
  files = new RecentFiles(() => Date.now() + ahead);
});
afterEach(() => {
  later?.mockRestore();
  directory.remove();
});

/** Replaces the file as Django and this package do. */
function put(data: string, modifiedAt = new Date(1_900_000_000_000)): void {
  fs.writeFileSync(`${file}_out`, data);
  fs.utimesSync(`${file}_out`, modifiedAt, modifiedAt);
  fs.renameSync(`${file}_out`, file);
}

function putDirectory(): void {
  fs.unlinkSync(file);
  fs.mkdirSync(file);
}

/** What is read, and whether the file was opened for it. */
function read(): { data: string | undefined; opened: boolean } {
  open.mockClear();
  const data = files.read(KEY, file)?.data;
  return { data, opened: open.mock.calls.length > 0 };
}

describe('a file that was read a short while ago', () => {
  it('is not opened again while it is the same', () => {
    put('one');
    expect(read()).toEqual({ data: 'one', opened: true });
    expect(read()).toEqual({ data: 'one', opened: false });
  });

  it('has the modification time and the token that it had', () => {
    put('one');
    const first = files.read(KEY, file);
    expect(files.read(KEY, file)).toEqual(first);
    expect(first).toEqual({ data: 'one', base: 'one', modifiedAt: new Date(1_900_000_000_000) });
  });

  it('is read when another one of the same size and date is in its place', () => {
    put('one');
    read();
    put('two');
    expect(read()).toEqual({ data: 'two', opened: true });
  });

  it.each([
    ['writes into it', () => fs.writeFileSync(file, 'two'), 'two'],
    ['dates it', () => fs.utimesSync(file, 5, 5), 'one'],
    ['removes it', () => fs.unlinkSync(file), undefined],
    ['puts a directory there', putDirectory, undefined],
  ])('is read when somebody %s', (_, change, data) => {
    put('one');
    read();
    change();
    expect(read()).toEqual({ data, opened: true });
  });

  it('is not followed where a symbolic link to it is in its place', () => {
    put('one');
    read();
    fs.renameSync(file, `${file}_moved`);
    fs.symlinkSync(`${file}_moved`, file);
    expect(read()).toEqual({ data: undefined, opened: true });
  });

  it('is read each time while its last change may be in the tick of the next one', () => {
    ahead = 2_500;
    put('one');
    read();
    expect(read()).toEqual({ data: 'one', opened: true });
    ahead = 3_500;
    read();
    expect(read()).toEqual({ data: 'one', opened: false });
  });

  it('is read each time where its last change is yet to come', () => {
    ahead = -60_000;
    put('one');
    read();
    expect(read()).toEqual({ data: 'one', opened: true });
  });

  it('is read when a change of it has been announced', () => {
    put('one');
    read();
    files.forget(KEY);
    expect(read()).toEqual({ data: 'one', opened: true });
  });
});

it('a backend knows what it has read until it changes that', async () => {
  later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + ahead);
  const backend = fileBackend({ path: directory.path });
  backend.useExpiry(() => new Date(9e12));
  const opens = async (): Promise<number> => {
    open.mockClear();
    expect(await backend.load(KEY)).toMatchObject({ data: 'one' });
    return open.mock.calls.length;
  };
  put('one');
  expect([await opens(), await opens()]).toEqual([1, hasExactTimes(directory.path) ? 0 : 1]);
  const record = { key: KEY, data: 'one', expiresAt: new Date(), attributes: {} };
  await expect(backend.update(record, 'another')).rejects.toThrow(UpdateError);
  expect(await opens()).toBe(1);
  await backend.close();
});

it.each([
  ['', 0xef53, true],
  [' over the network', 0x6969, false],
  [' of another process', 0x65735546, false],
])('the times of a file system%s are exact or not', (_, type, isExact) => {
  const real = fs.statfsSync(directory.path);
  const spy = jest.spyOn(fs, 'statfsSync').mockReturnValue(Object.assign(real, { type }));
  const found = hasExactTimes(directory.path);
  spy.mockRestore();
  expect(found).toBe(isExact && process.platform === 'linux');
});
