import { createHash } from 'node:crypto';
import {
  BackendUnavailable,
  createSessions,
  SessionConflict,
  SessionInterrupted,
  type SessionStore,
  type Sessions,
  SessionTooLarge,
  UpdateError,
} from '@coatcheck/core';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend, never } from './support/memory-backend.ts';
import {
  countRecords,
  type Entries,
  memorySessions,
  type Options,
  type Place,
  putRaw,
  randomTurns,
  SECRET_KEY,
  signed,
  storedJson,
  withSqliteFile,
} from './support/sqlite-sessions.ts';

type Store = SessionStore<Entries>;

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

/** A new session with these entries; its key. */
async function start(sessions: Sessions<Entries>, entries: Entries): Promise<string> {
  const session = sessions.open();
  session.update(entries);
  await session.save();
  return String(session.sessionKey);
}

function dataOf(sessions: Sessions<Entries>, key: string | null): Entries {
  return Object.fromEntries(sessions.open(key).entries());
}

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

const user = (id: string, hash: string) => ({
  _auth_user_id: id,
  _auth_user_backend: 'django.contrib.auth.backends.ModelBackend',
  _auth_user_hash: hash,
});
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

describe('change(key, fn)', () => {
  it('runs at once, returns a provisional result, and runs again on each newer value', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { n: 1 });
    const session = sessions.open(key);
    const seen: unknown[] = [];
    const increment = (n: unknown) => {
      seen.push(n);
      return Number(n) + 1;
    };
    expect(session.change('n', increment)).toBe(2);
    expect(session.get('n')).toBe(2);
    const other = sessions.open(key);
    other.set('n', 10);
    await other.save();
    await session.save();
    expect(seen).toEqual([1, 10]);
    expect(session.get('n')).toBe(11);
    expect(dataOf(sessions, key)).toEqual({ n: 11 });
  });

  it('does not run again where the value is still what it saw', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { n: 1 });
    const session = sessions.open(key);
    const fn = jest.fn((n: unknown) => Number(n) + 1);
    session.change('n', fn);
    const other = sessions.open(key);
    other.set('elsewhere', 10);
    await other.save();
    await session.save();
    await session.save();
    expect(fn).toHaveBeenCalledTimes(1);
    expect(dataOf(sessions, key)).toEqual({ n: 2, elsewhere: 10 });
  });

  it('runs last on the value that it is stored for, although the first run had seen it too', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const place = { backend, secretKey: SECRET_KEY, now };
    const [sessions, elsewhere] = [createSessions<Entries>(place), createSessions<Entries>(place)];
    const key = await start(sessions, { n: 1 });
    const values = [2, 1];
    backend.before = async (operation) => {
      const value = values[0];
      if (operation !== 'update' || value === undefined) return;
      values.shift();
      const { before } = backend;
      backend.before = () => {};
      await elsewhere.open(key).set('n', value).save();
      backend.before = before;
    };
    const seen: unknown[] = [];
    const session = sessions.open(key);
    session.change('n', (n) => {
      seen.push(n);
      return `was ${n}`;
    });
    await session.save();
    expect(seen).toEqual([1, 2, 1]);
    expect(dataOf(sessions, key)).toEqual({ n: 'was 1' });
  });

  it('gets undefined where there is nothing, and deletes by returning it', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { a: 1 });
    const session = sessions.open(key);
    expect(
      session.change('absent', (value) => (value === undefined ? 'was absent' : 'wrong')),
    ).toBe('was absent');
    expect(session.change('a', () => undefined)).toBeUndefined();
    expect(session.has('a')).toBe(false);
    await session.save();
    expect(dataOf(sessions, key)).toEqual({ absent: 'was absent' });
  });

  it('deletes by undefined in its last run too', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { stock: 2 });
    const [one, two] = [sessions.open(key), sessions.open(key)];
    const take = (n: unknown) => (Number(n) > 1 ? Number(n) - 1 : undefined);
    expect([one.change('stock', take), two.change('stock', take)]).toEqual([1, 1]);
    await one.save();
    await two.save();
    expect(two.has('stock')).toBe(false);
    expect(dataOf(sessions, key)).toEqual({});
  });

  it('runs again on an entry of the login too, which stays one unit', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, {});
    const count = (session: Store) => session.change('_auth_user_n', (n) => Number(n ?? 0) + 1);
    const [one, two] = [sessions.open(key), sessions.open(key)];
    expect([count(one), count(two)]).toEqual([1, 1]);
    await one.save();
    await two.save();
    expect([two.get('_auth_user_n'), dataOf(sessions, key)]).toEqual([2, { _auth_user_n: 2 }]);

    const [mine, theirs] = [sessions.open(key), sessions.open(key)];
    theirs.update({ ...user('2', 'theirs'), _auth_user_extra: true });
    count(theirs);
    mine.update(user('1', 'mine'));
    count(mine);
    await theirs.save();
    await mine.save();
    expect(dataOf(sessions, key)).toEqual({ ...user('1', 'mine'), _auth_user_n: 4 });
  });

  it('leaves nothing behind when fn throws at once', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { n: 1 });
    const session = sessions.open(key);
    const fail = () => {
      throw new Error('refused');
    };
    expect(() => session.change('n', fail)).toThrow('refused');
    expect(() => session.change('new', fail)).toThrow('refused');
    expect(session.modified).toBe(false);
    expect(session.has('new')).toBe(false);
    expect(session.keys()).toEqual(['n']);
  });

  it('counts to 1,000 through 1,000 stores of one process', async () => {
    const { sessions } = memorySessions<Entries>({ operationTimeoutMs: 30_000 });
    const key = await start(sessions, {});
    const stores = Array.from({ length: 1000 }, () => sessions.open(key));
    for (const store of stores) store.change('n', (n) => Number(n ?? 0) + 1);
    await Promise.all(stores.map((store) => store.save()));
    expect(dataOf(sessions, key)).toEqual({ n: 1000 });
  });

  it('counts to 1,000 through 1,000 stores of two processes', () =>
    withSqliteFile({}, async ({ sessions, another }) => {
      const key = await start(sessions, {});
      const both = [sessions, another()];
      await Promise.all(
        Array.from({ length: 1000 }, async (_, i) => {
          const store = (both[i % 2] as Sessions<Entries>).open(key);
          store.change('n', (n) => Number(n ?? 0) + 1);
          await randomTurns(20);
          await store.save();
        }),
      );
      expect(dataOf(sessions, key)).toEqual({ n: 1000 });
    }));
});

