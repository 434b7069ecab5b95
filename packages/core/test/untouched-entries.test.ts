import { createSessions } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { joinObject, splitObject } from '../src/json-text.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  type Place,
  putRaw,
  SECRET_KEY,
  signed,
  storedJson,
  withSqliteFile,
} from './support/sqlite-sessions.ts';

interface JsonFixture {
  written: { label: string; type: string; bytes: string }[];
  read: { label: string; bytes_base64: string; ok: boolean }[];
}

const fixture = djangoFixture<JsonFixture>('json.json');

/** Every text of an entry that Django writes or reads, by what it shows. */
const texts = new Map([
  ...fixture.written.map(({ label, bytes }): [string, string] => [label, bytes]),
  ...fixture.read
    .filter(({ ok }) => ok)
    // A session has entries, not the spaces around them.
    .map(({ label, bytes_base64: bytes }): [string, string] => [
      `read: ${label}`,
      Buffer.from(bytes, 'base64').toString('latin1').trim(),
    ]),
  ['a long list', `[${'1.0,'.repeat(500)}9007199254740993]`],
  // Too large for a double, which Python reads as infinity.
  ['1e400', '1e400'],
  // As JavaScript writes them, and Python does not.
  ['0.00001 of JavaScript', '0.00001'],
  ['1e-7 of JavaScript', '1e-7'],
]);

/** A session of nothing but such entries, at every depth, with integer-like keys out of order. */
function hardSession(): Map<string, string> {
  const entries = new Map([...texts].map(([label, text]) => [`plain ${label}`, text]));
  entries.set('10', '1.0').set('2', '-0.0').set('b', 'NaN').set('a', '1e16').set('1', '{}');
  for (const [label, text] of texts) {
    const box = `{"10":${text},"count":0,"2":[${text},{"b":${text},"n":0,"a":1.0}]}`;
    entries.set(`box of ${label}`, box);
  }
  return entries;
}

interface Box {
  count: number;
  2: [unknown, { n: number }];
}

const boxed = (label: string): string => `box of ${label}`;

/** What the boxes look like when `count` and `n` are these. */
function withCounts(entries: Map<string, string>, count: number, n: number): Map<string, string> {
  const changed = new Map(entries);
  for (const [label, text] of texts) {
    changed.set(
      boxed(label),
      `{"10":${text},"count":${count},"2":[${text},{"b":${text},"n":${n},"a":1.0}]}`,
    );
  }
  return changed;
}

