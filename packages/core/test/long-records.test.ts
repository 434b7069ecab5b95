import { type Serializer, TimestampSigner } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { MOVING_ENTRY, ROTATED_ENTRY } from '../src/changes.ts';
import { PostponedEntries } from '../src/postponed-entries.ts';
import { codecOf, entries, SALT, sign } from './support/codec.ts';
import { SECRET_KEY } from './support/sqlite-sessions.ts';

/** A serializer that is not ours, and how many texts it has read. */
function counting() {
  let count = 0;
  const serializer: Serializer = {
    dumps: (value) => JSON.stringify(value),
    loads: (text) => {
      count += 1;
      return JSON.parse(text);
    },
  };
  return { serializer, loads: () => count };
}

describe('a long record', () => {
  const text = 'x'.repeat(5000);

  it('that was found good is not looked through again, and its entries are its own', () => {
    const { serializer, loads } = counting();
    const { entriesOf } = codecOf('serialized', { serializer });
    const long = `{"a":1,"b":"${text}"}`;
    const found = { a: '1', b: `"${text}"` };
    // By whoever looks at many sessions, nothing is kept.
    for (const _ of [1, 2]) expect(entriesOf(long)).toEqual(found);
    expect(loads()).toBe(4);
    expect(entriesOf(long, 'key 0')).toEqual(found);
    for (let i = 0; i < 1000; i += 1) entriesOf(`{"a":${i},"c":"${text}"}`, `key ${i}`);
    const before = loads();
    expect(entriesOf(long, 'another key')).toEqual(found);
    expect(entriesOf(long)).toEqual(found);
    expect(loads()).toBe(before);
  });

  it('that was found corrupt is so every time', () => {
    const { entriesOf } = codecOf('serialized');
    for (const _ of [1, 2]) expect(entriesOf(`{"a":tru,"b":"${text}"}`)).toBe('corrupt');
  });
});

describe('a long record that is signed', () => {
  const long = entries({ user: 1, text: 'x'.repeat(5000), other: 2 });
  const json = `{"user":1,"text":"${'x'.repeat(5000)}","other":2}`;

  it.each([
    ['compressed', true],
    ['not compressed', false],
  ])('and %s is taken for itself alone, whoever wrote it', (_, compress) => {
    const { clock, decode, entriesOf, codec } = codecOf('signed');
    const data = sign(json, clock.now(), compress);
    const fresh = decode(data, 'a');
    const known = decode(data, 'b');
    if (typeof fresh === 'string' || typeof known === 'string') throw new Error('It is refused.');
    expect(known.entries).toBeInstanceOf(PostponedEntries);
    expect(fresh.entries).not.toBeInstanceOf(PostponedEntries);
    expect([...known.entries]).toEqual([...fresh.entries]);
    expect({ ...known, entries: 0 }).toEqual({ ...fresh, entries: 0 });
    for (const other of [data.replace(/.$/, ''), `x${data}`, data.replace(/:/, ':1')]) {
      expect(entriesOf(other, 'a')).toBe('tampered');
    }
    const changed = sign(json.replace('2}', '3}'), clock.now(), compress);
    expect(entriesOf(changed, 'a')).toMatchObject({ user: '1', other: '3' });
    expect(codec.encode(new Map(known.entries))).toBe(codec.encode(long));
  });

  it('is known when it was written here, and reads the same elsewhere', () => {
    const { codec, decode } = codecOf('signed');
    const elsewhere = codecOf('signed');
    const data = codec.encode(long);
    const [here, there] = [decode(data, 'a'), elsewhere.decode(data, 'a')];
    if (typeof here === 'string' || typeof there === 'string') throw new Error('It is refused.');
    expect(here.entries).toBeInstanceOf(PostponedEntries);
    expect(there.entries).not.toBeInstanceOf(PostponedEntries);
    expect([...here.entries]).toEqual([...there.entries]);
  });

  it('has its key told each time, and its age', () => {
    const { clock, decode } = codecOf('in a cookie', {
      secretKey: 'another key'.repeat(4),
      secretKeyFallbacks: [SECRET_KEY],
    });
    const data = sign(json, clock.now(), true);
    for (const key of ['a', 'b']) expect(decode(data, key)).toMatchObject({ fallback: 0 });
    clock.advance(2 * 7 * 24 * 3600);
    expect(decode(data, 'c')).toMatchObject({ fallback: 0 });
    clock.advance(1);
    expect(decode(data, 'd')).toBe('expired');
  });

  it.each(['', '.AAAA', '[1]'])('is too old, whatever else is wrong with it: "%s"', (payload) => {
    const { clock, decode } = codecOf('in a cookie');
    const signer = new TimestampSigner({ key: SECRET_KEY, salt: SALT });
    const data = signer.sign(payload, clock.now());
    expect(decode(data)).toBe('corrupt');
    clock.advance(2 * 7 * 24 * 3600 + 1);
    expect(decode(data)).toBe('expired');
  });

  it('is outlined once where it has many short entries', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i]));
    const { serializer, loads } = counting();
    const { clock, decode } = codecOf('signed', { serializer });
    const data = sign(JSON.stringify(many), clock.now(), true);
    for (const key of ['a', 'b']) {
      const found = decode(data, key);
      if (typeof found === 'string') throw new Error('It is refused.');
      expect(found.entries).toEqual(entries(many));
    }
    expect(loads()).toBe(300);
  });

  it('is sealed as well', () => {
    const { codec, decode } = codecOf('sealed in a cookie');
    const data = codec.encode(entries({ user: 1, text: 'x'.repeat(2100) }));
    const found = decode(data, 'a');
    if (typeof found === 'string') throw new Error('It is refused.');
    expect(found.entries).toBeInstanceOf(PostponedEntries);
    expect(found.entries.get('text')).toBe(`"${'x'.repeat(2100)}"`);
  });

  it.each([ROTATED_ENTRY, MOVING_ENTRY])('is read each time where it is marked with %s', (mark) => {
    const { codec, decode } = codecOf('signed');
    const data = codec.encode(new Map(long).set(mark, '"0123456789abcdef@1"'));
    for (const key of ['a', 'b']) {
      const found = decode(data, key);
      if (typeof found === 'string') throw new Error('It is refused.');
      expect(found.entries).toEqual(long);
      expect(found.moving).toBe(mark === MOVING_ENTRY ? '0123456789abcdef@1' : undefined);
    }
  });

  it('is not kept by whoever looks at many', () => {
    const { clock, decode } = codecOf('signed');
    const data = sign(json, clock.now(), true);
    for (const _ of [1, 2]) {
      const found = decode(data);
      expect(typeof found !== 'string' && found.entries).toEqual(long);
      expect(typeof found !== 'string' && found.entries).not.toBeInstanceOf(PostponedEntries);
    }
  });

  it('is read by the serializer of the application before it is known', () => {
    const loads = (text: string) => JSON.parse(text) as unknown;
    let refuses = true;
    const serializer: Serializer = {
      dumps: (value) => JSON.stringify(value),
      loads: (text) => {
        if (refuses) throw new Error('not now');
        return loads(text);
      },
    };
    const { clock, codec, decode, entriesOf } = codecOf('signed', { serializer });
    const data = sign(json, clock.now(), true);
    expect(decode(data, 'a')).toBe('corrupt');
    refuses = false;
    expect(entriesOf(data, 'a')).toEqual(Object.fromEntries(long));
    // What it wrote need not be what it reads.
    const written = codec.encode(new Map(long).set('user', '3'));
    refuses = true;
    expect(decode(written, 'b')).toBe('corrupt');
  });
});