describe('1,000 stores that each set a key of their own', () => {
  it('leave 1,000 keys', async () => {
    const { sessions } = memorySessions<Entries>({ operationTimeoutMs: 30_000 });
    const key = await start(sessions, {});
    const stores = Array.from({ length: 1000 }, () => sessions.open(key));
    await Promise.all(
      stores.map((store, i) => {
        store.set(`k${i}`, i);
        return store.save();
      }),
    );
    expect(sessions.open(key).size).toBe(1000);
  });
});

describe('in a shared write a commit that cannot be applied is rejected alone', () => {
  /** The outcomes of three commits that share a write, the second of which is `bad`. */
  async function share(bad: (session: Store) => unknown, options: Options = {}) {
    const { sessions } = memorySessions<Entries>(options);
    const merged: unknown[] = [];
    sessions.events.on('merged', ({ attempts, commits }) => merged.push({ attempts, commits }));
    const key = await start(sessions, { n: 1 });
    const [first, second, third] = [sessions.open(key), sessions.open(key), sessions.open(key)];
    first.update({ n: 2, first: 1 });
    bad(second);
    third.set('third', 1);
    const outcomes = await Promise.allSettled([first.save(), second.save(), third.save()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(merged).toEqual([{ attempts: 1, commits: 2 }]);
    expect(dataOf(sessions, key)).toEqual({ n: 2, first: 1, third: 1 });
    return (outcomes[1] as PromiseRejectedResult).reason;
  }

  it('when fn throws', async () => {
    const error = await share((session) =>
      session.change('n', (n) => {
        if (n !== 1) throw new Error('sold out');
        return n;
      }),
    );
    expect(error).toEqual(new Error('sold out'));
  });

  it('when fn returns what is not JSON', async () => {
    const error = await share((session) => session.change('n', (n) => (n === 1 ? 1 : Number.NaN)));
    expect(String(error)).toMatch(/^TypeError: n is NaN/);
  });

  it('when it is too large', async () => {
    const error = await share((session) => session.set('big', 'x'.repeat(500)), {
      maxDataBytes: 400,
    });
    expect(error).toBeInstanceOf(SessionTooLarge);
    expect(String(error)).toMatch(/maxDataBytes/);
  });

  it('when it nests too deep, or has too many entries', async () => {
    const deep = await share((session) => session.set('deep', [[[[[[]]]]]]), { maxDepth: 5 });
    expect(deep).toBeInstanceOf(SessionTooLarge);
    const many = await share((session) => session.set('many', Array(50).fill(0)), {
      maxEntries: 20,
    });
    expect(many).toBeInstanceOf(SessionTooLarge);
  });

  it('but an expiry that is none is refused when it is set', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    for (const none of ['tomorrow', '', {}, [1], null]) {
      expect(() => session.set('_session_expiry', none)).toThrow(/use setExpiry/);
    }
  });

  it('and alone it is rejected as well, with the old data intact', async () => {
    const { sessions } = memorySessions<Entries>({ maxDataBytes: 100 });
    const key = await start(sessions, { a: 1 });
    const session = sessions.open(key);
    session.set('big', 'x'.repeat(100));
    await expect(session.save()).rejects.toBeInstanceOf(SessionTooLarge);
    expect(dataOf(sessions, key)).toEqual({ a: 1 });
    session.delete('big');
    session.set('a', 2);
    await session.save();
    expect(dataOf(sessions, key)).toEqual({ a: 2 });
  });
});

describe('a call that is not answered', () => {
  async function createPlace(options: Options = {}) {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({
      backend,
      secretKey: SECRET_KEY,
      operationTimeoutMs: 20,
      now,
      ...options,
    });
    const key = await start(sessions, { a: 1 });
    backend.calls.length = 0;
    return { backend, key, sessions };
  }
  const ambiguous = { name: 'BackendUnavailable', status: 503, ambiguous: true };

  it('ends the commit as ambiguous and is not repeated, whether it was applied or not', async () => {
    for (const applied of [false, true]) {
      const { backend, key, sessions } = await createPlace();
      const session = sessions.open(key);
      session.change('a', (a) => Number(a) + 1);
      backend[applied ? 'after' : 'before'] = (operation) =>
        operation === 'update' ? never() : undefined;
      await expect(session.save()).rejects.toMatchObject(ambiguous);
      expect(backend.calls.filter((call) => call === 'update')).toHaveLength(1);
      expect(dataOf(sessions, key)).toEqual({ a: applied ? 2 : 1 });
    }
  });

  it('ends every commit that shared the write', async () => {
    const { backend, key, sessions } = await createPlace();
    backend.before = (operation) => (operation === 'update' ? never() : undefined);
    const stores = [sessions.open(key), sessions.open(key)];
    for (const [i, store] of stores.entries()) store.set(`k${i}`, i);
    const outcomes = await Promise.allSettled(stores.map((store) => store.save()));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: ambiguous });
    expect(backend.calls.filter((call) => call === 'update')).toHaveLength(1);
  });

  it('fails the commits that waited behind it, of which nothing was sent; the next one merges', async () => {
    const { backend, key, sessions } = await createPlace();
    const [first, second, third] = [sessions.open(key), sessions.open(key), sessions.open(key)];
    first.change('a', (a) => Number(a) + 1);
    second.change('a', (a) => Number(a) + 10);
    third.change('a', (a) => Number(a) + 100);
    backend.after = (operation) => {
      if (operation !== 'update') return undefined;
      backend.after = () => {};
      return never();
    };
    const failing = first.save().catch((error: unknown) => error);
    // Queued once the first write is under way, so that it does not share it.
    await new Promise((resolve) => setImmediate(resolve));
    const following = second.save().catch((error: unknown) => error);
    expect(await failing).toMatchObject(ambiguous);
    expect(await following).toMatchObject({ name: 'BackendUnavailable', ambiguous: false });
    await third.save();
    expect(dataOf(sessions, key)).toEqual({ a: 102 });
    await second.save();
    expect(dataOf(sessions, key)).toEqual({ a: 112 });
  });

  it('fails whoever waits behind it at the same time, whatever it waits for', async () => {
    const { backend, key, sessions } = await createPlace({ operationTimeoutMs: 200 });
    const stores = Array.from({ length: 4 }, () => sessions.open(key));
    for (const [i, store] of stores.entries()) store.set(`k${i}`, i);
    const [first, ...others] = stores as [Store, Store, Store, Store];
    backend.before = (operation) => (operation === 'load' ? undefined : never());
    const begin = performance.now();
    const failing = [first.save().catch((error: unknown) => error)];
    await new Promise((resolve) => setImmediate(resolve));
    const [writer, cycler, leaver] = others;
    for (const waiting of [writer.save(), cycler.cycleKey(), leaver.flush()]) {
      failing.push(waiting.catch((error: unknown) => error));
    }
    for (const error of await Promise.all(failing)) {
      expect(error).toMatchObject({ name: 'BackendUnavailable', status: 503 });
    }
    // One after the other they would have taken four times as long.
    expect(performance.now() - begin).toBeLessThan(600);
    expect(backend.calls.filter((call) => call !== 'load')).toEqual(['update']);
    backend.before = () => {};
    await writer.save();
    expect(dataOf(sessions, key)).toEqual({ a: 1, k1: 1 });
  });

  it('is not repeated by the next save of its store; load starts anew', async () => {
    const { backend, key, sessions } = await createPlace();
    const session = sessions.open(key);
    session.change('a', (a) => Number(a) + 1);
    backend.after = (operation) => {
      if (operation !== 'update') return undefined;
      backend.after = () => {};
      return never();
    };
    await expect(session.save()).rejects.toMatchObject(ambiguous);
    await expect(session.save()).rejects.toMatchObject(ambiguous);
    expect(dataOf(sessions, key)).toEqual({ a: 2 });
    await session.load();
    expect(session.get('a')).toBe(2);
    session.change('a', (a) => Number(a) + 1);
    await session.save();
    expect(dataOf(sessions, key)).toEqual({ a: 3 });
  });

  it('leaves the successor of a rotation that was done all the same', async () => {
    const { backend, key, sessions } = await createPlace();
    const session = sessions.open(key);
    backend.after = (operation) => {
      if (operation !== 'update') return undefined;
      backend.after = () => {};
      return never();
    };
    await session.cycleKey();
    expect(session.sessionKey).not.toBe(key);
    expect(await sessions.exists(key)).toBe(false);
    expect(dataOf(sessions, session.sessionKey ?? '')).toEqual({ a: 1 });
  });

  it('makes no second successor where another process rotated the key meanwhile', async () => {
    const { backend, key, sessions } = await createPlace();
    const other = createSessions<Entries>({ backend, secretKey: SECRET_KEY }).open(key);
    const session = sessions.open(key);
    backend.before = async (operation) => {
      if (operation !== 'update') return;
      backend.before = () => {};
      await other.cycleKey();
      await never();
    };
    await expect(session.cycleKey()).rejects.toBeInstanceOf(SessionInterrupted);
    // The marker of the one rotation, and its successor.
    expect([...backend.records.keys()].sort()).toEqual([key, other.sessionKey].sort());
    expect(dataOf(sessions, other.sessionKey)).toEqual({ a: 1 });
  });

  it('leaves the old session where it was to rotate it and did not', async () => {
    const { backend, key, sessions } = await createPlace();
    const session = sessions.open(key);
    session.set('user', 7);
    backend.before = (operation) => (operation === 'update' ? never() : undefined);
    await expect(session.cycleKey()).rejects.toMatchObject(ambiguous);
    backend.before = () => {};
    expect(session.sessionKey).toBe(key);
    expect(dataOf(sessions, key)).toEqual({ a: 1 });
    await expect(session.save()).rejects.toMatchObject(ambiguous);
    await session.load();
    await session.cycleKey();
    expect(dataOf(sessions, session.sessionKey)).toEqual({ a: 1 });
    expect(await sessions.exists(key)).toBe(false);
  });

  it('leaves one session where the rotation was refused, and not merely unanswered', async () => {
    const { backend, key, sessions } = await createPlace();
    const session = sessions.open(key);
    backend.before = (operation) => {
      if (operation === 'update') throw new Error('disk on fire');
    };
    await expect(session.cycleKey()).rejects.toMatchObject({ ambiguous: false });
    expect([...backend.records.keys()]).toEqual([key]);
  });

  it('overwrites nothing when it comes through late', async () => {
    const { backend, key, sessions } = await createPlace();
    let release = (): void => {};
    backend.before = (operation) => {
      if (operation !== 'update') return undefined;
      backend.before = () => {};
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const [late, second] = [sessions.open(key), sessions.open(key)];
    late.set('a', 'late');
    await expect(late.save()).rejects.toMatchObject(ambiguous);
    second.set('a', 'second');
    await second.save();
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(dataOf(sessions, key)).toEqual({ a: 'second' });
  });

  it('leaves a store without a key when it was to create one', async () => {
    const { backend, sessions } = await createPlace();
    const headers = new Map<string, unknown>();
    const http = sessions.openForRequest(undefined, {
      headersSent: false,
      getHeader: (name) => headers.get(name) as string | undefined,
      setHeader: (name, value) => headers.set(name, value),
    });
    backend.after = (operation) => (operation === 'create' ? never() : undefined);
    http.session.set('a', 1);
    await expect(http.finish(200)).rejects.toMatchObject(ambiguous);
    expect(http.session.sessionKey).toBeNull();
    expect(headers.has('Set-Cookie')).toBe(false);
    expect(backend.calls.filter((call) => call === 'create')).toHaveLength(1);
  });

  it('is an error and never an empty session when it was to load', async () => {
    const { backend, key, sessions } = await createPlace();
    const later = createSessions<Entries>({
      backend: Object.assign(new MemoryBackend({ now: sessions.settings.now }), {
        before: () => never(),
      }),
      secretKey: SECRET_KEY,
      operationTimeoutMs: 20,
    });
    const session = later.open(key);
    await expect(session.load()).rejects.toMatchObject({ ...ambiguous, ambiguous: false });
    expect(() => session.get('a')).toThrow(BackendUnavailable);
    expect(session.sessionKey).toBe(key);
    await expect(later.exists(key)).rejects.toBeInstanceOf(BackendUnavailable);

    const cause = new Error('connection refused');
    backend.before = () => {
      throw cause;
    };
    expect(() => sessions.open(key).get('a')).toThrow(BackendUnavailable);
    const unavailable = await sessions
      .open()
      .save()
      .catch((error: unknown) => error);
    expect(unavailable).toMatchObject({ name: 'BackendUnavailable', cause });
  });

  it('reads as empty and refuses every change where the application chose anonymous', async () => {
    const { backend, key, sessions } = await createPlace({ onUnavailable: 'anonymous' });
    backend.before = () => {
      throw new Error('connection refused');
    };
    const session = sessions.open(key);
    expect(session.get('a')).toBeUndefined();
    expect(session.size).toBe(0);
    expect(() => session.set('a', 1)).toThrow(BackendUnavailable);
    for (const call of ['save', 'create', 'cycleKey', 'flush'] as const) {
      await expect(session[call]()).rejects.toBeInstanceOf(BackendUnavailable);
    }
  });
});

