import { createSessions, SessionConflict, SessionTooLarge } from '@coatcheck/core';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  type Options,
  SECRET_KEY,
  signed,
} from './support/sqlite-sessions.ts';
import { dataOf, type Store, start } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

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
    // While one write is under way, the others wait for the next.
    const ahead = sessions.open(key).set('ahead', 1).save();
    const outcomes = await Promise.allSettled([first.save(), second.save(), third.save()]);
    await ahead;
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(merged).toEqual([{ attempts: 1, commits: 2 }]);
    expect(dataOf(sessions, key)).toEqual({ n: 2, ahead: 1, first: 1, third: 1 });
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
