import { jsonSerializer, type Serializer } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import {
  type Entries,
  memorySessions,
  type Options,
  putRaw,
  signed,
  storedJson,
  withSqliteFile,
} from './support/sqlite-sessions.ts';

const BIG = 2n ** 64n;

/** A session that is stored as this JSON. */
async function openStored(json: string, options: Options = { bigInts: true }) {
  const place = memorySessions<Entries>(options);
  const { backend, clock, sessions } = place;
  const key = await putRaw(backend, signed(json, clock.now()), clock.now());
  const stored = () => storedJson(backend, key);
  return { ...place, key, session: sessions.open(key), stored };
}

describe('with bigInts', () => {
  it('integers beyond 2^53 are read as BigInts, at every depth, whoever asks', async () => {
    const { session } = await openStored(
      '{"id":9007199254740993,"cart":{"items":[{"id":-18446744073709551616}]},"_auth_user_id":9007199254740993}',
    );
    expect(session.get('id')).toBe(9007199254740993n);
    expect(session.get('cart')).toEqual({ items: [{ id: -BIG }] });
    expect(session.data.cart).toEqual({ items: [{ id: -BIG }] });
    expect(session.get('_auth_user_id')).toBe(9007199254740993n);
    expect(session.values()).toContain(9007199254740993n);
    session.change('id', (value) => {
      expect(value).toBe(9007199254740993n);
      return value;
    });
    expect(session.pop('id')).toBe(9007199254740993n);
  });

  it('what is within 2^53, or a float, is read as a number', async () => {
    const { session } = await openStored('{"a":[9007199254740991,-9007199254740991,5,1e16,1.5]}');
    expect(session.get('a')).toEqual([2 ** 53 - 1, 1 - 2 ** 53, 5, 1e16, 1.5]);
  });

  it('new, moved and nested BigInts are written as their digits, and read again', async () => {
    const { session, sessions, key, stored } = await openStored('{"a":9007199254740993}');
    session.set('moved', session.get('a'));
    session.set('new', { ids: [BIG, 1.5, 'é'] });
    session.update({ b: -BIG });
    await session.save();
    expect(await stored()).toBe(
      `{"a":9007199254740993,"moved":9007199254740993,"new":{"ids":[${BIG},1.5,"\\u00e9"]},"b":-${BIG}}`,
    );
    const again = sessions.open(key);
    expect(again.get('new')).toEqual({ ids: [BIG, 1.5, 'é'] });
    (again.get('new') as { ids: unknown[] }).ids.push(BIG + 1n);
    await again.save();
    expect(await stored()).toContain(`"new":{"ids":[${BIG},1.5,"\\u00e9",${BIG + 1n}]}`);
  });

  it('a BigInt within 2^53 is kept for the request, and read as a number by the next', async () => {
    const { session, sessions, key, stored } = await openStored('{}');
    session.set('n', 5n);
    expect(session.get('n')).toBe(5n);
    await session.save();
    expect(session.get('n')).toBe(5n);
    expect(session.modified).toBe(true);
    expect(await stored()).toBe('{"n":5}');
    expect(sessions.open(key).get('n')).toBe(5);
  });

  it('a number beyond 2^53 stays a number', async () => {
    const { session, sessions, key, stored } = await openStored('{"id":9007199254740993}');
    session.set('n', 1e16);
    session.change('id', (id) => Number(id));
    await session.save();
    expect(await stored()).toBe('{"id":9007199254740992.0,"n":1e+16}');
    const again = sessions.open(key);
    expect([again.get('id'), again.get('n')]).toEqual([9007199254740992, 1e16]);
  });

  it('a nested BigInt that changes is a change, and one that stays is none', async () => {
    const { session, stored } = await openStored('{"box":{"id":9007199254740993, "x":1.0}}');
    const box = session.get('box') as { id: bigint; x: number };
    expect(session.modified).toBe(false);
    box.id = 9007199254740993n;
    expect(session.modified).toBe(false);
    box.id += 1n;
    expect(session.modified).toBe(true);
    await session.save();
    expect(await stored()).toBe('{"box":{"id":9007199254740994,"x":1.0}}');
  });

  it('concurrent counters beyond 2^53 count right', () =>
    withSqliteFile<Entries>({ bigInts: true }, async ({ backend, clock, sessions, another }) => {
      const json = '{"count":9007199254740993,"box":{"here":9007199254740993,"there":1.0}}';
      const key = await putRaw(backend, signed(json, clock.now()), clock.now());
      const places = [sessions, another(), another()];
      const stores = Array.from({ length: 30 }, (_, i) => places[i % 3]?.open(key));
      for (const store of stores) store?.keys();
      for (const store of stores) store?.change('count', (count) => (count as bigint) + 1n);
      (stores[0]?.get('box') as { here: bigint }).here += 1n;
      (stores[1]?.get('box') as { there: unknown }).there = BIG;
      await Promise.all(stores.map((store) => store?.save()));
      expect(await storedJson(backend, key)).toBe(
        `{"count":9007199254741023,"box":{"here":9007199254740994,"there":${BIG}}}`,
      );
    }));

  it('a counter passes 2^53 without losing one', async () => {
    const { session, sessions, key } = await openStored('{"count":9007199254740990}');
    for (let i = 0; i < 4; i += 1) {
      session.change('count', (count) => BigInt(count as number) + 1n);
    }
    await session.save();
    expect(sessions.open(key).get('count')).toBe(9007199254740994n);
  });

  it('what no session can have is refused all the same, with the path', async () => {
    const { session } = await openStored('{}');
    expect(() => session.set('a', { b: [BIG, undefined] })).toThrow('a.b[1] is undefined');
    expect(() => session.set('a', 10n ** 4300n)).toThrow('a has more than 4300 digits');
    expect(() => session.set('_session_expiry', BIG)).toThrow('use setExpiry(value)');
    expect(session.keys()).toEqual([]);
  });

  it('an expiry that Django wrote with too many digits is what it is without', async () => {
    const json = `{"_session_expiry":${10n ** 30n}}`;
    for (const bigInts of [true, false]) {
      const { session } = await openStored(json, { bigInts });
      expect(session.getExpiryAge()).toBe(1e30);
      expect(() => session.getExpiryDate()).toThrow(RangeError);
      await expect(session.set('a', 1).save()).resolves.toBeUndefined();
    }
  });

  it('attributes see the BigInt, and are told what they may return', async () => {
    const seen: unknown[] = [];
    const { session } = await openStored('{"id":9007199254740993}', {
      bigInts: true,
      attributes: (entries) => {
        seen.push(entries.get('id'));
        return { id: entries.get('id') as never };
      },
    });
    await expect(session.set('a', 1).save()).rejects.toThrow('id, not a value of type bigint');
    expect(seen).toContain(9007199254740993n);
  });

  it('a serializer of the application is asked as it is', async () => {
    const own: Serializer = {
      dumps: (value, name) => jsonSerializer.dumps(value, name),
      loads: (text) => jsonSerializer.loads(text),
    };
    const { session, stored } = await openStored('{"a":9007199254740993}', {
      bigInts: true,
      serializer: own,
    });
    expect(session.get('a')).toBe(9007199254740992);
    expect(() => session.set('b', BIG)).toThrow(TypeError);
    await session.set('c', 1).save();
    expect(await stored()).toBe('{"a":9007199254740993,"c":1}');
  });

  it('the default serializer may be named', async () => {
    const options = { bigInts: true, serializer: jsonSerializer };
    const { session } = await openStored('{"a":9007199254740993}', options);
    expect(session.get('a')).toBe(9007199254740993n);
  });
});

