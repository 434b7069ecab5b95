import { inspect } from 'node:util';
import { createSessions, SessionClosed, type SessionStore } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { openWith } from './support/opened-stores.ts';
import { type Entries, memorySessions, SECRET_KEY, storedJson } from './support/sqlite-sessions.ts';

describe('accessed and modified, row by row of the table of Django', () => {
  type Call = (session: SessionStore<Entries>) => unknown;
  const rows: [title: string, accessed: boolean, modified: boolean, call: Call][] = [
    ['get', true, false, (s) => s.get('a')],
    ['get of an absent key', true, false, (s) => s.get('z', 1)],
    ['a read of data', true, false, (s) => s.data.a],
    ['set', true, true, (s) => s.set('a', 1)],
    ['an assignment to data', true, true, (s) => Object.assign(s.data, { a: 2 })],
    ['delete', true, true, (s) => s.delete('a')],
    ['delete of an absent key', true, false, (s) => s.delete('z')],
    ['has', true, false, (s) => s.has('a')],
    ['pop', true, true, (s) => s.pop('a')],
    ['pop of an absent key', true, false, (s) => s.pop('z')],
    ['pop of an absent key with a default', true, false, (s) => s.pop('z', null)],
    ['setDefault of a present key', true, false, (s) => s.setDefault('a', 9)],
    ['setDefault of an absent key', true, true, (s) => s.setDefault('z', 9)],
    ['update', true, true, (s) => s.update({ b: 2 })],
    ['update of nothing', true, true, (s) => s.update({})],
    ['keys', true, false, (s) => s.keys()],
    ['values', true, false, (s) => s.values()],
    ['entries', true, false, (s) => s.entries()],
    ['iteration', true, false, (s) => [...s]],
    ['size', true, false, (s) => s.size],
    ['clear', true, true, (s) => s.clear()],
    ['isEmpty', false, false, (s) => s.isEmpty()],
    ['the key', false, false, (s) => s.sessionKey],
    ['change', true, true, (s) => s.change('a', (value) => value)],
    ['setExpiry', true, true, (s) => s.setExpiry(5)],
    ['setExpiry(null) with nothing stored', true, false, (s) => s.setExpiry(null)],
    ['getExpiryAge', true, false, (s) => s.getExpiryAge()],
    ['getExpiryAge of a given expiry', false, false, (s) => s.getExpiryAge({ expiry: 5 })],
    ['getExpiryDate', true, false, (s) => s.getExpiryDate()],
    ['getExpiryDate of a given expiry', false, false, (s) => s.getExpiryDate({ expiry: null })],
    ['getExpireAtBrowserClose', true, false, (s) => s.getExpireAtBrowserClose()],
    ['setTestCookie', true, true, (s) => s.setTestCookie()],
    ['testCookieWorked', true, false, (s) => s.testCookieWorked()],
    ['deleteTestCookie', true, true, (s) => s.deleteTestCookie()],
    ['flush', true, true, (s) => s.flush()],
    ['cycleKey', true, true, (s) => s.cycleKey()],
    ['create', true, true, (s) => s.create()],
    ['save', true, false, (s) => s.save()],
    ['load', false, false, (s) => s.load()],
    ['inspection', false, false, (s) => [inspect(s), JSON.stringify(s)]],
  ];

  it.each(rows)('%s: accessed %p, modified %p', async (_, accessed, modified, call) => {
    const { session } = await openWith({ a: 1, testcookie: 'worked' });
    await call(session);
    expect({ accessed: session.accessed, modified: session.modified }).toEqual({
      accessed,
      modified,
    });
  });

  it('save leaves modified as it was', async () => {
    const { session } = await openWith({ a: 1 });
    session.set('a', 2);
    await session.save();
    expect(session.modified).toBe(true);
  });

  it('modified = true alone writes the session anew', async () => {
    const { backend, clock, key, session } = await openWith({ a: 1 });
    const before = await backend.load(key);
    clock.advance(5);
    session.modified = true;
    await session.save();
    const after = await backend.load(key);
    expect(after?.data).not.toBe(before?.data);
    expect(after?.expiresAt).not.toEqual(before?.expiresAt);
  });
});

