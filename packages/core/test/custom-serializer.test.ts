import { jsonSerializer, type Serializer } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { memorySessions, putRaw, signed, storedJson } from './support/sqlite-sessions.ts';

/** Two functions: maps and dates, at the top of an entry, as arrays that say so. */
const serializer: Serializer = {
  dumps: (value, name) => {
    if (value instanceof Map) return jsonSerializer.dumps(['Map', ...value], name);
    if (value instanceof Date) return jsonSerializer.dumps(['Date', value.getTime()], name);
    if (value instanceof Set) return jsonSerializer.dumps(['Set', ...value], name);
    return jsonSerializer.dumps(value, name);
  },
  loads: (text) => {
    const value = jsonSerializer.loads(text);
    if (!Array.isArray(value)) return value;
    const [kind, ...rest] = value;
    if (kind === 'Map') return new Map(rest);
    if (kind === 'Date') return new Date(rest[0]);
    return kind === 'Set' ? new Set(rest) : value;
  },
};

type Data = {
  m: Map<string, unknown>;
  s: Set<unknown>;
  d: Date;
  o: Record<string, unknown>;
  x: number;
};

/** A session that was read and one that changes it meanwhile; then the first saves something else. */
async function overlap(first: Partial<Data>, change: (other: Data) => void) {
  const place = memorySessions<Data>({ serializer });
  const made = place.sessions.open();
  made.update(first);
  await made.save();
  const session = place.sessions.open(made.sessionKey);
  session.values(); // all of them are handed out
  const other = place.sessions.open(made.sessionKey);
  change(other.data as Data);
  await other.save();
  session.set('x', 1);
  await session.save();
  return { ...place, key: String(made.sessionKey), session };
}

describe('a value that another request changed meanwhile', () => {
  const changes: Readonly<Record<string, readonly [Partial<Data>, (data: Data) => void]>> = {
    'a Map': [{ m: new Map([['a', 1]]) }, ({ m }) => m.delete('a') && m.set('b', 2).set('a', 3)],
    'an object in a Map': [
      { m: new Map([['a', { n: 1 }]]) },
      ({ m }) => Object.assign(m.get('a') as object, { n: 2 }),
    ],
    'a Set': [{ s: new Set([1, 2]) }, ({ s }) => s.delete(1) && s.add(3).add(1)],
    'a Date': [{ d: new Date(0) }, ({ d }) => d.setTime(86_400_000)],
    'an object that became a Map': [
      { o: { a: 1 } },
      (data) => Object.assign(data, { o: new Map([['a', 2]]) }),
    ],
  };

  for (const [title, [first, change]] of Object.entries(changes)) {
    it(`is what the session has after its own save, and is not written back: ${title}`, async () => {
      const { session, sessions, key } = await overlap(first, change);
      const name = Object.keys(first)[0] as 'm';
      const stored = sessions.open(key).get(name);
      expect(session.get(name)).toEqual(stored);
      expect(stored).not.toEqual(first[name]);
      session.modified = false;
      expect(session.modified).toBe(false);
    });
  }
});

it('a value that is replaced or removed is not read', async () => {
  const read: string[] = [];
  const loads = (text: string): unknown => {
    read.push(text);
    return jsonSerializer.loads(text);
  };
  const { sessions } = memorySessions({ serializer: { ...jsonSerializer, loads } });
  const made = sessions.open();
  made.update({ a: 1, b: 2, c: 3 });
  await made.save();
  const session = sessions.open(made.sessionKey);
  await session.load();
  read.length = 0;
  session.set('a', 4);
  expect(session.delete('b')).toBe(true);
  expect(session.delete('b')).toBe(false);
  expect(read).toEqual([]);
  await session.save();
  expect({ ...sessions.open(made.sessionKey).data }).toEqual({ a: 4, c: 3 });
});

it('a value that cannot be read any more can be replaced, and keeps nothing else from being saved', async () => {
  let isBroken = false;
  const loads = (text: string): unknown => {
    if (isBroken && text === '"bad"') throw new SyntaxError('bad');
    return jsonSerializer.loads(text);
  };
  const { sessions } = memorySessions({ serializer: { ...jsonSerializer, loads } });
  const made = sessions.open();
  made.update({ a: 'bad', c: 1 });
  await made.save();
  const session = sessions.open(made.sessionKey);
  await session.load();
  isBroken = true;
  session.set('a', 2).set('c', 5);
  await session.save();
  expect({ ...sessions.open(made.sessionKey).data }).toEqual({ a: 2, c: 5 });
});

describe('text that the serializer would write in another way', () => {
  it('is kept by a request that only reads, and by one that changes something else', async () => {
    const { sessions, backend, clock } = memorySessions({ serializer });
    const json = '{"price":1.0,"id":12345678901234567890,"list":[1.0],"n":1}';
    const key = await putRaw(backend, signed(json, clock.now()), clock.now());
    const session = sessions.open(key);
    session.values();
    expect(session.modified).toBe(false);
    session.set('n', 2);
    await session.save();
    expect(await storedJson(backend, key)).toBe(json.replace('"n":1', '"n":2'));
    (session.get('list') as number[]).push(2);
    await session.save();
    expect(await storedJson(backend, key)).toContain(
      '"price":1.0,"id":12345678901234567890,"list":[1,2]',
    );
  });
});

describe('an entry that two requests change', () => {
  /** Dates are objects with one member, as in MongoDB's extended JSON. */
  const extended: Serializer = {
    dumps: (value, name) =>
      value instanceof Date ? `{"$date":${value.getTime()}}` : jsonSerializer.dumps(value, name),
    loads: (text) => {
      const value = jsonSerializer.loads(text) as { $date?: number };
      return typeof value?.$date === 'number' ? new Date(value.$date) : value;
    },
  };

  async function race(first: unknown, theirs: unknown, mine: unknown): Promise<unknown> {
    const { sessions } = memorySessions<{ entry: unknown }>({ serializer: extended });
    const made = sessions.open();
    if (first !== undefined) made.set('entry', first);
    await made.save();
    const [other, session] = [sessions.open(made.sessionKey), sessions.open(made.sessionKey)];
    session.set('entry', mine);
    other.set('entry', theirs);
    await other.save();
    await session.save();
    return sessions.open(made.sessionKey).get('entry');
  }

  it('is one value where its text is not what the serializer reads: the later commit wins', async () => {
    const date = new Date(0);
    expect(await race(undefined, date, { a: 1 })).toEqual({ a: 1 });
    expect(await race(undefined, { a: 1 }, date)).toEqual(date);
    expect(await race({ a: 1 }, date, { a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
    expect(await race(date, { a: 1 }, { b: 2 })).toEqual({ b: 2 });
  });

  it('merges member by member where it is plain JSON all along', async () => {
    expect(await race({ a: 1 }, { a: 2 }, { a: 1, b: 2 })).toEqual({ a: 2, b: 2 });
  });

  it('keeps what the other made of it where this request only set it to what it was', async () => {
    expect(await race({ a: 1 }, new Date(0), { a: 1 })).toEqual(new Date(0));
  });
});