describe('without bigInts', () => {
  it('integers beyond 2^53 are read as the nearest number', async () => {
    const { session } = await openStored('{"a":[9007199254740993]}', {});
    expect(session.get('a')).toEqual([9007199254740992]);
  });

  it('a BigInt is refused, with its path and the setting', async () => {
    const { session } = await openStored('{"box":{}}', {});
    const message = ' is a BigInt, which needs the setting bigInts; turn it on, or store text.';
    expect(() => session.set('ids', [5n])).toThrow(`ids[0]${message}`);
    expect(() => session.update({ a: 1, b: BIG })).toThrow(`b${message}`);
    expect(() => session.change('n', () => BIG)).toThrow(`n${message}`);
    (session.get('box') as { id?: bigint }).id = BIG;
    await expect(session.save()).rejects.toThrow(`box.id${message}`);
  });

  it('what is copied elsewhere is the nearest number, and where it was nothing changes', async () => {
    const { session, stored } = await openStored(
      '{"a":9007199254740993,"list":[9007199254740993,1]}',
      {},
    );
    session.set('copy', session.get('a'));
    (session.get('list') as number[]).unshift(0);
    await session.save();
    expect(await stored()).toBe(
      '{"a":9007199254740993,"list":[0,9007199254740992,1],"copy":9007199254740992}',
    );
  });
});