describe('the dictionary', () => {
  it('gives defaults, present values, null and false among them, and iterates in the order of the record', async () => {
    const { session } = await openWith({ b: null, a: false, 10: 'ten', 9: '' });
    expect(session.get('b', 'default')).toBeNull();
    expect(session.get('a', 'default')).toBe(false);
    expect(session.get('9', 'default')).toBe('');
    expect(session.get('c', 'default')).toBe('default');
    expect(session.size).toBe(4);
    session.set('c', 1);
    expect(session.keys().at(-1)).toBe('c');
    expect([...session]).toEqual(session.entries());
    expect(session.entries().map(([key]) => key)).toEqual(session.keys());
    expect(session.values()).toEqual(session.keys().map((key) => session.get(key)));
  });

  it('deletes and pops', async () => {
    const { session } = await openWith({ a: 1, b: 2 });
    expect(session.delete('a')).toBe(true);
    expect(session.delete('a')).toBe(false);
    expect(session.has('a')).toBe(false);
    expect(session.pop('b')).toBe(2);
    expect(session.pop('b', 3)).toBe(3);
    expect(session.size).toBe(0);
  });

  it('takes pairs as well as an object in update', () => {
    const session = memorySessions().sessions.open();
    session.update({ a: 1 }).update(new Map([['b', 2]]));
    session.update([['c', 3]]);
    expect(session.entries()).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
  });

  it('updates all entries or none', async () => {
    const { session } = await openWith({ a: 1 });
    expect(() => session.update({ a: 2, b: { c: [undefined] }, d: 4 })).toThrow(/b\.c\[0\]/);
    expect(session.entries()).toEqual([['a', 1]]);
    expect(session.modified).toBe(false);
  });

  it('hands out the same object every time, and keeps the one that was set', () => {
    const session = memorySessions().sessions.open();
    const cart = { items: [1] };
    session.set('cart', cart);
    expect(session.get('cart')).toBe(cart);
    expect(session.data.cart).toBe(cart);
  });

  it.each([[1], [undefined], [null], [Symbol('a')], [{}]])(
    'refuses %p as a key of an entry, which JSON does not have',
    async (key) => {
      const { session, sessions } = await openWith({ a: 1 });
      const wrong = key as string;
      expect(() => session.set(wrong, 1)).toThrow(TypeError);
      expect(() => session.change(wrong, () => 1)).toThrow(TypeError);
      expect(() => session.update([[wrong, 1]])).toThrow(TypeError);
      expect(() => session.setDefault(wrong, 1)).toThrow(TypeError);
      await session.save();
      expect(sessions.open(session.sessionKey).entries()).toEqual([['a', 1]]);
    },
  );

  it('throws at delete() without an argument or with its own key, and names flush()', async () => {
    const { session, key } = await openWith({ a: 1 });
    expect(() => (session.delete as () => boolean)()).toThrow(/session\.flush\(\)/);
    expect(() => session.delete(key)).toThrow(/session\.flush\(\)/);
    expect(session.has('a')).toBe(true);
    expect(session.modified).toBe(false);
  });

  it('never says the key in that message', async () => {
    const { session, key } = await openWith({ a: 1 });
    expect(() => session.delete(key)).not.toThrow(key);
  });

  it('has a test cookie', async () => {
    const { session } = await openWith({});
    expect(session.testCookieWorked()).toBe(false);
    session.setTestCookie();
    expect(session.get('testcookie')).toBe('worked');
    expect(session.testCookieWorked()).toBe(true);
    session.deleteTestCookie();
    session.deleteTestCookie();
    expect(session.testCookieWorked()).toBe(false);
  });

  it('keeps its key when it is cleared, and saves nothing but an empty object', async () => {
    const { backend, key, session } = await openWith({ a: 1 });
    session.clear();
    await session.save();
    expect(session.sessionKey).toBe(key);
    expect(await storedJson(backend, key)).toBe('{}');
  });

  it('hides the time of creation, which clear and cycleKey keep and flush drops', async () => {
    const { backend, clock, session } = await openWith({ a: 1 }, { absoluteTimeout: 1000 });
    const created = `"_session_created":${clock.now().getTime() / 1000}`;
    expect(await storedJson(backend, String(session.sessionKey))).toContain(created);
    expect(session.has('_session_created')).toBe(false);
    expect(session.get('_session_created')).toBeUndefined();
    expect(session.delete('_session_created')).toBe(false);
    expect(session.keys()).toEqual(['a']);
    expect(session.size).toBe(1);
    clock.advance(10);
    session.clear();
    await session.save();
    expect(await storedJson(backend, String(session.sessionKey))).toContain(created);
    await session.cycleKey();
    expect(await storedJson(backend, String(session.sessionKey))).toContain(created);
    await session.flush();
    session.set('b', 1);
    await session.save();
    expect(await storedJson(backend, String(session.sessionKey))).not.toContain(created);
  });

  it.each(['_session_created', '_session_rotated'])(
    'refuses to set %s, which is reserved',
    async (entry) => {
      const { session, sessions } = await openWith({ a: 1 }, { absoluteTimeout: 1000 });
      expect(() => session.set(entry, 1)).toThrow(TypeError);
      expect(() => session.update({ [entry]: 1 })).toThrow(TypeError);
      expect(() => session.change(entry, () => 1)).toThrow(TypeError);
      await session.save();
      expect(sessions.open(session.sessionKey).entries()).toEqual([['a', 1]]);
    },
  );
});