describe('a commit that always meets somebody else', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('competes for ten seconds, then throws SessionConflict and has stored nothing', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
    const clock = createClock();
    const backend = new MemoryBackend({ now: clock.now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now: clock.now });
    const key = await start(sessions, { n: 0 });
    let writes = 0;
    backend.before = (operation) => {
      const record = backend.records.get(key);
      if (operation !== 'update' || !record) return;
      writes += 1;
      backend.records.set(key, { ...record, data: signed(`{"n":${writes}}`, clock.now()) });
    };
    const session = sessions.open(key);
    session.set('mine', 1);
    const saving = session.save().catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(9_900);
    backend.calls.length = 0;
    await jest.advanceTimersByTimeAsync(500);
    const error = await saving;
    expect(error).toBeInstanceOf(SessionConflict);
    expect(error).toMatchObject({ status: 503 });
    expect(backend.calls.length).toBeGreaterThan(0);
    expect(writes).toBeGreaterThan(100);
    expect(dataOf(sessions, key)).toEqual({ n: writes });
  });
});

describe('cycleKey', () => {
  it('moves the data, unsaved changes included, and the old key is dead', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const old = await start(sessions, { cart: [1] });
      const session = sessions.open(old);
      session.set('user', 1);
      await session.cycleKey();
      expect(session.sessionKey).not.toBe(old);
      for (const process of [sessions, another()]) {
        expect(dataOf(process, session.sessionKey)).toEqual({ cart: [1], user: 1 });
        expect(await process.exists(old)).toBe(false);
        expect(await process.exists(String(session.sessionKey))).toBe(true);
        expect(await process.delete(old)).toBe(false);
      }
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
      // The store goes on with the successor.
      session.set('more', 1);
      await session.save();
      expect(dataOf(sessions, session.sessionKey)).toEqual({ cart: [1], user: 1, more: 1 });
    }));

  it('leaves late readers an empty session and late writers SessionInterrupted', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const old = await start(sessions, { a: 1 });
      const early = another().open(old);
      early.set('a', 2);
      await sessions.open(old).cycleKey();
      await expect(early.save()).rejects.toBeInstanceOf(SessionInterrupted);
      for (const process of [sessions, another()]) {
        const late = process.open(old);
        expect(late.entries()).toEqual([]);
        expect(late.isEmpty()).toBe(true);
        late.set('b', 1);
        await expect(late.save()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).cycleKey()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).create()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).flush()).rejects.toBeInstanceOf(SessionInterrupted);
      }
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
    }));

  it('sends no cookie to a late request, whatever it does', async () => {
    const { sessions } = memorySessions<Entries>({ saveEveryRequest: true, idleTimeout: 1000 });
    const old = await start(sessions, { a: 1 });
    await sessions.open(old).cycleKey();
    const visits: ((session: Store) => unknown)[] = [
      (session) => session.get('a'),
      (session) => session.flush(),
      (session) => session.clear(),
    ];
    for (const visit of visits) {
      const headers = new Map<string, unknown>();
      const http = sessions.openForRequest(`sessionid=${old}`, {
        headersSent: false,
        getHeader: (name) => headers.get(name) as string | undefined,
        setHeader: (name, value) => headers.set(name, value),
      });
      const visited = async () => visit(http.session);
      await visited().catch((error: unknown) => {
        expect(error).toBeInstanceOf(SessionInterrupted);
      });
      await http.finish(200).catch((error: unknown) => {
        expect(error).toBeInstanceOf(SessionInterrupted);
      });
      expect(headers.has('Set-Cookie')).toBe(false);
    }
  });

  it('is remembered for 60 seconds; then the old key is unknown', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>();
    const old = await start(sessions, { a: 1 });
    await sessions.open(old).cycleKey();
    clock.advance(59);
    await expect(sessions.open(old).save()).rejects.toBeInstanceOf(SessionInterrupted);
    clock.advance(1);
    expect(backend.load(old)).toBeUndefined();
    const late = sessions.open(old);
    expect(late.size).toBe(0);
    expect(late.sessionKey).toBeNull();
    expect(await sessions.clearExpired()).toBe(1);
  });

  it('merges what others write while it moves', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const place = { backend, secretKey: SECRET_KEY, now };
    const [sessions, elsewhere] = [createSessions<Entries>(place), createSessions<Entries>(place)];
    const old = await start(sessions, { n: 1, cart: { a: 1 } });
    const session = sessions.open(old);
    session.change('n', (n) => Number(n) + 1);
    (session.get('cart') as Entries).mine = 1;
    let meanwhile = 0;
    backend.before = async (operation, key) => {
      if (operation !== 'update' || key !== old || meanwhile === 3) return;
      meanwhile += 1;
      const other = elsewhere.open(old);
      const { before } = backend;
      backend.before = () => {};
      other.change('n', (n) => Number(n) + 10);
      other.set(`k${meanwhile}`, 1);
      await other.save();
      backend.before = before;
    };
    await session.cycleKey();
    const after = { n: 32, cart: { a: 1, mine: 1 }, k1: 1, k2: 1, k3: 1 };
    expect(dataOf(sessions, session.sessionKey)).toEqual(after);
    expect(Object.fromEntries(session.entries())).toEqual(after);
    expect(backend.records.size).toBe(2);
  });

  it.each([
    { layout: 'of one process', processes: 1 },
    { layout: 'of two processes', processes: 2 },
  ])(
    '100 times at once, by stores $layout, has one successor and leaves no orphan',
    ({ processes }) =>
      withSqliteFile({}, async ({ sessions, another, clock }) => {
        const old = await start(sessions, { a: 1 });
        const all = [sessions, ...Array.from({ length: processes - 1 }, () => another())];
        const stores = Array.from({ length: 100 }, (_, i) => {
          const store = (all[i % processes] as Sessions<Entries>).open(old);
          store.get('a');
          return store;
        });
        const outcomes = await Promise.allSettled(stores.map((store) => store.cycleKey()));
        const failures = outcomes.filter(({ status }) => status === 'rejected');
        expect(failures).toHaveLength(99);
        for (const failure of failures) {
          expect((failure as PromiseRejectedResult).reason).toBeInstanceOf(SessionInterrupted);
        }
        expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
        const successor = stores.find((_, i) => outcomes[i]?.status === 'fulfilled');
        expect(dataOf(sessions, String(successor?.sessionKey))).toEqual({ a: 1 });
      }),
  );

  it('loses no acknowledged change of concurrent writers, in 200 trials', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const processes = [sessions, another()];
      let acknowledged = 0;
      for (let trial = 0; trial < 200; trial += 1) {
        const old = await start(sessions, {});
        const cycler = sessions.open(old);
        const writers = Array.from({ length: 4 }, (_, i) => {
          const writer = (processes[i % 2] as Sessions<Entries>).open(old);
          writer.set(`w${i}`, trial);
          return writer;
        });
        cycler.set('user', trial);
        const cycling = randomTurns(3).then(() => cycler.cycleKey());
        const outcomes = await Promise.allSettled(
          writers.map((writer) => randomTurns(6).then(() => writer.save())),
        );
        await cycling;
        const data = dataOf(sessions, cycler.sessionKey);
        expect(data.user).toBe(trial);
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.status === 'fulfilled') {
            acknowledged += 1;
            expect(data[`w${i}`]).toBe(trial);
          } else {
            expect(outcome.reason).toBeInstanceOf(SessionInterrupted);
          }
        }
      }
      // Both outcomes occurred, or the trials showed nothing.
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(800);
      expect((await countRecords(sessions.backend, clock)).lasting).toBe(200);
    }));
});

