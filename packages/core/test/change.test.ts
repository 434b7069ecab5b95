import { createSessions, type Sessions } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  randomTurns,
  SECRET_KEY,
  withSqliteFile,
} from './support/sqlite-sessions.ts';
import { dataOf, type Store, start, user } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

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