describe.each([
  ['numbers', false],
  ['BigInts', true],
])('entries that a request did not change, integers beyond 2^53 read as %s', (_, bigInts) => {
  /** Runs a test with a session as Django wrote it; `stored` is what the store has in the end. */
  const withHardSession = (
    test: (place: Place & { key: string; stored: (key?: string) => Promise<string> }) => unknown,
  ) =>
    withSqliteFile<Entries>({ bigInts }, async (place) => {
      const { backend, clock } = place;
      const key = await putRaw(
        backend,
        signed(joinObject(hardSession()), clock.now()),
        clock.now(),
      );
      await test({ ...place, key, stored: (other = key) => storedJson(backend, other) });
    });

  const readAll = (session: { entries: () => unknown }) => session.entries();

  it('are not written at all where they were only read', () =>
    withHardSession(async ({ backend, sessions, key }) => {
      const before = await backend.load(key);
      const session = sessions.open(key);
      readAll(session);
      expect(JSON.stringify(Object.keys(session.data))).toBe(
        JSON.stringify([...hardSession().keys()]),
      );
      expect(session.modified).toBe(false);
      expect(await backend.load(key)).toEqual(before);
    }));

  it.each<[string, (place: Place, key: string) => Promise<unknown>]>([
    [
      'saved as they are',
      async ({ sessions }, key) => {
        const session = sessions.open(key);
        readAll(session);
        session.modified = true;
        await session.save();
      },
    ],
    [
      'saved as they are and never read',
      async ({ sessions }, key) => {
        const session = sessions.open(key);
        session.modified = true;
        await session.save();
      },
    ],
    [
      'set to what they are',
      async ({ sessions }, key) => {
        const session = sessions.open(key);
        // What could not be set anew, NaN and the infinities, is left alone.
        for (const [name, value] of session.entries()) {
          try {
            session.set(name, value);
          } catch (error) {
            expect(hardSession().get(name)).toMatch(/NaN|Infinity|1e400/);
            expect(error).toBeInstanceOf(TypeError);
          }
        }
        await session.save();
      },
    ],
    [
      'given back by change',
      async ({ sessions }, key) => {
        const session = sessions.open(key);
        for (const name of session.keys()) session.change(name, (value) => value);
        await session.save();
      },
    ],
  ])('come out byte for byte when they are %s', (_title, write) =>
    withHardSession(async (place) => {
      await write(place, place.key);
      expect(await place.stored()).toBe(joinObject(hardSession()));
    }),
  );

  it.each([
    ['read', true],
    ['not read', false],
  ])('come out byte for byte beside another entry that changed, %s', (_title, isRead) =>
    withHardSession(async ({ sessions, key, stored }) => {
      const session = sessions.open(key);
      if (isRead) readAll(session);
      session.set('new', 'é');
      session.delete('a');
      session.change('1', () => 2);
      await session.save();
      const expected = hardSession();
      expected.delete('a');
      expect(await stored()).toBe(joinObject(expected.set('1', '2').set('new', '"\\u00e9"')));
    }),
  );

  it('come out byte for byte beside a member of theirs that changed, at every depth', () =>
    withHardSession(async ({ sessions, key, stored }) => {
      const session = sessions.open(key);
      for (const label of texts.keys()) {
        const box = session.get(boxed(label)) as Box;
        box.count += 1;
        box[2][1].n += 2;
      }
      await session.save();
      expect(await stored()).toBe(joinObject(withCounts(hardSession(), 1, 2)));
      // Again, on what was just written.
      for (const label of texts.keys()) (session.data[boxed(label)] as Box).count += 1;
      await session.save();
      expect(await stored()).toBe(joinObject(withCounts(hardSession(), 2, 2)));
    }));

  it('come out byte for byte of a merge with other processes', () =>
    withHardSession(async ({ sessions, another, key, stored }) => {
      const [here, there] = [sessions.open(key), another().open(key)];
      readAll(here);
      readAll(there);
      for (const label of texts.keys()) {
        (here.get(boxed(label)) as Box).count = 1;
        (there.get(boxed(label)) as Box)[2][1].n = 2;
        // An object of both, where there was nothing.
        const isNew = `new ${label}`;
        here.set(isNew, { here: 1 });
        there.set(isNew, { there: 2 });
      }
      await here.save();
      await there.save();
      const expected = withCounts(hardSession(), 1, 2);
      // Lists are atomic, and the later commit has the list that it read.
      for (const label of texts.keys()) expected.set(`new ${label}`, '{"here":1,"there":2}');
      expect(await stored()).toBe(joinObject(expected));
      // Both now see the same.
      for (const session of [here, there]) {
        expect((session.get(boxed('nan')) as Box).count).toBe(1);
        session.modified = true;
        await session.save();
      }
      expect(await stored()).toBe(joinObject(expected));
    }));

  it('come out byte for byte where change ran again on a newer value', () =>
    withHardSession(async ({ sessions, another, key, stored }) => {
      const stores = [sessions.open(key), another().open(key), sessions.open(key)];
      for (const session of stores) readAll(session);
      for (const session of stores) {
        for (const label of texts.keys()) {
          session.change(boxed(label), (value) => {
            const box = value as Box;
            box.count += 1;
            box[2][1].n += 2;
            return box;
          });
        }
      }
      await Promise.all(stores.map((session) => session.save()));
      expect(await stored()).toBe(joinObject(withCounts(hardSession(), 3, 6)));
    }));

  it('come out byte for byte under the key of a cycled session, and of a copy', () =>
    withHardSession(async ({ sessions, key, stored }) => {
      const session = sessions.open(key);
      readAll(session);
      await session.create();
      expect(await stored(String(session.sessionKey))).toBe(joinObject(hardSession()));
      expect(await stored()).toBe(joinObject(hardSession()));
      const cycled = sessions.open(key);
      for (const label of texts.keys()) (cycled.get(boxed(label)) as Box).count = 5;
      await cycled.cycleKey();
      expect(await stored(String(cycled.sessionKey))).toBe(
        joinObject(withCounts(hardSession(), 5, 0)),
      );
    }));

  it('come out byte for byte of a rotation that meets another writer', () =>
    withHardSession(async ({ sessions, another, key, stored }) => {
      const [cycled, other] = [sessions.open(key), another().open(key)];
      readAll(cycled);
      for (const label of texts.keys()) (cycled.get(boxed(label)) as Box).count = 1;
      for (const label of texts.keys()) (other.get(boxed(label)) as Box)[2][1].n = 2;
      await other.save();
      await cycled.cycleKey();
      expect(await stored(String(cycled.sessionKey))).toBe(
        joinObject(withCounts(hardSession(), 1, 2)),
      );
    }));

  it('come out byte for byte of a record that is signed anew', async () => {
    const former = 'former-only-for-tests-V7q2Lr9Xw4Zt';
    const { backend, clock, sessions } = memorySessions<Entries>({
      bigInts,
      secretKeyFallbacks: [former],
    });
    const text = joinObject(hardSession());
    const key = await putRaw(backend, signed(text, clock.now(), former), clock.now());
    await sessions.open(key).set('new', 1).save();
    expect(await storedJson(backend, key)).toBe(`${text.slice(0, -1)},"new":1}`);
  });

  it('come out byte for byte where the backend keeps plain JSON', async () => {
    const now = () => new Date();
    const backend = new MemoryBackend({ now, encoding: 'serialized' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now, bigInts });
    const text = joinObject(hardSession());
    const key = await putRaw(backend, text, now());
    const session = sessions.open(key);
    await session.load();
    readAll(session);
    await session.set('new', 1).save();
    expect((await backend.load(key))?.data).toBe(`${text.slice(0, -1)},"new":1}`);
  });

  describe('read as', () => {
    it.each([...texts])('the same number as in Python, or the nearest: %s', async (label, text) => {
      const { backend, clock, sessions } = memorySessions<Entries>({ bigInts });
      const record = signed(`{"entry":${text},"deep":[{"a":${text}}]}`, clock.now());
      const session = sessions.open(await putRaw(backend, record, clock.now()));
      const value = session.get('entry');
      expect((session.get('deep') as [{ a: unknown }])[0].a).toEqual(value);
      expect(session.data.entry).toEqual(value);
      const isInteger = /^-?\d+$/.test(text);
      if (bigInts && isInteger && !Number.isSafeInteger(Number(text))) {
        expect(value).toBe(BigInt(text));
      } else if (/^[-\d]/.test(text)) {
        expect(value).toBe(Number(text));
      } else if (/^-?(?:NaN|Infinity)$/.test(text)) {
        expect(value).toBe(Number(text));
      } else if (label === 'read: big int' || label === 'a long list') {
        expect((value as unknown[]).at(-1)).toBe(bigInts ? 9007199254740993n : 9007199254740992);
      } else {
        const plain = text.replace(/NaN/, '1').replace(/-Infinity/, '1');
        expect(JSON.stringify(value).replaceAll('null', '1')).toBe(
          JSON.stringify(JSON.parse(plain)),
        );
      }
    });
  });
});

it('the entries of a session come in the order of the record, integer-like keys too', async () => {
  const { backend, clock, sessions } = memorySessions<Entries>();
  const json = '{"b":1,"10":2,"a":3,"2":4}';
  const key = await putRaw(backend, signed(json, clock.now()), clock.now());
  const session = sessions.open(key);
  expect(session.keys()).toEqual(['b', '10', 'a', '2']);
  session.set('1', 5);
  await session.save();
  const text = await storedJson(backend, key);
  expect(text).toBe('{"b":1,"10":2,"a":3,"2":4,"1":5}');
  expect([...(splitObject(text) ?? [])].length).toBe(5);
});
