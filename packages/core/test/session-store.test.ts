import { inspect } from 'node:util';
import {
  BackendUnavailable,
  createSessions,
  SessionClosed,
  SessionNotLoaded,
  type SessionStore,
} from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  putRaw,
  SECRET_KEY,
  signed,
  storedJson,
} from './support/sqlite-sessions.ts';

/** A store whose record has these entries, as if nothing had been done with it yet. */
async function openWith(entries: Entries, options = {}) {
  const place = memorySessions<Entries>(options);
  const first = place.sessions.open();
  first.update(entries);
  await first.save();
  const key = String(first.sessionKey);
  return { ...place, key, session: place.sessions.open(key) };
}

/** A store of a row with exactly this JSON. */
async function openRaw<Data extends object = Entries>(json: string) {
  const place = memorySessions<Data>();
  const now = place.clock.now();
  const key = await putRaw(place.backend, signed(json, now), now);
  const text = () => storedJson(place.backend, key);
  return { ...place, key, text, session: place.sessions.open(key) };
}

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

describe('a nested change', () => {
  interface Shop {
    cart: { items: number[]; address: { city: string } };
    other: number;
  }
  type Store = SessionStore<Shop>;
  const ways: [string, (session: Store) => Shop['cart']][] = [
    ['get', (s) => s.get('cart') as Shop['cart']],
    ['data', (s) => s.data.cart as Shop['cart']],
    ['values', (s) => s.values()[0] as Shop['cart']],
    ['entries', (s) => s.entries()[0]?.[1] as Shop['cart']],
    ['iteration', (s) => [...s][0]?.[1] as Shop['cart']],
    ['setDefault', (s) => s.setDefault('cart', { items: [], address: { city: '' } })],
    ['Object.entries of data', (s) => Object.entries(s.data)[0]?.[1] as Shop['cart']],
    ['a copy of data', (s) => ({ ...s.data }).cart as Shop['cart']],
    ['change', (s) => s.change('cart', (cart) => cart) as Shop['cart']],
  ];

  it.each(ways)('of a value handed out by %s is noticed and saved', async (_, handOut) => {
    const { key, session, sessions } = await openRaw<Shop>(
      '{"cart":{"items":[1],"address":{"city":"Ulm"}},"other":1}',
    );
    const cart = handOut(session);
    cart.items.push(2);
    cart.address.city = 'Bonn';
    expect(session.modified).toBe(true);
    await session.save();
    expect(sessions.open(key).get('cart')).toEqual({ items: [1, 2], address: { city: 'Bonn' } });
  });

  it('of a value that was set is noticed, before the save and after it', async () => {
    const { session, sessions } = await openWith({});
    const cart = { items: [1] };
    session.set('cart', cart);
    cart.items.push(2);
    await session.save();
    expect(sessions.open(session.sessionKey).get('cart')).toEqual({ items: [1, 2] });
    cart.items.push(3);
    await session.save();
    expect(sessions.open(session.sessionKey).get('cart')).toEqual({ items: [1, 2, 3] });
  });

  it('that is taken back is none', async () => {
    const { session } = await openWith({ list: [1] });
    const list = session.get('list') as number[];
    list.push(2);
    expect(session.modified).toBe(true);
    list.pop();
    expect(session.modified).toBe(false);
  });

  it('of a popped value is none of the session', async () => {
    const { key, session, sessions } = await openWith({ list: [1] });
    const list = session.pop('list') as number[];
    list.push(2);
    await session.save();
    expect(sessions.open(key).has('list')).toBe(false);
  });

  it('is not looked for in values that nobody was handed', async () => {
    const { session } = await openWith({ list: [1] });
    session.has('list');
    session.keys();
    expect(session.modified).toBe(false);
  });
});

describe('the property view', () => {
  it('reads, writes, deletes, lists and spreads', async () => {
    const { session } = await openWith({ a: 1, b: { c: 2 } });
    const { data } = session;
    expect(data).toBe(session.data);
    expect(data.a).toBe(1);
    expect('a' in data).toBe(true);
    expect('z' in data).toBe(false);
    data.z = 3;
    expect(session.get('z')).toBe(3);
    delete data.a;
    delete data.a;
    expect(session.has('a')).toBe(false);
    expect(Object.keys(data)).toEqual(['b', 'z']);
    expect({ ...data }).toEqual({ b: { c: 2 }, z: 3 });
    expect(JSON.stringify(data)).toBe('{"b":{"c":2},"z":3}');
  });

  it('is no way around what set refuses', () => {
    const session = memorySessions().sessions.open();
    expect(() => {
      session.data.a = undefined;
    }).toThrow(TypeError);
    expect(() => Object.defineProperty(session.data, 'a', { get: () => 1 })).toThrow(TypeError);
    expect(() => {
      (session as { data: unknown }).data = {};
    }).toThrow(TypeError);
    expect(session.size).toBe(0);
  });

  it('has no prototype that a key could reach', () => {
    const { data } = memorySessions().sessions.open();
    expect(Object.getPrototypeOf(data)).toBeNull();
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
      expect(data[name]).toBeUndefined();
      expect(name in data).toBe(false);
    }
  });
});

