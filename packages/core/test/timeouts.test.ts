import { createSessions } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import { type Entries, memorySessions, SECRET_KEY, storedJson } from './support/sqlite-sessions.ts';
import { dataOf, start, visit } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

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