describe('flush', () => {
  it('beats writers in flight, in 200 trials', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const processes = [sessions, another()];
      let acknowledged = 0;
      for (let trial = 0; trial < 200; trial += 1) {
        const key = await start(sessions, {});
        const leaver = sessions.open(key);
        const writers = Array.from({ length: 4 }, (_, i) => {
          const writer = (processes[i % 2] as Sessions<Entries>).open(key);
          writer.set(`w${i}`, trial);
          return writer;
        });
        const leaving = randomTurns(3).then(() => leaver.flush());
        const outcomes = await Promise.allSettled(
          writers.map((writer) => randomTurns(6).then(() => writer.save())),
        );
        await leaving;
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') acknowledged += 1;
          else expect(outcome.reason).toBeInstanceOf(SessionInterrupted);
        }
        expect(await sessions.exists(key)).toBe(false);
      }
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(800);
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 0, lasting: 0 });
    }));

  it('ends what was queued behind it, and not what was queued before it', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { a: 1 });
    const [before, leaver, behind] = [sessions.open(key), sessions.open(key), sessions.open(key)];
    before.set('a', 2);
    leaver.get('a');
    behind.set('a', 3);
    const outcomes = await Promise.allSettled([before.save(), leaver.flush(), behind.save()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { name: 'SessionInterrupted' } });
    expect(await sessions.exists(key)).toBe(false);
  });

  it('keeps the session when the backend does not take the deletion', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const key = await start(sessions, { a: 1 });
    backend.before = (operation) => {
      if (operation === 'delete') throw new Error('connection refused');
    };
    const session = sessions.open(key);
    await expect(session.flush()).rejects.toBeInstanceOf(BackendUnavailable);
    expect(session.sessionKey).toBe(key);
    expect(session.get('a')).toBe(1);
  });

  it('that failed writes nothing into the old session that was meant for a new one', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const key = await start(sessions, { a: 1 });
    backend.before = (operation) => {
      if (operation === 'delete') throw new Error('connection refused');
    };
    const session = sessions.open(key);
    const flushing = session.flush().catch((error: unknown) => error);
    session.set('user', 7);
    expect(await flushing).toBeInstanceOf(BackendUnavailable);
    await expect(session.save()).rejects.toBeInstanceOf(BackendUnavailable);
    expect(dataOf(sessions, key)).toEqual({ a: 1 });
    await session.load();
    expect(session.entries()).toEqual([['a', 1]]);
  });
});

