import { createSessions, jsonSerializer, type Serializer, TimestampSigner } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { devalueSerializer } from '@coatcheck/devalue';
import { describe, expect, it } from '@jest/globals';

const secretKey = 'test-only:vH2r!6mWq9Tz4Xc8Ly1Ke5Bn7';
const salt = 'django.contrib.sessions.SessionStore';
const NOW = new Date(1_700_000_000_000);
const DAY = new Date('2023-11-14T00:00:00.000Z');

type Shop = {
  cart: Map<string, { count: number; price: bigint }>;
  seen: Set<string>;
  since: Date;
  total: bigint;
  plain: { a?: number; b?: number; at?: Date };
  nothing: null;
};

function shop(serializer: Serializer = devalueSerializer) {
  const now = () => NOW;
  const backend = sqliteBackend({ path: ':memory:', now });
  const open = (by: Serializer) =>
    createSessions<Shop>({ backend, secretKey, now, serializer: by });
  const sessions = open(serializer);
  const signer = new TimestampSigner({ key: secretKey, salt });
  return {
    ...{ backend, sessions, open },
    /** A session with these entries. */
    async make(entries: Partial<Shop>): Promise<string> {
      const session = sessions.open();
      session.update(entries);
      await session.save();
      return String(session.sessionKey);
    },
    /** The JSON of the record. */
    async json(key: string): Promise<string> {
      return signer.unsignText((await backend.load(key))?.data ?? '').json;
    },
    /** A record that somebody else wrote. */
    async put(json: string): Promise<string> {
      const key = 'k'.repeat(32);
      const data = signer.signText(json, { compress: false, now: NOW });
      const expiresAt = new Date(NOW.getTime() + 1000);
      await backend.create({ key, data, expiresAt, attributes: {} });
      return key;
    },
  };
}

const rich = (): Shop => ({
  cart: new Map([['lamp', { count: 2, price: 1999n }]]),
  seen: new Set(['lamp', 'chaise longue é']),
  since: DAY,
  total: 12_345_678_901_234_567_890n,
  plain: { a: 1 },
  nothing: null,
});

describe('a session with rich values', () => {
  it('gives each of them back, typed as the application declared it', async () => {
    const { sessions, make } = shop();
    const session = sessions.open(await make(rich()));
    const cart: Map<string, { count: number; price: bigint }> | undefined = session.get('cart');
    const since: Date | undefined = session.data.since;
    const total: bigint = session.get('total', 0n);
    expect(cart?.get('lamp')).toEqual({ count: 2, price: 1999n });
    expect(since?.getTime()).toBe(DAY.getTime());
    expect(total * 2n).toBe(24_691_357_802_469_135_780n);
    expect(session.data.seen?.has('chaise longue é')).toBe(true);
    // @ts-expect-error: a Set is not what was declared
    const refused = () => session.set('since', new Set());
    expect(refused).toBeDefined();
    expect(Object.fromEntries(session.entries())).toEqual(rich());
  });

  it('costs no write where it is only read', async () => {
    const { sessions, make, json } = shop();
    const key = await make(rich());
    const before = await json(key);
    const session = sessions.open(key);
    for (const value of session.values()) expect(value).toBeDefined();
    expect(session.modified).toBe(false);
    await session.save();
    expect(await json(key)).toBe(before);
  });

  const changes: Readonly<Record<string, (data: Shop) => unknown>> = {
    'an entry of a Map': ({ cart }) => cart.set('chair', { count: 1, price: 1n }),
    'an object in a Map': ({ cart }) => Object.assign(cart.get('lamp') ?? {}, { count: 3 }),
    'the order of a Map': ({ cart }) => {
      const lamp = cart.get('lamp');
      cart.set('chair', { count: 1, price: 1n }).delete('lamp');
      if (lamp) cart.set('lamp', lamp);
    },
    'an element of a Set': ({ seen }) => seen.delete('lamp') && seen.add('chair'),
    'a Date': ({ since }) => since.setUTCDate(20),
    'a plain object that gets a Date': ({ plain }) => {
      plain.at = DAY;
    },
  };

  it.each(Object.entries(changes))('notices and saves a change in place: %s', async (_, change) => {
    const { sessions, make } = shop();
    const expected = structuredClone(rich());
    change(expected);
    const key = await make(structuredClone(rich()));
    const session = sessions.open(key);
    change(session.data as Shop);
    expect(session.modified).toBe(true);
    await session.save();
    const stored = Object.fromEntries(sessions.open(key).entries()) as Shop;
    expect(stored).toEqual(expected);
    expect([...stored.cart.keys()]).toEqual([...expected.cart.keys()]);
  });

  it('refuses what cannot be stored at once, or at the commit where it was put inside', async () => {
    const { sessions, make, json } = shop();
    const key = await make(rich());
    const before = await json(key);
    const session = sessions.open(key);
    expect(() => session.set('cart', (() => 1) as never)).toThrow(/^cart is a function/);
    (session.get('seen') as Set<unknown>).add(Symbol('x'));
    await expect(session.save()).rejects.toThrow(/^seen cannot be stored/);
    expect(await json(key)).toBe(before);
  });
});

