import { describe, expect, it } from '@jest/globals';
import { openRaw, openWith } from './support/opened-stores.ts';
import { type Entries, memorySessions, storedJson } from './support/sqlite-sessions.ts';

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