describe('a value that JSON would lose', () => {
  class Money {
    cents = 1;
  }
  const cycle: Entries = { name: 'cycle' };
  cycle.self = { cycle };
  const refused: [string, unknown][] = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a BigInt', 1n],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a RegExp', /x/],
    ['an instance of a class', new Money()],
    ['a buffer', Buffer.from('x')],
    ['a promise', Promise.resolve(1)],
    ['something with toJSON', Object.create({ toJSON: () => 1 })],
  ];

  it.each(refused)('%s is refused by set, with the path', (_, value) => {
    const session = memorySessions().sessions.open();
    expect(() => session.set('cart', value)).toThrow(TypeError);
    expect(() => session.set('cart', { items: [1, { 'a b': value }] })).toThrow(
      /^cart\.items\[1\]\["a b"\] /,
    );
    expect(session.modified).toBe(false);
    expect(session.size).toBe(0);
  });

  it.each(refused)(
    '%s is refused at the commit of a nested change, with the path',
    async (_, value) => {
      const { key, session, sessions } = await openWith({ cart: { items: [1] }, other: 1 });
      const cart = session.get('cart') as { items: unknown[] };
      cart.items.push(2, { price: value });
      session.set('other', 2);
      await expect(session.save()).rejects.toThrow(/^cart\.items\[2\]\.price /);
      expect(sessions.open(key).entries()).toEqual([
        ['cart', { items: [1] }],
        ['other', 1],
      ]);
    },
  );

  it.each([
    [
      'NaN in the place of null',
      { a: null },
      (value: Entries) => Object.assign(value, { a: Number.NaN }),
    ],
    [
      'a new member that is undefined',
      { a: 1 },
      (value: Entries) => Object.assign(value, { b: undefined }),
    ],
    [
      'a Date in the place of its own text',
      { a: new Date(0).toISOString() },
      (value: Entries) => Object.assign(value, { a: new Date(0) }),
    ],
  ])('%s is refused although its JSON is what was there', async (_, before, change) => {
    const { session } = await openWith({ value: before });
    change(session.get('value') as Entries);
    session.set('other', 1);
    await expect(session.save()).rejects.toThrow(/^value\.[ab] /);
  });

  it('is refused as an expiry, where it is none or beyond what dates have', async () => {
    const { clock, session } = await openWith({ a: 1 });
    for (const none of ['garbage', '', null, [600], { seconds: 600 }]) {
      expect(() => session.set('_session_expiry', none)).toThrow(/use setExpiry\(value\)/);
      expect(() => session.update({ b: 1, _session_expiry: none })).toThrow(/use setExpiry/);
    }
    for (const seconds of [8.639e12, 1e300, -1e300]) {
      expect(() => session.setExpiry(seconds)).toThrow(RangeError);
    }
    expect(() => session.setExpiry(Number.NaN)).toThrow(TypeError);
    expect(() => session.setExpiry(new Date(Number.NaN))).toThrow(TypeError);
    expect([session.modified, session.keys()]).toEqual([false, ['a']]);
    session.setExpiry(1e9);
    expect(session.getExpiryDate()).toEqual(new Date(clock.now().getTime() + 1e12));
  });

  it('is refused when it contains itself, by set and at the commit', async () => {
    const { session } = await openWith({ tree: {} });
    expect(() => session.set('x', cycle)).toThrow(/^x\.self\.cycle contains itself/);
    const tree = session.get('tree') as Entries;
    tree.branch = { tree };
    await expect(session.save()).rejects.toThrow(/^tree\.branch\.tree contains itself/);
  });

  it('may be repaired, and the session saved after all', async () => {
    const { key, session, sessions } = await openWith({ cart: {} });
    const cart = session.get('cart') as Entries;
    cart.bad = 1n;
    await expect(session.save()).rejects.toThrow(TypeError);
    cart.bad = 1;
    await session.save();
    expect(sessions.open(key).get('cart')).toEqual({ bad: 1 });
  });

  it('is not stored by change, and nothing is changed', async () => {
    const { session } = await openWith({ n: 1 });
    expect(() => session.change('n', () => Number.NaN)).toThrow(/^n is NaN/);
    expect(() => session.change('n', (async () => 2) as () => unknown)).toThrow(
      /^n is not a plain/,
    );
    expect(session.get('n')).toBe(1);
    expect(session.modified).toBe(false);
  });

  it('nor by a function that changes the value and then fails', async () => {
    const { key, session, sessions } = await openWith({ cart: { items: [1] } });
    const set = { n: 1 };
    session.set('set', set);
    const spoil = (value: unknown) => {
      Object.assign(value as Entries, { spoilt: true, n: 2 });
      (value as { items?: number[] }).items?.push(2);
      throw new Error('sold out');
    };
    expect(() => session.change('cart', spoil)).toThrow('sold out');
    expect(() => session.change('set', spoil)).toThrow('sold out');
    expect([session.get('cart'), session.get('set')]).toEqual([{ items: [1] }, { n: 1 }]);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ['cart', { items: [1] }],
      ['set', { n: 1 }],
    ]);
  });

  it('names only paths, never the data beside it', () => {
    const session = memorySessions().sessions.open();
    const set = () => session.set('a', { secret: 'hunter2', bad: 1n });
    expect(set).toThrow(/^a\.bad /);
    expect(set).not.toThrow(/hunter2/);
  });
});