describe('requests that overlap', () => {
  async function overlap(first: (data: Shop) => unknown, second: (data: Shop) => unknown) {
    const { sessions, make } = shop();
    const key = await make(rich());
    const [one, other] = [sessions.open(key), sessions.open(key)];
    first(one.data as Shop);
    second(other.data as Shop);
    await one.save();
    await other.save();
    return Object.fromEntries(sessions.open(key).entries()) as Shop;
  }

  it('keep what each of them did to another entry', async () => {
    const stored = await overlap(
      ({ cart }) => cart.clear(),
      ({ seen }) => seen.clear(),
    );
    expect([stored.cart.size, stored.seen.size]).toEqual([0, 0]);
  });

  it('have one value for a rich entry, that of the later commit', async () => {
    const stored = await overlap(
      ({ cart }) => cart.set('chair', { count: 1, price: 1n }),
      ({ cart }) => cart.set('table', { count: 1, price: 1n }),
    );
    expect([...stored.cart.keys()]).toEqual(['lamp', 'table']);
  });

  it('have one value for a plain entry that one of them made rich', async () => {
    const stored = await overlap(
      ({ plain }) => Object.assign(plain, { b: 2 }),
      ({ plain }) => Object.assign(plain, { at: DAY }),
    );
    expect(stored.plain).toEqual({ a: 1, at: DAY });
  });

  it('merge a plain entry member by member, as without this serializer', async () => {
    const stored = await overlap(
      ({ plain }) => Object.assign(plain, { b: 2 }),
      ({ plain }) => Object.assign(plain, { a: 3 }),
    );
    expect(stored.plain).toEqual({ a: 3, b: 2 });
  });

  it('lose nothing with change()', async () => {
    const { sessions, make } = shop();
    const key = await make(rich());
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const session = sessions.open(key);
        session.change('seen', (seen) => new Set([...(seen ?? []), `item ${i}`]));
        session.change('total', (total) => (total ?? 0n) + 1n);
        await session.save();
      }),
    );
    const session = sessions.open(key);
    expect(session.get('seen')?.size).toBe(22);
    expect(session.get('total')).toBe(12_345_678_901_234_567_910n);
  });
});

describe('the record', () => {
  it('has login and expiry as plain JSON, which Django and core read', async () => {
    const { sessions, json } = shop();
    const session = sessions.open();
    const login = { _auth_user_id: '1', _auth_user_backend: 'x.Backend', _auth_user_hash: 'h' };
    (session as never as { update(entries: object): void }).update({ ...login, since: DAY });
    session.setExpiry(new Date(NOW.getTime() + 60_000));
    await session.save();
    expect(JSON.parse(await json(String(session.sessionKey)))).toEqual({
      ...login,
      since: ['$devalue', [['Date', '2023-11-14T00:00:00.000Z']]],
      _session_expiry: '2023-11-14T22:14:20+00:00',
    });
    expect(sessions.open(session.sessionKey).getExpiryAge()).toBe(60);
  });

  it('may be one that Django or the default serializer wrote, and keeps what nobody changes', async () => {
    const { sessions, json, put } = shop();
    const text = '{"plain":{"a":1.0,"b":12345678901234567890},"nothing":null}';
    const key = await put(text);
    const session = sessions.open(key);
    expect(session.get('plain')).toEqual({ a: 1, b: 12_345_678_901_234_567_000 });
    expect(session.modified).toBe(false);
    session.set('since', DAY);
    await session.save();
    expect(await json(key)).toBe(
      `${text.slice(0, -1)},"since":["$devalue",[["Date","2023-11-14T00:00:00.000Z"]]]}`,
    );
  });

  it('is read without this serializer, rich entries as arrays that survive', async () => {
    const { sessions, make, open } = shop();
    const key = await make(rich());
    const other = open(jsonSerializer).open(key);
    expect(other.get('plain')).toEqual({ a: 1 });
    expect((other.get('since') as unknown as unknown[])[0]).toBe('$devalue');
    other.set('nothing', null);
    await other.save();
    expect(sessions.open(key).get('since')).toEqual(DAY);
  });

  it('is no session where an entry is marked as rich and is none, and fails no reader', async () => {
    for (const entry of ['[["RegExp","(a+)+$"]]', '[[1],[2],[0.5,9]]', '-9', '"x"', '{"a":1}']) {
      const { sessions, put } = shop();
      const rejected: string[] = [];
      sessions.events.on('rejected', ({ reason }) => rejected.push(reason));
      const key = await put(`{"nothing":null,"cart":["$devalue",${entry}]}`);
      expect(sessions.open(key).entries()).toEqual([]);
      expect(rejected).toEqual(['corrupt']);
    }
  });
});

describe('a serializer of the application', () => {
  it('is two functions', async () => {
    const dates: Serializer = {
      dumps: (value, name) =>
        jsonSerializer.dumps(value instanceof Date ? { $date: value.toISOString() } : value, name),
      loads: (text) => {
        const value = jsonSerializer.loads(text);
        const { $date } = Object(value) as { $date?: string };
        return $date === undefined ? value : new Date($date);
      },
    };
    const { sessions, make, json } = shop(dates);
    const key = await make({ since: DAY, plain: { a: 1 } });
    expect(await json(key)).toBe('{"since":{"$date":"2023-11-14T00:00:00.000Z"},"plain":{"a":1}}');
    const session = sessions.open(key);
    session.get('since')?.setUTCDate(20);
    await session.save();
    expect(sessions.open(key).get('since')?.toISOString()).toBe('2023-11-20T00:00:00.000Z');
  });
});