describe('a change is serialised when it is committed', () => {
  it('and not when the queue drains', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const key = await start(sessions, { list: [1] });
    const [first, second] = [sessions.open(key), sessions.open(key)];
    let release = (): void => {};
    backend.before = (operation) => {
      if (operation !== 'update') return undefined;
      backend.before = () => {};
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    first.set('a', 1);
    const list = second.get('list') as number[];
    list.push(2);
    const saving = [first.save()];
    await new Promise((resolve) => setImmediate(resolve));
    saving.push(second.save());
    await new Promise((resolve) => setImmediate(resolve));
    list.push(3);
    release();
    await Promise.all(saving);
    expect(dataOf(sessions, key)).toEqual({ list: [1, 2], a: 1 });
    expect(second.get('list')).toEqual([1, 2, 3]);
    expect(second.modified).toBe(true);
  });
});

/** A request that only visits; its Set-Cookie headers. */
async function visit(
  sessions: Sessions<Entries>,
  key: string,
  handler: (session: Store) => unknown = () => {},
  options = {},
): Promise<string[]> {
  const headers = new Map<string, string | readonly string[]>();
  const http = sessions.openForRequest(
    `sessionid=${key}`,
    {
      headersSent: false,
      getHeader: (name) => headers.get(name),
      setHeader: (name, value) => headers.set(name, value),
    },
    options,
  );
  await http.begin();
  await handler(http.session);
  await http.finish(200);
  return [...(headers.get('Set-Cookie') ?? [])];
}

