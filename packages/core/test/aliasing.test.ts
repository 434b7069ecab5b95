import type { SessionStore, Sessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { type Entries, memorySessions } from './support/sqlite-sessions.ts';

type Store = SessionStore<Entries>;

/** A session with these entries, opened by a request, while another request has it open too. */
async function openTwice(entries: Entries) {
  const { sessions } = memorySessions<Entries>();
  const first = sessions.open();
  first.update(entries);
  await first.save();
  const key = String(first.sessionKey);
  return { sessions, key, session: sessions.open(key), other: sessions.open(key) };
}

async function saved(session: Store, change: (session: Store) => unknown): Promise<void> {
  change(session);
  await session.save();
}

function dataOf(sessions: Sessions<Entries>, key: string): Entries {
  return Object.fromEntries(sessions.open(key).entries());
}

const record = (session: Store, key: string) => session.get(key) as Entries;

describe('an object of the application', () => {
  it('is never changed by a merge, and tells no visitor what another one stored', async () => {
    const defaults = { theme: 'light', page: { size: 10 } };
    const { sessions, key, session, other } = await openTwice({});
    session.setDefault('prefs', defaults);
    await saved(other, (s) => s.set('prefs', { email: 'alice@example.com', page: { at: 3 } }));
    await session.save();

    expect(record(session, 'prefs')).toEqual({
      ...{ theme: 'light', email: 'alice@example.com', page: { size: 10, at: 3 } },
    });
    expect(dataOf(sessions, key).prefs).toEqual(record(session, 'prefs'));
    expect(defaults).toEqual({ theme: 'light', page: { size: 10 } });
    const visitor = sessions.open();
    await saved(visitor, (s) => s.setDefault('prefs', defaults));
    expect(dataOf(sessions, String(visitor.sessionKey))).toEqual({ prefs: defaults });
  });

  it('that is frozen survives a merge', async () => {
    const { session, other } = await openTwice({});
    session.set('prefs', Object.freeze({ theme: 'light' }));
    await saved(other, (s) => s.set('prefs', { lang: 'de' }));
    await session.save();
    expect(record(session, 'prefs')).toEqual({ theme: 'light', lang: 'de' });
  });

  it('under two keys is two values: what another request writes to one leaves the other', async () => {
    const { sessions, key, session, other } = await openTwice({});
    const address = { city: 'Ulm' };
    await saved(session, (s) => s.update({ home: address, work: address }));
    await saved(other, (s) => {
      record(s, 'home').city = 'Bonn';
    });
    await saved(session, (s) => s.set('n', 1));

    expect([record(session, 'home'), record(session, 'work')]).toEqual([
      { city: 'Bonn' },
      { city: 'Ulm' },
    ]);
    await saved(session, (s) => s.set('n', 2));
    expect(dataOf(sessions, key)).toEqual({ home: { city: 'Bonn' }, work: { city: 'Ulm' }, n: 2 });
  });
});

describe('a value that was held while a save met another writer', () => {
  it('stays live, and so does the one that is read afterwards', async () => {
    const { sessions, key, session, other } = await openTwice({ cart: { a: 1 } });
    const held = record(session, 'cart');
    await saved(other, (s) => Object.assign(record(s, 'cart'), { theirs: 1 }));
    await saved(session, (s) => s.set('n', 1));

    const fresh = record(session, 'cart');
    expect(fresh).toEqual({ a: 1, theirs: 1 });
    held.old = 1;
    fresh.new = 1;
    expect(session.modified).toBe(true);
    await session.save();
    const after = { a: 1, theirs: 1, old: 1, new: 1 };
    expect(dataOf(sessions, key)).toEqual({ cart: after, n: 1 });
    expect(record(session, 'cart')).toEqual(after);
  });

  it('is not written back where nobody changed it', async () => {
    const { sessions, key, session, other } = await openTwice({ cart: { a: 1 } });
    record(session, 'cart');
    await saved(other, (s) => s.set('cart', { b: 1 }));
    await saved(session, (s) => s.set('n', 1));
    await saved(session, (s) => s.set('n', 2));
    expect(dataOf(sessions, key)).toEqual({ cart: { b: 1 }, n: 2 });
    expect(record(session, 'cart')).toEqual({ b: 1 });
  });

  it.each<[string, Entries[]]>([
    ['behind it', [{ id: 1 }, { id: 2 }]],
    ['before it', [{ id: 2 }, { id: 1 }]],
    ['twice', [{ id: 2 }, { id: 1 }, { id: 3 }]],
  ])('stays live as an element of a list to which others added %s', async (_, theirs) => {
    const { sessions, key, session, other } = await openTwice({ items: [{ id: 1 }] });
    const item = (session.get('items') as Entries[])[0] as Entries;
    await saved(other, (s) => s.set('items', theirs));
    await saved(session, (s) => s.set('n', 1));
    item.quantity = 5;
    await session.save();
    const items = theirs.map((each) => (each.id === 1 ? { id: 1, quantity: 5 } : each));
    expect(dataOf(sessions, key)).toEqual({ items, n: 1 });
    expect(session.get('items')).toEqual(items);
  });

  it('wins as a whole where it is a list that was made longer, as lists always do', async () => {
    const { sessions, key, session, other } = await openTwice({ items: [1] });
    const held = session.get('items') as number[];
    await saved(other, (s) => s.set('items', [1, 2]));
    await saved(session, (s) => s.set('n', 1));
    held.push(3);
    await session.save();
    expect(dataOf(sessions, key).items).toEqual([1, 3]);
  });
});
