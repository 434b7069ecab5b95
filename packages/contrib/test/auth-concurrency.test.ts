import { SessionInterrupted, type SessionStore, type Sessions } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import {
  countRecords,
  type Entries,
  type Place,
  randomTurns,
  withSqliteFile,
} from '../../core/test/support/sqlite-sessions.ts';
import { getUser, login, logout, userId } from '../src/auth.ts';
import { ann, bob, loader } from './users.ts';

jest.setTimeout(60_000);
const TRIALS = 100;

type Store = SessionStore<Entries>;
const load = loader(ann, bob);

/** Requests that have all read the same session before any of them goes on. */
function requests(place: readonly Sessions<Entries>[], key: string | null, count: number): Store[] {
  return Array.from({ length: count }, (_, i) => {
    const session = (place[i % place.length] as Sessions<Entries>).open(key);
    session.get('cart');
    return session;
  });
}

/** Runs a trial again and again, on two processes' worth of handles. */
const trials = (
  run: (all: Sessions<Entries>[], key: string | null, place: Place) => Promise<void>,
): Promise<void> =>
  withSqliteFile({}, async (place) => {
    const all = [place.sessions, place.another()];
    for (let i = 0; i < TRIALS; i += 1) {
      const session = place.sessions.open();
      await session.set('cart', ['lamp']).save();
      await run(all, session.sessionKey, place);
    }
  });

const outcome = async (run: () => Promise<unknown>): Promise<'done' | 'interrupted'> => {
  await randomTurns(6);
  try {
    await run();
    return 'done';
  } catch (error) {
    if (error instanceof SessionInterrupted) return 'interrupted';
    throw error;
  }
};

describe('at the same time, with one anonymous session,', () => {
  it('two logins: both are done, each in a session of its own that has the cart', () =>
    trials(async (all, key, { backend, clock }) => {
      const before = (await countRecords(backend, clock)).lasting;
      const [first, second] = requests(all, key, 2) as [Store, Store];
      const outcomes = await Promise.all([
        outcome(() => login(first, ann)),
        outcome(() => login(second, bob)),
      ]);
      expect(outcomes).toEqual(['done', 'done']);
      expect(new Set([key, first.sessionKey, second.sessionKey]).size).toBe(3);
      for (const [{ sessionKey }, user] of [
        [first, ann],
        [second, bob],
      ] as const) {
        const later = (all[0] as Sessions<Entries>).open(sessionKey);
        expect(await getUser(later, load)).toBe(user);
        expect(later.get('cart')).toEqual(['lamp']);
      }
      expect(await all[0]?.exists(String(key))).toBe(false);
      expect((await countRecords(backend, clock)).lasting).toBe(before + 1);
    }));

  it('a login and a logout: whichever comes first, the other is interrupted', () =>
    trials(async (all, key) => {
      const [first, second] = requests(all, key, 2) as [Store, Store];
      const outcomes = await Promise.all([
        outcome(() => login(first, ann)),
        outcome(() => logout(second)),
      ]);
      expect([...outcomes].sort()).toEqual(['done', 'interrupted']);
      const later = (all[0] as Sessions<Entries>).open(first.sessionKey);
      expect(await getUser(later, load)).toBe(outcomes[0] === 'done' ? ann : undefined);
      expect(await all[0]?.exists(String(key))).toBe(false);
    }));

  it('a login and writers: whoever is acknowledged is found after it, and nobody wrote to the old key', () =>
    trials(async (all, key) => {
      const [first, ...writers] = requests(all, key, 5) as [Store, ...Store[]];
      const [login1, ...writes] = await Promise.all([
        outcome(() => login(first, ann)),
        ...writers.map((writer, i) => outcome(() => writer.set(`k${i}`, i).save())),
      ]);
      expect(login1).toBe('done');
      const later = (all[1] as Sessions<Entries>).open(first.sessionKey);
      expect(await getUser(later, load)).toBe(ann);
      for (const [i, write] of writes.entries()) {
        if (write === 'done') expect(later.get(`k${i}`)).toBe(i);
      }
      expect(await all[0]?.exists(String(key))).toBe(false);
    }));
});

describe('at the same time, in the session of one user,', () => {
  it('the logins of two others: the entries of a login are always those of one user', () =>
    trials(async (all, key) => {
      const opener = all[0] as Sessions<Entries>;
      const session = opener.open(key);
      await login(session, { id: 3, passwordHash: 'third' });
      const [first, second] = requests(all, session.sessionKey, 2) as [Store, Store];
      const outcomes = await Promise.all([
        outcome(() => login(first, ann)),
        outcome(() => login(second, bob)),
      ]);
      // Each ended the session it found and began one of its own.
      expect(outcomes).toEqual(['done', 'done']);
      expect(await opener.exists(String(session.sessionKey))).toBe(false);
      expect(await getUser(opener.open(first.sessionKey), load)).toBe(ann);
      expect(await getUser(opener.open(second.sessionKey), load)).toBe(bob);
      expect(first.has('cart') || second.has('cart')).toBe(false);
    }));

  it('a login of the same user again and a logout: nobody is logged in afterwards', () =>
    trials(async (all, key, { clock, backend }) => {
      const opener = all[0] as Sessions<Entries>;
      const session = opener.open(key);
      await login(session, ann);
      const [first, second] = requests(all, session.sessionKey, 2) as [Store, Store];
      await Promise.all([outcome(() => login(first, ann)), outcome(() => logout(second))]);
      expect(userId(opener.open(session.sessionKey))).toBeUndefined();
      expect(userId(second)).toBeUndefined();
      expect((await countRecords(backend, clock)).lasting).toBe(0);
    }));
});