describe('what a store shows', () => {
  it('is neither key nor data, in inspect, JSON, text and enumeration', async () => {
    const { key, session } = await openWith({ password: 'hunter2' });
    session.get('password');
    const shown = [
      inspect(session, { depth: Infinity, showHidden: true, getters: true }),
      inspect({ nested: [session] }, { depth: Infinity }),
      JSON.stringify({ session }),
      String(session),
      `${Object.keys(session)}${JSON.stringify({ ...session })}`,
      inspect(session.data),
    ].join('\n');
    expect(shown).not.toContain(key);
    expect(shown).not.toContain('hunter2');
    expect(inspect(session)).toBe('SessionStore { key hidden }');
    expect(inspect(memorySessions().sessions.open())).toBe('SessionStore { no key }');
  });

  it('is not more when the application inspects a session it did not load', () => {
    const sessions = createSessions({
      backend: new MemoryBackend({ now: createClock().now }),
      secretKey: SECRET_KEY,
    });
    expect(inspect(sessions.open('k'.repeat(32)))).toBe('SessionStore { key hidden, not loaded }');
  });
});

describe('a closed session', () => {
  const response = { headersSent: false, getHeader: () => undefined, setHeader: () => undefined };

  it('refuses every change with SessionClosed, and can still be read', async () => {
    const { sessions, key } = await openWith({ a: 1 });
    const http = sessions.openForRequest(`sessionid=${key}`, response);
    const { session } = http;
    await http.finish(200);
    const calls = [
      () => session.set('a', 2),
      () => session.delete('a'),
      () => session.pop('a'),
      () => session.setDefault('b', 1),
      () => session.update({}),
      () => session.clear(),
      () => session.change('a', () => 2),
      () => session.setExpiry(1),
      () => session.setTestCookie(),
      () => session.deleteTestCookie(),
    ];
    for (const call of calls) expect(call).toThrow(SessionClosed);
    for (const call of ['save', 'create', 'cycleKey', 'flush'] as const) {
      await expect(session[call]()).rejects.toBeInstanceOf(SessionClosed);
    }
    expect(session.get('a')).toBe(1);
    expect(sessions.open(key).get('a')).toBe(1);
  });

  it('is what a read-only route gets', async () => {
    const { sessions, key } = await openWith({ a: 1 });
    const { session } = sessions.openForRequest(`sessionid=${key}`, response, { readOnly: true });
    expect(session.get('a')).toBe(1);
    expect(() => session.set('a', 2)).toThrow(SessionClosed);
  });
});
