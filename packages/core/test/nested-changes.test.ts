import type { SessionStore } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { openRaw, openWith } from './support/opened-stores.ts';
import { memorySessions } from './support/sqlite-sessions.ts';

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