it('stored data never run: neither awaiting them nor making text of them calls anything', async () => {
  const hostile = JSON.parse(`{
    "then": { "$$typeof": "function", "call": "_$$ND_FUNC$$_function (){ throw 1 }()" },
    "toJSON": "function",
    "toString": "not a function",
    "valueOf": { "then": 1 },
    "constructor": { "prototype": { "polluted": true } }
  }`);
  const { session } = await openWith({ ...hostile, nested: hostile });
  expect(await session).toBe(session);
  expect(Object.keys(await session.data)).toContain('then');
  const nested = (await session.get('nested')) as object;
  expect(JSON.parse(JSON.stringify(nested))).toEqual(hostile);
  expect(Object.getPrototypeOf(nested)).toBeNull();
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

describe('hostile keys', () => {
  const names = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'toJSON',
    'then',
    '',
  ];

  it.each(names)('%p is an entry like any other', async (name) => {
    const { session } = await openWith({});
    expect(session.get(name)).toBeUndefined();
    expect(session.has(name)).toBe(false);
    session.set(name, { polluted: true });
    session.update(JSON.parse(`{"x":1,${JSON.stringify(name)}:{"polluted":2}}`));
    await session.save();
    const again = memorySessions().sessions.open();
    again.update(Object.fromEntries(session.entries()));
    expect(session.keys()).toEqual(['x', name].sort((a) => (a === name ? -1 : 1)));
    expect(session.get(name)).toEqual({ polluted: 2 });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(session.delete(name)).toBe(true);
    expect(session.has(name)).toBe(false);
  });

  it('in nested values reach no prototype, at any depth, and survive a merge', async () => {
    const evil =
      '{"__proto__":{"polluted":1,"__proto__":{"polluted":2}},"constructor":{"prototype":{"polluted":3}}}';
    const { key, session, sessions, text } = await openRaw(`{"a":${evil},"l":[${evil}]}`);
    const a = session.get('a') as Entries;
    const [l] = session.get('l') as Entries[];
    for (const value of [a, l]) {
      expect(Object.getPrototypeOf(value)).toBeNull();
      expect(Reflect.get(value ?? {}, 'polluted')).toBeUndefined();
      expect(Object.keys(value ?? {})).toEqual(['__proto__', 'constructor']);
    }
    // An object of the application's own never takes over what another store wrote.
    const own = { mine: 1 };
    session.set('own', own);
    await session.save();
    const other = sessions.open(key);
    (other.get('own') as Entries).deep = JSON.parse(evil);
    Object.defineProperty(other.get('own'), '__proto__', {
      value: { polluted: 4 },
      enumerable: true,
      configurable: true,
      writable: true,
    });
    await other.save();
    session.set('n', 1);
    own.mine = 2;
    await session.save();
    expect(Reflect.get(own, 'polluted')).toBeUndefined();
    expect(own).toEqual({ mine: 2 });
    expect(Object.getPrototypeOf(own)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(session.get('own'))).toBeNull();
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(await text()).toContain(`"a":${evil},"l":[${evil}]`);
    expect(await text()).toContain('"__proto__":{"polluted":4}');
  });
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

describe('a backend that answers later', () => {
  function createPlace() {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'later' });
    return { backend, sessions: createSessions<Entries>({ backend, secretKey: SECRET_KEY, now }) };
  }

  it('is not asked before load(), and everything that needs the entries throws SessionNotLoaded', async () => {
    const { backend, sessions } = createPlace();
    const first = sessions.open();
    first.set('a', 1);
    await first.save();
    backend.calls.length = 0;
    const session = sessions.open(first.sessionKey);
    const calls = [
      () => session.get('a'),
      () => session.set('a', 1),
      () => session.has('a'),
      () => session.delete('a'),
      () => session.pop('a'),
      () => session.setDefault('a', 1),
      () => session.update({}),
      () => session.keys(),
      () => session.values(),
      () => session.entries(),
      () => [...session],
      () => session.size,
      () => session.clear(),
      () => session.change('a', () => 1),
      () => session.data.a,
      () => session.setExpiry(1),
      () => session.getExpiryAge(),
      () => session.getExpireAtBrowserClose(),
      () => session.testCookieWorked(),
    ];
    for (const call of calls) expect(call).toThrow(SessionNotLoaded);
    expect(session.isEmpty()).toBe(false);
    expect([session.accessed, session.modified]).toEqual([false, false]);
    expect(backend.calls).toEqual([]);
    await session.load();
    await session.load();
    expect(backend.calls).toEqual(['load']);
    expect(session.get('a')).toBe(1);
  });

  it('is not asked for a session without a key, which is loaded from the start', () => {
    const { backend, sessions } = createPlace();
    const session = sessions.open();
    session.set('a', 1);
    expect(session.get('a')).toBe(1);
    expect(backend.calls).toEqual([]);
  });

  it('is asked once by several loads at the same time', async () => {
    const { backend, sessions } = createPlace();
    const session = sessions.open('k'.repeat(32));
    await Promise.all([session.load(), session.load(), session.load()]);
    expect(backend.calls).toEqual(['load']);
    expect(session.sessionKey).toBeNull();
    expect(session.isEmpty()).toBe(true);
  });
});

describe.each(['synchronously', 'later'] as const)('a load that failed, %s', (answers) => {
  it('is told until load() asks the backend again', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const first = sessions.open();
    await first.set('a', 1).save();
    const session = sessions.open(first.sessionKey);
    backend.before = () => {
      throw new Error('connection refused');
    };
    await expect(session.load()).rejects.toBeInstanceOf(BackendUnavailable);
    await expect(session.load()).rejects.toBeInstanceOf(BackendUnavailable);
    backend.before = () => {};
    expect(() => session.get('a')).toThrow(BackendUnavailable);
    expect(() => session.set('a', 2)).toThrow(BackendUnavailable);
    await session.load();
    expect(session.get('a')).toBe(1);
  });

  it('reads as empty where the application chose so, until load() has found the session', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers });
    const options = { secretKey: SECRET_KEY, now, onUnavailable: 'anonymous' } as const;
    const sessions = createSessions<Entries>({ backend, ...options });
    const first = sessions.open();
    await first.set('a', 1).save();
    const session = sessions.open(first.sessionKey);
    backend.before = () => {
      throw new Error('connection refused');
    };
    await session.load();
    backend.before = () => {};
    expect(session.get('a')).toBeUndefined();
    expect(() => session.set('a', 2)).toThrow(BackendUnavailable);
    await session.load();
    expect(session.get('a')).toBe(1);
    await session.set('a', 2).save();
    const after = sessions.open(first.sessionKey);
    await after.load();
    expect(after.get('a')).toBe(2);
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

describe('what JavaScript cannot represent', () => {
  const literals = [
    '1.0',
    '-0.0',
    '1e16',
    '1E+2',
    '12345678901234567890',
    '-9007199254740993',
    '3.14159265358979323846',
    'NaN',
    'Infinity',
    '-Infinity',
    '"\\/\\u0041"',
    '{"10":1,"2":2,"a":3}',
    '[1.0,{"x":2.50}]',
  ];

  it.each(literals)('%s survives a save of another entry byte for byte', async (literal) => {
    const { session, text } = await openRaw(`{"z":${literal},"a":1}`);
    session.set('a', 2);
    await session.save();
    expect(await text()).toBe(`{"z":${literal},"a":2}`);
  });

  it.each(literals)('%s survives being read', async (literal) => {
    const { session, text } = await openRaw(`{"z":${literal},"a":1}`);
    session.values();
    expect(session.modified).toBe(false);
    session.set('a', 2);
    await session.save();
    expect(await text()).toBe(`{"z":${literal},"a":2}`);
  });

  it.each(literals)('%s survives next to a changed sibling at depth 3', async (literal) => {
    type Data = { a: { b: { c: { n: number } } } };
    const { session, text } = await openRaw<Data>(
      `{"a":{"b":{"c":{"keep":${literal},"n":1},"also":${literal}},"too":${literal}}}`,
    );
    const a = session.get('a') as Data['a'];
    a.b.c.n = 2;
    await session.save();
    expect(await text()).toBe(
      `{"a":{"b":{"c":{"keep":${literal},"n":2},"also":${literal}},"too":${literal}}}`,
    );
  });

  it.each(literals)('%s survives beside what change(key, fn) changed', async (literal) => {
    type Data = { a: { b: { n: number } } };
    const { session, text } = await openRaw<Data>(`{"a":{"b":{"keep":${literal},"n":1}}}`);
    session.change('a', (a) => {
      if (a) a.b.n += 1;
      return a;
    });
    await session.save();
    expect(await text()).toBe(`{"a":{"b":{"keep":${literal},"n":2}}}`);
  });

  it.each(literals)('%s survives a merge with another writer, and cycleKey', async (literal) => {
    type Data = { a: { mine: number; theirs: number } };
    const { backend, key, session, sessions } = await openRaw<Data>(
      `{"a":{"keep":${literal},"mine":1,"theirs":1}}`,
    );
    const mine = session.get('a') as Data['a'];
    const other = sessions.open(key);
    (other.get('a') as Data['a']).theirs = 2;
    await other.save();
    mine.mine = 2;
    await session.save();
    expect(await storedJson(backend, key)).toBe(`{"a":{"keep":${literal},"mine":2,"theirs":2}}`);
    await session.cycleKey();
    expect(await storedJson(backend, String(session.sessionKey))).toBe(
      `{"a":{"keep":${literal},"mine":2,"theirs":2}}`,
    );
  });
});

describe('saving', () => {
  it('creates where there is no key, under a new key each time create is called', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    session.set('a', 1);
    await session.create();
    const first = String(session.sessionKey);
    session.set('a', 2);
    await session.create();
    expect(session.sessionKey).not.toBe(first);
    expect(sessions.open(first).get('a')).toBe(1);
    expect(sessions.open(session.sessionKey).get('a')).toBe(2);
  });

  it('twice writes twice, and the second save has only what came after the first', async () => {
    const { session, sessions, key } = await openWith({ a: 1, b: 1 });
    session.set('a', 2);
    await session.save();
    const other = sessions.open(key);
    other.set('a', 3);
    await other.save();
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
  });

  it('runs the calls of one store in the order they were made', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    session.set('a', 1);
    const keys: (string | null)[] = [];
    const note = () => keys.push(session.sessionKey);
    await Promise.all([
      session.save().then(note),
      session.cycleKey().then(note),
      session.save().then(note),
      session.flush().then(note),
    ]);
    const [created, cycled, saved, flushed] = keys;
    expect(created).toMatch(/^[a-z0-9]{32}$/);
    expect(cycled).not.toBe(created);
    expect(saved).toBe(cycled);
    expect(flushed).toBeNull();
    expect(await sessions.exists(String(cycled))).toBe(false);
  });

  it('goes on after a call that failed', async () => {
    const { session } = await openWith({ a: {} });
    (session.get('a') as Entries).bad = 1n;
    const failing = session.save();
    const flushing = session.flush();
    await expect(failing).rejects.toThrow(TypeError);
    await flushing;
    expect(session.sessionKey).toBeNull();
  });

  it('keeps changes that were made while a save was under way, for the next save', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    session.update({ list: [1], a: 1, gone: 1 });
    await session.save();
    const list = session.get('list') as number[];
    session.set('a', 2);
    backend.before = (operation) => {
      if (operation !== 'update') return;
      list.push(2);
      session.set('a', 3);
      session.delete('gone');
      backend.before = () => {};
    };
    await session.save();
    const after = sessions.open(session.sessionKey);
    await after.load();
    expect(after.entries()).toEqual([
      ['list', [1]],
      ['a', 2],
      ['gone', 1],
    ]);
    expect([session.get('list'), session.get('a'), session.has('gone')]).toEqual([
      [1, 2],
      3,
      false,
    ]);
    await session.save();
    const last = sessions.open(session.sessionKey);
    await last.load();
    expect(last.entries()).toEqual([
      ['list', [1, 2]],
      ['a', 3],
    ]);
  });

  it('keeps a clear() that was made while a save was under way, also where that save had cleared', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    session.set('old', 1);
    await session.save();
    session.clear();
    session.set('a', 1);
    backend.before = () => {
      session.clear();
      session.set('b', 2);
      backend.before = () => {};
    };
    await session.save();
    expect(session.keys()).toEqual(['b']);
    await session.save();
    const after = sessions.open(session.sessionKey);
    await after.load();
    expect(after.entries()).toEqual([['b', 2]]);
  });

  it('flush drops all changes so far, and a later set starts a new session', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    session.set('a', 2);
    await session.flush();
    expect(session.size).toBe(0);
    session.set('b', 1);
    await session.save();
    expect(session.sessionKey).not.toBe(key);
    expect(sessions.open(session.sessionKey).entries()).toEqual([['b', 1]]);
    expect(await sessions.exists(key)).toBe(false);
  });

  it('flush empties at once: what is set before it is done belongs to a new session', async () => {
    for (const answers of ['synchronously', 'later'] as const) {
      const { now } = createClock();
      const backend = new MemoryBackend({ now, answers });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      const first = sessions.open();
      await first.set('a', 1).save();
      for (const isLoaded of [false, true]) {
        await first.create();
        const old = String(first.sessionKey);
        const session = sessions.open(old);
        if (isLoaded) await session.load();
        const flushing = session.flush();
        expect(session.keys()).toEqual([]);
        session.set('user', 7);
        await flushing;
        await session.save();
        expect(session.sessionKey).not.toBe(old);
        const after = sessions.open(session.sessionKey);
        await after.load();
        expect(after.entries()).toEqual([['user', 7]]);
        expect(backend.records.has(old)).toBe(false);
      }
    }
  });

  it('a flush that fails leaves the session readable, whoever looked at it before', async () => {
    for (const isLoaded of [false, true]) {
      const { now } = createClock();
      const backend = new MemoryBackend({ now });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      const first = sessions.open();
      await first.set('a', 1).save();
      const session = sessions.open(first.sessionKey);
      if (isLoaded) await session.load();
      backend.before = (operation) => {
        if (operation === 'delete') throw new Error('disk on fire');
      };
      await expect(session.flush()).rejects.toMatchObject({ name: 'BackendUnavailable' });
      expect([session.sessionKey, session.get('a')]).toEqual([first.sessionKey, 1]);
      backend.before = () => {};
      await session.flush();
      expect([session.sessionKey, backend.records.size]).toEqual([null, 0]);
    }
  });

  it.each(['synchronously', 'later'] as const)(
    'of an unknown key with nothing set by cycleKey stores nothing, on a backend that answers %s',
    async (answers) => {
      const { now } = createClock();
      const backend = new MemoryBackend({ now, answers });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      for (const look of [() => {}, (session: SessionStore<Entries>) => session.get('a')]) {
        const session = sessions.open('u'.repeat(32));
        if (answers === 'later') await session.load();
        look(session);
        await session.cycleKey();
        expect([session.sessionKey, backend.records.size]).toEqual([null, 0]);
      }
      await sessions.open().cycleKey();
      expect(backend.records.size).toBe(1);
    },
  );

  it('cycleKey of an unknown key with something set starts a session', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open('u'.repeat(32));
    session.set('user', 7);
    await session.cycleKey();
    expect(sessions.open(session.sessionKey).entries()).toEqual([['user', 7]]);
  });

  it('has no key of a cycled session once it is loaded', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    await session.cycleKey();
    const late = sessions.open(key);
    expect(late.sessionKey).toBe(key);
    await late.load();
    expect([late.sessionKey, late.size]).toEqual([null, 0]);
  });

  it('drops what was changed so far when modified is set to false, as Django saves none of it', async () => {
    const { key, session, sessions } = await openWith({ a: 1, list: [1], gone: 1 });
    (session.get('list') as number[]).push(2);
    session.set('a', 2).change('n', () => 1);
    session.delete('gone');
    session.modified = false;
    expect(session.modified).toBe(false);
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ...[['a', 1] as const, ['list', [1]] as const, ['gone', 1] as const, ['b', 2] as const],
    ]);
  });

  it('drops a clear() as well when modified is set to false', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    session.clear();
    session.modified = false;
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });
});