describe('an idle timeout', () => {
  it('ends a session that nobody uses, and is renewed by use, at most once per touchEvery', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>({ idleTimeout: 100 });
    const key = await start(sessions, { a: 1 });
    const endsIn = async () =>
      (Number((await backend.load(key))?.expiresAt) - clock.now().getTime()) / 1000;
    expect(await endsIn()).toBe(100);
    clock.advance(9);
    expect(await visit(sessions, key)).toEqual([]);
    expect(await endsIn()).toBe(91);
    clock.advance(1);
    const [cookie] = await visit(sessions, key);
    expect(cookie).toMatch(new RegExp(`^sessionid=${key}; .*Max-Age=100;`));
    expect(await endsIn()).toBe(100);
    expect(await visit(sessions, key)).toEqual([]);
    clock.advance(100);
    expect(await visit(sessions, key)).toEqual([]);
    expect(dataOf(sessions, key)).toEqual({});
  });

  it('is not renewed by a route that is no activity, nor by a failed request', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>({ idleTimeout: 100 });
    const key = await start(sessions, { a: 1 });
    clock.advance(50);
    expect(await visit(sessions, key, (session) => session.get('a'), { touch: false })).toEqual([]);
    expect((await backend.load(key))?.expiresAt).toEqual(new Date(clock.now().getTime() + 50_000));
  });

  it('does not re-send a cookie that ends with the browser', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>({
      idleTimeout: 100,
      expireAtBrowserClose: true,
    });
    const key = await start(sessions, { a: 1 });
    clock.advance(50);
    expect(await visit(sessions, key)).toEqual([]);
    expect((await backend.load(key))?.expiresAt).toEqual(new Date(clock.now().getTime() + 100_000));
  });

  it('keeps the stored bytes, so that a touch is no conflict for a writer', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>({ idleTimeout: 100 });
    const key = await start(sessions, { a: 1 });
    const before = await backend.load(key);
    const merged: unknown[] = [];
    sessions.events.on('merged', (event) => merged.push(event));
    const writer = sessions.open(key);
    writer.set('a', 2);
    clock.advance(50);
    await visit(sessions, key);
    expect((await backend.load(key))?.data).toBe(before?.data);
    await writer.save();
    expect(merged).toEqual([]);
  });

  it('is what the getters say, where it comes before the expiry of the session', async () => {
    const { clock, sessions } = memorySessions<Entries>({ idleTimeout: 100 });
    const session = sessions.open();
    expect(session.getExpiryAge()).toBe(100);
    expect(session.getExpiryDate()).toEqual(new Date(clock.now().getTime() + 100_000));
    session.setExpiry(30);
    expect(session.getExpiryAge()).toBe(30);
  });
});

