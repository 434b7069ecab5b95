import { BackendUnavailable, createSessions, SessionInterrupted } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend, never } from './support/memory-backend.ts';
import { type Entries, type Options, SECRET_KEY } from './support/sqlite-sessions.ts';
import { dataOf, type Store, start } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

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
    let updates = 0;
    backend.before = (operation) => {
      if (operation === 'update') updates += 1;
      return updates === 2 ? never() : undefined;
    };
    const ahead = sessions.open(key).set('ahead', 1).save();
    const stores = [sessions.open(key), sessions.open(key)];
    for (const [i, store] of stores.entries()) store.set(`k${i}`, i);
    const outcomes = await Promise.allSettled(stores.map((store) => store.save()));
    await ahead;
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: ambiguous });
    expect(backend.calls.filter((call) => call === 'update')).toHaveLength(2);
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
