import { SessionInterrupted, UpdateError } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import {
  countRecords,
  type Entries,
  type Place,
  withSqliteFile,
} from './support/sqlite-sessions.ts';
import { dataOf, type Store, start, user } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

const layouts = [
  {
    layout: 'in two processes, one after the other',
    second: ({ another }: Place) => another(),
    save: async (theirs: Store, mine: Store) => {
      await theirs.save();
      await mine.save();
    },
  },
  {
    layout: 'in one process, one after the other',
    second: ({ sessions }: Place) => sessions,
    save: async (theirs: Store, mine: Store) => {
      await theirs.save();
      await mine.save();
    },
  },
  {
    layout: 'in one process, in a shared write',
    second: ({ sessions }: Place) => sessions,
    save: async (theirs: Store, mine: Store) => {
      await Promise.all([theirs.save(), mine.save()]);
    },
  },
];

interface Merge {
  title: string;
  before: Entries;
  theirs: (session: Store) => unknown;
  mine: (session: Store) => unknown;
  after: Entries;
}

const nested = (session: Store, key = 'cart') => session.get(key) as Record<string, Entries>;

const merges: Merge[] = [
  {
    title: 'different keys both survive',
    before: { a: 1 },
    theirs: (s) => s.set('b', 1),
    mine: (s) => s.set('c', 1),
    after: { a: 1, b: 1, c: 1 },
  },
  {
    title: 'different members of one object both survive, at every depth',
    before: { cart: { note: 'x', address: { city: 'Ulm', geo: { lat: 1, long: 1 } } } },
    theirs: (s) => {
      nested(s).address = { city: 'Bonn', geo: { lat: 2, long: 1 } };
    },
    mine: (s) => {
      nested(s).added = { by: 'me' };
      (nested(s).address?.geo as Entries).long = 3;
    },
    after: {
      cart: { note: 'x', address: { city: 'Bonn', geo: { lat: 2, long: 3 } }, added: { by: 'me' } },
    },
  },
  {
    title: 'arrays are atomic, the later commit wins',
    before: { list: [1], other: { list: [1] } },
    theirs: (s) => {
      (s.get('list') as number[]).push(2);
      Object.assign(s.get('other') as Entries, { list: [1, 2], theirs: 1 });
    },
    mine: (s) => {
      (s.get('list') as number[]).push(3);
      Object.assign(s.get('other') as Entries, { list: [3] });
    },
    after: { list: [1, 3], other: { list: [3], theirs: 1 } },
  },
  {
    title: 'scalars are atomic, the later commit wins',
    before: { a: 1 },
    theirs: (s) => s.set('a', 2),
    mine: (s) => s.set('a', 3),
    after: { a: 3 },
  },
  {
    title: 'what the later commit only read, it does not overwrite',
    before: { a: 1, cart: { x: 1 } },
    theirs: (s) => s.update({ a: 2, cart: { x: 2 } }),
    mine: (s) => s.set('b', [s.get('a'), { ...nested(s) }]),
    after: { a: 2, cart: { x: 2 }, b: [1, { x: 1 }] },
  },
  {
    title: 'a set after a delete brings back the whole value that it saw',
    before: { cart: { x: 1, y: 1 } },
    theirs: (s) => s.delete('cart'),
    mine: (s) => Object.assign(s.get('cart') as Entries, { x: 2 }),
    after: { cart: { x: 2, y: 1 } },
  },
  {
    title: 'a delete after a set deletes',
    before: { a: 1, cart: { x: 1, y: 1 } },
    theirs: (s) => s.update({ a: 2, cart: { x: 2, y: 1 } }),
    mine: (s) => {
      s.delete('a');
      delete (s.get('cart') as Entries).x;
    },
    after: { cart: { y: 1 } },
  },
  {
    title: 'a nested set after a nested delete brings back the member alone',
    before: { cart: { x: { n: 1, m: 1 }, y: 1, z: 1 } },
    theirs: (s) => {
      delete nested(s).x;
      delete nested(s).z;
    },
    mine: (s) => Object.assign(nested(s).x as Entries, { n: 2 }),
    after: { cart: { x: { n: 2, m: 1 }, y: 1 } },
  },
  {
    title: 'deletes by both are one',
    before: { a: 1, b: 1, cart: { x: 1, y: 1 } },
    theirs: (s) => {
      s.delete('a');
      delete nested(s).x;
    },
    mine: (s) => {
      s.delete('a');
      delete nested(s).x;
    },
    after: { b: 1, cart: { y: 1 } },
  },
  {
    title: 'clear() replays as clear, before what was set after it',
    before: { a: 1 },
    theirs: (s) => s.update({ a: 2, b: 2 }),
    mine: (s) => {
      s.set('lost', 1);
      s.clear();
      s.set('c', 3);
    },
    after: { c: 3 },
  },
  {
    title: 'a set after a clear() elsewhere brings back what it saw, and nothing else',
    before: { a: 1, cart: { x: 1, y: 1 } },
    theirs: (s) => s.clear(),
    mine: (s) => Object.assign(s.get('cart') as Entries, { x: 2 }),
    after: { cart: { x: 2, y: 1 } },
  },
  {
    title: 'an object against something else is atomic',
    before: { a: { x: 1 }, b: { x: 1 }, c: { x: 1 }, d: [1] },
    theirs: (s) => {
      s.update({ a: 'text', c: [1], d: { x: 1 } });
      Object.assign(nested(s, 'b'), { y: 1 });
    },
    mine: (s) => {
      Object.assign(nested(s, 'a'), { y: 2 });
      s.set('b', null);
      Object.assign(nested(s, 'c'), { y: 2 });
      s.set('d', { y: 2 });
    },
    after: { a: { x: 1, y: 2 }, b: null, c: { x: 1, y: 2 }, d: { y: 2 } },
  },
  {
    title: 'objects that both made where there was nothing merge',
    before: {},
    theirs: (s) => s.set('cart', { a: 1, both: 1 }),
    mine: (s) => s.set('cart', { b: 1, both: 2 }),
    after: { cart: { a: 1, b: 1, both: 2 } },
  },
  {
    title: 'hostile keys merge like any other',
    before: JSON.parse('{"cart":{"__proto__":{"a":1},"constructor":{"a":1}}}'),
    theirs: (s) => Object.assign(Reflect.get(nested(s), '__proto__') as object, { b: 1 }),
    mine: (s) => Object.assign(nested(s).constructor, { c: 1 }),
    after: JSON.parse('{"cart":{"__proto__":{"a":1,"b":1},"constructor":{"a":1,"c":1}}}'),
  },
  {
    title: 'what a request did several times is replayed in its order',
    before: { n: 1 },
    theirs: (s) => s.set('n', 50),
    mine: (s) => {
      s.change('n', (n) => Number(n) + 1);
      s.change('seen', () => s.get('n'));
      s.change('n', (n) => Number(n) * 2);
    },
    after: { n: 102, seen: 2 },
  },
  {
    title: 'a set between two change() replaces what others wrote',
    before: { n: 1 },
    theirs: (s) => s.set('n', 50),
    mine: (s) => {
      s.change('n', (n) => Number(n) + 1);
      s.set('n', 100);
      s.change('n', (n) => Number(n) + 1);
    },
    after: { n: 101 },
  },
  {
    title: 'two logins do not mix: the later one is there as a whole',
    before: { a: 1 },
    theirs: (s) => s.update(user('1', 'one')),
    mine: (s) => s.update({ _auth_user_id: '2', _auth_user_hash: 'two' }),
    after: { a: 1, _auth_user_id: '2', _auth_user_hash: 'two' },
  },
  {
    title: 'a new hash of one user does not end up with another user',
    before: user('1', 'one'),
    theirs: (s) => s.update(user('2', 'two')),
    mine: (s) => s.set('_auth_user_hash', 'new'),
    after: user('1', 'new'),
  },
  {
    title: 'a login that was taken out stays out, whatever was done with it meanwhile',
    before: user('1', 'one'),
    theirs: (s) => s.set('_auth_user_hash', 'new'),
    mine: (s) => {
      for (const key of Object.keys(user('', ''))) s.delete(key);
      s.set('a', 1);
    },
    after: { a: 1 },
  },
  {
    title: 'a login stays where the later commit had only read it',
    before: user('1', 'one'),
    theirs: (s) => s.update(user('2', 'two')),
    mine: (s) => s.set('a', s.get('_auth_user_id')),
    after: { ...user('2', 'two'), a: '1' },
  },
];

