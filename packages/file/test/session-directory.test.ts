import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createBackend, fileBackend } from '@coatcheck/file';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { load, openSessions, store } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let place: string;
beforeEach(() => {
  directory = temporaryDirectory();
  place = path.join(directory.path, 'sessions');
});
afterEach(() => directory.remove());

const isRoot = process.geteuid?.() === 0;
const record = (key: string) => ({
  key,
  data: 'data',
  expiresAt: new Date(Date.now() + 3_600_000),
  attributes: {},
});

describe('the directory', () => {
  it.each([0, 0o022, 0o077, 0o777])(
    'is private under the umask %o, and so are its files',
    async (umask) => {
      const before = process.umask(umask);
      try {
        const sessions = openSessions(place);
        const key = await store(sessions, { a: 1 });
        const file = path.join(place, `sessionid${key}`);
        expect(statSync(place).mode & 0o777).toBe(0o700);
        expect(statSync(file).mode & 0o777).toBe(0o600);
        if (umask === 0o777 && !isRoot) return;
        const session = await load(sessions, key);
        session.set('a', 2);
        await session.save();
        expect(statSync(file).mode & 0o777).toBe(0o600);
        await sessions.close();
      } finally {
        process.umask(before);
      }
    },
  );

  it('is named by a path or a file: URL, and begins its names with the cookie’s', async () => {
    const backend = createBackend({ path: pathToFileURL(place), cookieName: 'shop.sid' });
    await backend.create(record('a'.repeat(32)));
    expect(readdirSync(place)).toEqual([`shop.sid${'a'.repeat(32)}`]);
    await backend.close();
  });

  const wrong: [string, RegExp, () => string | undefined][] = [
    ['no path', /file\.path is missing/, () => undefined],
    ['an empty path', /file\.path is missing/, () => ''],
    ['a path with a NUL', /file\.path is missing/, () => `${place}\0`],
    [
      'a directory in a missing one',
      /file\.path: .* does not exist: make that first/,
      () => path.join(place, 'deeper'),
    ],
    [
      'a file',
      /file\.path: .* is not a directory/,
      () => {
        writeFileSync(place, '');
        return place;
      },
    ],
    [
      'a directory in a file',
      /file\.path: .* cannot be made/,
      () => {
        writeFileSync(place, '');
        return path.join(place, 'deeper');
      },
    ],
    [
      'a symbolic link',
      /file\.path: .* is a symbolic link/,
      () => {
        symlinkSync(directory.path, place);
        return place;
      },
    ],
    ...[0o777, 0o1777, 0o770, 0o750, 0o702].map((mode): [string, RegExp, () => string] => [
      `a directory with mode ${mode.toString(8)}`,
      /file\.path: .* chmod 700/,
      () => {
        mkdirSync(place);
        chmodSync(place, mode);
        return place;
      },
    ]),
  ];

  it.each(wrong)('is refused at once, with what to do: %s', (_, message, makePath) => {
    expect(() => fileBackend({ path: makePath() as string })).toThrow(
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringMatching(message),
      }),
    );
  });

  (isRoot ? it : it.skip)('is refused when it belongs to somebody else (needs root)', () => {
    mkdirSync(place, { mode: 0o700 });
    chownSync(place, 12_345, 12_345);
    expect(() => fileBackend({ path: place })).toThrow(/file\.path: .* belongs to another user/);
  });

  it.each(['', 'a/b', '../x', 'a\0', 'a b', 'ü', 'x'.repeat(101)])(
    'takes no cookie name that could not begin a file name: %j',
    (cookieName) => {
      expect(() => fileBackend({ path: place, cookieName })).toThrow(
        expect.objectContaining({ name: 'ImproperlyConfigured' }),
      );
    },
  );

  it('that vanished is no reason to log anybody out', async () => {
    const sessions = openSessions(place);
    const key = await store(sessions, { a: 1 });
    directory.remove();
    await expect(load(sessions, key)).rejects.toMatchObject({ name: 'BackendUnavailable' });
    await expect(store(sessions, { a: 1 })).rejects.toMatchObject({ name: 'BackendUnavailable' });
    await sessions.close();
  });
});

describe('a key', () => {
  it.each([
    '../x',
    '..%2f',
    'a/b',
    '\0'.repeat(32),
    'CON',
    'a'.repeat(31),
    'a'.repeat(65),
    'a'.repeat(300),
    'A'.repeat(32),
    `${'a'.repeat(32)}\n`,
    `../${'a'.repeat(32)}`,
  ])('that is none names no file: %j', async (key) => {
    const backend = fileBackend({ path: place });
    const refusal = { name: 'InvalidSessionKey' };
    expect(() => backend.load(key)).toThrow(expect.objectContaining(refusal));
    await expect(backend.create(record(key))).rejects.toMatchObject(refusal);
    await expect(backend.update(record(key), '')).rejects.toMatchObject(refusal);
    await expect(backend.touch(record(key), '')).rejects.toMatchObject(refusal);
    await expect(backend.delete(key)).rejects.toMatchObject(refusal);
    expect(readdirSync(place)).toEqual([]);
    await backend.close();
  });
});

describe('a symbolic link under the name of a session', () => {
  it('is neither followed nor replaced, and its target stays as it is', async () => {
    const sessions = openSessions(place);
    const victim = await store(sessions, { secret: 1 });
    const target = path.join(directory.path, 'target');
    writeFileSync(target, readFileSync(path.join(place, `sessionid${victim}`)));
    const before = { text: readFileSync(target, 'utf8'), mtime: statSync(target).mtimeMs };
    const key = 'a'.repeat(32);
    const planted = path.join(place, `sessionid${key}`);
    symlinkSync(target, planted);

    expect((await load(sessions, key)).isEmpty()).toBe(true);
    const { backend } = sessions;
    const update = backend.update(record(key), before.text);
    await expect(update).rejects.toMatchObject({ name: 'UpdateError', reason: 'gone' });
    expect(await backend.touch(record(key), before.text)).toBeUndefined();
    await expect(backend.create(record(key))).rejects.toMatchObject({ name: 'CreateError' });
    expect(await backend.delete(key)).toBe(false);
    expect(await sessions.clearExpired({ expiresAt: new Date(9e12) })).toBe(1);
    expect(lstatSync(planted).isSymbolicLink()).toBe(true);
    expect({ text: readFileSync(target, 'utf8'), mtime: statSync(target).mtimeMs }).toEqual(before);
    await sessions.close();
  });
});