describe('an absolute timeout', () => {
  it('ends a session whatever it does, and a new key does not extend it', async () => {
    const { clock, sessions } = memorySessions<Entries>({ absoluteTimeout: 100, idleTimeout: 60 });
    const key = await start(sessions, { a: 1 });
    clock.advance(50);
    const session = sessions.open(key);
    expect(session.getExpiryAge()).toBe(50);
    session.set('a', 2);
    await session.cycleKey();
    clock.advance(49);
    const successor = String(session.sessionKey);
    await visit(sessions, successor, (visitor) => visitor.set('a', 3));
    expect(dataOf(sessions, successor)).toEqual({ a: 3 });
    expect(sessions.open(successor).getExpiryAge()).toBe(1);
    clock.advance(1);
    expect(dataOf(sessions, successor)).toEqual({});
    expect(await sessions.exists(successor)).toBe(false);
  });

  it.each(['save', 'cycleKey', 'create'] as const)(
    'of a session that is older than the setting counts from its signature, and %s does not restart it',
    async (write) => {
      const { backend, clock } = memorySessions<Entries>();
      const options = { backend, secretKey: SECRET_KEY, now: clock.now };
      const key = await start(createSessions<Entries>(options), { a: 1 });
      const created = clock.now().getTime() / 1000;
      const sessions = createSessions<Entries>({ ...options, absoluteTimeout: 100 });
      clock.advance(50);
      const session = sessions.open(key);
      expect(session.getExpiryAge()).toBe(50);
      session.set('a', 2);
      await session[write]();
      const now = String(session.sessionKey);
      expect(await storedJson(backend, now)).toContain(`"_session_created":${created}`);
      clock.advance(50);
      expect(dataOf(sessions, now)).toEqual({});
    },
  );

  it('ends a session that the backend would have kept', async () => {
    const { backend, clock } = memorySessions<Entries>();
    const options = { backend, secretKey: SECRET_KEY, now: clock.now };
    const key = await start(createSessions<Entries>(options), { a: 1 });
    clock.advance(100);
    const sessions = createSessions<Entries>({ ...options, absoluteTimeout: 100 });
    const reasons: string[] = [];
    sessions.events.on('rejected', ({ reason }) => reasons.push(reason));
    expect(dataOf(sessions, key)).toEqual({});
    expect(reasons).toEqual(['expired']);
  });

  it('survives clear() and merges', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>({ absoluteTimeout: 100 });
    const key = await start(sessions, { a: 1 });
    const created = clock.now().getTime() / 1000;
    const [one, two] = [sessions.open(key), sessions.open(key)];
    one.clear();
    two.set('b', 1);
    clock.advance(10);
    await Promise.all([two.save(), one.save()]);
    expect(await storedJson(backend, key)).toBe(`{"_session_created":${created}}`);
  });
});

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