describe.each(layouts)('commits merge $layout', ({ second, save }) => {
  it.each(merges)('$title', ({ before, theirs, mine, after }) =>
    withSqliteFile({}, async (place) => {
      const { sessions } = place;
      const key = await start(sessions, before);
      const other = second(place).open(key);
      const session = sessions.open(key);
      // Both have read everything before either writes.
      other.values();
      session.values();
      theirs(other);
      mine(session);
      await save(other, session);
      expect(dataOf(sessions, key)).toEqual(after);
      // The store goes on from what was written, and its live objects have taken it over.
      expect(Object.fromEntries(session.entries())).toEqual(after);
      expect(session.sessionKey).toBe(key);
    }),
  );

  it('and the end of the session is that of the merged data', () =>
    withSqliteFile({}, async (place) => {
      const { clock, sessions } = place;
      const key = await start(sessions, { a: 1 });
      const other = second(place).open(key);
      const session = sessions.open(key);
      session.get('a');
      other.setExpiry(60);
      session.set('a', 2);
      await save(other, session);
      const { expiresAt } = (await sessions.backend.load(key)) ?? {};
      expect(expiresAt).toEqual(new Date(clock.now().getTime() + 60_000));
      expect(session.getExpiryAge()).toBe(60);
    }));

  it('and the store that was first takes over, with its next save, what the other wrote', () =>
    withSqliteFile({}, async (place) => {
      const { sessions } = place;
      const key = await start(sessions, { cart: { items: [1], note: '' }, a: 1 });
      const first = second(place).open(key);
      const session = sessions.open(key);
      const cart = first.get('cart') as { items: number[]; note: string };
      first.set('b', 1);
      Object.assign(session.get('cart') as Entries, { note: 'from the other' });
      session.set('a', 2);
      await save(first, session);
      first.set('c', 1);
      await first.save();
      // A value that the application holds is its own; read anew it is what was stored, and both are still saved.
      expect(cart.note).toBe('');
      expect(first.get('cart')).toEqual({ items: [1], note: 'from the other' });
      expect(first.get('a')).toBe(2);
      cart.items.push(2);
      await first.save();
      expect(dataOf(sessions, key)).toEqual({
        cart: { items: [1, 2], note: 'from the other' },
        a: 2,
        b: 1,
        c: 1,
      });
    }));

  it('and SessionInterrupted tells that the session was deleted elsewhere; nothing brings it back', () =>
    withSqliteFile({}, async (place) => {
      const { sessions } = place;
      const key = await start(sessions, { a: 1 });
      const other = second(place);
      const session = sessions.open(key);
      session.set('a', 2);
      expect(await other.delete(key)).toBe(true);
      expect(await other.delete(key)).toBe(false);
      const error = await session.save().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SessionInterrupted);
      expect(error).toBeInstanceOf(UpdateError);
      expect(error).toMatchObject({ status: 400, reason: 'gone' });
      await expect(session.save()).rejects.toBeInstanceOf(SessionInterrupted);
      await expect(session.cycleKey()).rejects.toBeInstanceOf(SessionInterrupted);
      expect(await countRecords(sessions.backend, place.clock)).toEqual({ all: 0, lasting: 0 });
    }));
});
