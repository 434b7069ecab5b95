import { createHash } from 'node:crypto';
import { createSessions } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import {
  countRecords,
  type Entries,
  memorySessions,
  type Options,
  putRaw,
  SECRET_KEY,
  signed,
  withSqliteFile,
} from './support/sqlite-sessions.ts';
import { dataOf, start, visit } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

describe('a session that only a fallback key verifies', () => {
  const former = 'former-only-for-tests-V7q2Lr9Xw4Zt';

  async function createPlace(options: Options = {}) {
    const { backend, clock } = memorySessions<Entries>();
    const shared = { backend, now: clock.now, ...options };
    const old = createSessions<Entries>({ ...shared, secretKey: former });
    const key = await start(old, { a: 1 });
    const sessions = createSessions<Entries>({
      ...shared,
      secretKey: SECRET_KEY,
      secretKeyFallbacks: [former],
    });
    const current = createSessions<Entries>({ ...shared, secretKey: SECRET_KEY });
    return { backend, clock, key, sessions, current };
  }

  it('is read and left as it is', async () => {
    const { backend, key, sessions, current } = await createPlace();
    const before = await backend.load(key);
    await visit(sessions, key, (session) => expect(session.get('a')).toBe(1));
    expect(await backend.load(key)).toEqual(before);
    expect(dataOf(current, key)).toEqual({});
  });

  it('is signed anew at its next write', async () => {
    const { key, sessions, current } = await createPlace();
    const session = sessions.open(key);
    session.set('b', 1);
    await session.save();
    expect(dataOf(current, key)).toEqual({ a: 1, b: 1 });
  });

  it('is signed anew at its next touch', async () => {
    const { clock, key, sessions, current } = await createPlace({ idleTimeout: 100 });
    clock.advance(50);
    await visit(sessions, key);
    expect(dataOf(current, key)).toEqual({ a: 1 });
  });
});

describe('hashKeys', () => {
  it('hands the backend the SHA-256 of the key, and never takes a digest for a key', () =>
    withSqliteFile({ hashKeys: true }, async ({ backend, sessions, clock }) => {
      const key = await start(sessions, { a: 1 });
      const digest = createHash('sha256').update(key).digest('hex');
      expect(await backend.load(key)).toBeUndefined();
      expect(await backend.load(digest)).toBeDefined();
      expect(dataOf(sessions, key)).toEqual({ a: 1 });
      for (const stolen of [digest, digest.slice(0, 32), digest.slice(32)]) {
        const thief = sessions.open(stolen);
        expect(thief.entries()).toEqual([]);
        expect(await sessions.exists(stolen)).toBe(false);
        expect(await sessions.delete(stolen)).toBe(false);
      }
      expect(sessions.open(digest).sessionKey).toBeNull();
      const session = sessions.open(key);
      await session.cycleKey();
      expect(await sessions.exists(key)).toBe(false);
      expect(dataOf(sessions, session.sessionKey)).toEqual({ a: 1 });
      await session.flush();
      expect(await countRecords(backend, clock)).toEqual({ all: 1, lasting: 0 });
    }));
});

describe('a corrupt record', () => {
  it('is an empty session, and a later write gets a new key', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>();
    const texts = [
      'garbage',
      signed('[1]', clock.now()),
      signed('"text"', clock.now()),
      signed('{"a":', clock.now()),
      signed('{"a":1}', clock.now(), 'another secret key, of somebody else'),
    ];
    for (const text of texts) {
      const key = await putRaw(backend, text, clock.now());
      const session = sessions.open(key);
      expect(session.entries()).toEqual([]);
      expect(session.sessionKey).toBeNull();
      session.set('a', 1);
      await session.save();
      expect(session.sessionKey).not.toBe(key);
      expect((await backend.load(key))?.data).toBe(text);
      expect(await sessions.delete(key)).toBe(true);
    }
  });
});
