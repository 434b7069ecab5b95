import { jsonSerializer, type Serializer, SessionTooLarge } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { codecOf, type Encoding, encodings, entries, sign } from './support/codec.ts';
import { type Options, SECRET_KEY } from './support/sqlite-sessions.ts';

describe('a record that was found good', () => {
  const [key, other] = ['a'.repeat(32), 'b'.repeat(32)] as const;
  const { codec, clock } = codecOf('signed');
  const read = (data: string, under?: string) => {
    const decoded = codec.decode({ data, base: data }, under);
    if (typeof decoded === 'string') throw new Error(`It is ${decoded}.`);
    return decoded.entries;
  };
  const one = sign('{"a":1}', clock.now());
  const two = sign('{"a":2}', clock.now());

  it('is recognized by the same text under the same key, and by nothing else', () => {
    const found = read(one, key);
    expect(read(one, key)).toBe(found);
    expect(read(one, other)).not.toBe(found);
    expect(read(one)).not.toBe(found);
    expect(read(one, key)).toBe(found);
    expect(Object.fromEntries(read(two, key))).toEqual({ a: '2' });
    expect(Object.fromEntries(read(one, key))).toEqual({ a: '1' });
  });

  it('gives way to a text that is refused, and is not taken for it', () => {
    read(one, key);
    const tampered = one.replace(/^./, 'z');
    expect(codec.decode({ data: tampered, base: tampered }, key)).toBe('tampered');
    const cut = one.slice(1);
    expect(codec.decode({ data: cut, base: cut }, key)).toBe('tampered');
  });

  it('is replaced by what was written in its place, under whatever key that is', () => {
    read(one, key);
    const written = { data: two, entries: entries({ a: 2 }), now: clock.now() };
    codec.replaced(key, key, written);
    expect(read(two, key)).toBe(written.entries);
    codec.replaced(key, other, written);
    expect(read(two, other)).toBe(written.entries);
    expect(read(two, key)).not.toBe(written.entries);
    const again = { ...written, entries: entries({ a: 2 }) };
    codec.replaced(other, other, again);
    expect(read(two, other)).toBe(again.entries);
  });
});

describe('an integer', () => {
  const before = '{"a":';

  it.each([0, 1, 2, 4299 - before.length, 4300 - before.length, 4300, 4301, 9000])(
    'that is too long for Python makes a record corrupt, after %d other characters as well',
    (count) => {
      const { entriesOf } = codecOf('serialized');
      const filled = `${before}"${'x'.repeat(count)}","b":`;
      expect(entriesOf(`${filled}${'1'.repeat(4301)}}`)).toBe('corrupt');
      expect(entriesOf(`${filled}${'1'.repeat(4300)}}`)).not.toBe('corrupt');
      expect(entriesOf(`${before}${'1'.repeat(4301)},"b":"${'x'.repeat(count)}"}`)).toBe('corrupt');
    },
  );
});

describe.each(Object.keys(encodings) as Encoding[])('entries that are %s', (encoding) => {
  it('come back as they were, in printable ASCII on the way', () => {
    const { codec, entriesOf } = codecOf(encoding);
    const data = codec.encode(entries({ b: 'é', a: [1, { c: null }], é: '\u007f' }));
    expect(data).toMatch(/^[\u0020-\u007e]+$/);
    expect(entriesOf(data)).toEqual({
      b: '"\\u00e9"',
      a: '[1,{"c":null}]',
      é: '"\\u007f"',
    });
  });

  it('may be none', () => {
    const { codec, entriesOf } = codecOf(encoding);
    expect(entriesOf(codec.encode(new Map()))).toEqual({});
  });

  it('are refused beyond each limit, by its name, and accepted at it', () => {
    const nested = JSON.parse(`${'['.repeat(4)}${']'.repeat(4)}`);
    for (const [limits, value, message] of [
      [{ maxDataBytes: 100 }, 'x'.repeat(91), /101 bytes of JSON, maxDataBytes allows 100/],
      [{ maxDepth: 4 }, nested, /exceeds maxDepth: 4 are allowed/],
      [{ maxEntries: 4 }, [1, 2, 3, 4], /exceeds maxEntries: 4 are allowed/],
    ] as const) {
      const { codec, entriesOf } = codecOf(encoding, limits);
      const tooMuch = entries({ key: value });
      for (const write of [() => codec.encode(tooMuch), () => codec.check(tooMuch)]) {
        expect(write).toThrow(SessionTooLarge);
        expect(write).toThrow(message);
      }
      const enough = entries({ key: value.slice(1) });
      expect(entriesOf(codec.encode(enough))).toEqual(Object.fromEntries(enough));
      // What was written under wider limits is no session under these.
      expect(entriesOf(codecOf(encoding).codec.encode(tooMuch))).toBe('corrupt');
    }
  });

  it('are refused beyond a limit after any number of changes, and accepted at it', () => {
    const limits = { maxEntries: 30, maxDepth: 6 };
    const { codec, entriesOf } = codecOf(encoding, limits);
    const numbers = (count: number) => JSON.stringify(new Array(count).fill(1));
    // Too many brackets to be within the limits at a glance, and too long to be measured anew each time.
    let last: ReadonlyMap<string, string> = entries({
      filling: '[{['.repeat(700),
      list: [[], [], []],
    });
    const write = (key: string, text: string | undefined) => {
      const next = new Map(last);
      if (text === undefined) next.delete(key);
      else next.set(key, text);
      codec.encode(next, undefined, last);
      last = next;
    };
    codec.encode(last);
    for (let turn = 0; turn < 50; turn += 1) {
      write('a', numbers(turn % 10));
      write('b', turn % 3 === 0 ? undefined : numbers(2));
      write('deep', turn % 2 === 0 ? '[[[[[]]]]]' : undefined);
    }
    write('deep', undefined);
    write('b', undefined);
    // filling, list and its three, a and its own.
    write('a', numbers(24));
    expect(() => write('a', numbers(25))).toThrow(/exceeds maxEntries/);
    write('a', numbers(20));
    write('deep', '[[[[]]]]');
    expect(() => write('deep', '[[[[[[]]]]]]')).toThrow(/exceeds maxDepth/);
    expect(entriesOf(codec.encode(last))).toEqual(Object.fromEntries(last));
  });

  it('are refused with the names of the largest, and no value', () => {
    const { codec } = codecOf(encoding, { maxDataBytes: 1000 });
    const tooMuch = entries({
      ...{ tiny: 1, small: 's'.repeat(20), medium: 'm'.repeat(300), large: 'l'.repeat(500) },
      [`k${'ey'.repeat(200)}`]: 0,
    });
    expect(() => codec.encode(tooMuch)).toThrow(
      `the largest entries are large (507 bytes), k${'ey'.repeat(19)}e (402 bytes), medium (308 bytes).`,
    );
  });

  it('are none of another encoding', () => {
    const written = codecOf(encoding).codec.encode(entries({ a: 1 }));
    for (const other of Object.keys(encodings) as Encoding[]) {
      // Rows and cookies differ in their salts, which backends choose; here they have one.
      const alike = ['signed', 'in a cookie'];
      if (other === encoding || (alike.includes(other) && alike.includes(encoding))) continue;
      expect(codecOf(other).entriesOf(written)).toMatch(/^(?:tampered|corrupt)$/);
    }
  });
});

describe('text that is no session', () => {
  const texts: Readonly<Record<string, string>> = {
    nothing: '',
    'no JSON': '{',
    'a list': '[1]',
    'a string': '"a"',
    null: 'null',
    'two values': '{} {}',
    'trailing bytes': '{"a":1}x',
    'a value that is none': '{"a":undefined}',
    'an integer of 5,000 digits': `{"a":${'9'.repeat(5000)}}`,
    'more levels than the stack has': `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
    'too many entries': `{"a":[${'1,'.repeat(10_001)}1]}`,
  };

  for (const [title, text] of Object.entries(texts)) {
    it(`is corrupt: ${title}`, () => {
      expect(codecOf('serialized').decode(text)).toBe('corrupt');
      for (const encoding of ['signed', 'in a cookie'] as const) {
        const { decode, clock } = codecOf(encoding);
        expect(decode(sign(text, clock.now()))).toBe('corrupt');
        expect(decode(sign(text, clock.now(), true))).toBe('corrupt');
      }
    });
  }

  it('is corrupt where it unfolds to more than maxDataBytes', () => {
    const { decode, clock } = codecOf('signed');
    const bomb = sign(`{"a":"${'x'.repeat(20_000_000)}"}`, clock.now(), true);
    expect(bomb.length).toBeLessThan(30_000);
    expect(decode(bomb)).toBe('corrupt');
  });

  it('is corrupt, whoever signed it, where it is longer than any session', () => {
    expect(codecOf('signed').decode('A'.repeat(200_000))).toBe('corrupt');
    expect(codecOf('serialized').decode('A'.repeat(200_000))).toBe('corrupt');
    // As much as a session may be is no longer than that.
    const { codec, entriesOf } = codecOf('signed', { maxDataBytes: 100 });
    const largest = new Map([['a', `"${'x'.repeat(92)}"`]]);
    expect(entriesOf(codec.encode(largest))).toEqual(Object.fromEntries(largest));
  });

  it("is corrupt where the application's serializer throws, whatever it throws", () => {
    for (const failure of [new SyntaxError('no'), 'no', undefined]) {
      const serializer: Serializer = {
        dumps: (value, name) => jsonSerializer.dumps(value, name),
        loads: (text) => {
          if (text === '"bad"') throw failure;
          return jsonSerializer.loads(text);
        },
      };
      const { entriesOf } = codecOf('serialized', { serializer });
      expect(entriesOf('{"a":"good"}')).toEqual({ a: '"good"' });
      expect(entriesOf('{"a":"good","b":"bad"}')).toBe('corrupt');
      // Django and core read these, and no serializer of the application does.
      expect(entriesOf('{"_auth_user_id":"bad","_session_expiry":"bad"}')).toEqual({
        _auth_user_id: '"bad"',
        _session_expiry: '"bad"',
      });
    }
  });

  it('is tampered with where the signature is missing or wrong', () => {
    const { decode, clock } = codecOf('signed');
    const good = sign('{"a":1}', clock.now());
    for (const text of ['', 'x', '{"a":1}', good.slice(1), good.slice(0, -1), `${good}A`]) {
      expect(decode(text)).toBe('tampered');
    }
  });
});

describe.each(['signed', 'in a cookie'] as const)('a record that is %s', (encoding) => {
  it('is compressed from 1,024 bytes of JSON, where that is shorter', () => {
    const { codec } = codecOf(encoding);
    const ofBytes = (bytes: number) => codec.encode(entries({ a: 'x'.repeat(bytes - 8) }));
    expect(ofBytes(1023)).not.toMatch(/^\./);
    expect(ofBytes(1024)).toMatch(/^\./);
  });
});

// The second byte of zlib's header says how hard it has tried (RFC 1950).
it.each([
  ['signed', 'fast', 0x01],
  ['in a cookie', 'short, as with Django', 0x9c],
] as const)('what is compressed of a record that is %s is made %s', (encoding, _, level) => {
  const { codec, entriesOf } = codecOf(encoding);
  const data = codec.encode(entries({ a: 'x'.repeat(2000) }));
  expect([...Buffer.from(data.slice(1, 5), 'base64url')].slice(0, 2)).toEqual([0x78, level]);
  expect(entriesOf(data)).toEqual({ a: JSON.stringify('x'.repeat(2000)) });
});

describe('a signed record', () => {
  it('is read whenever it was signed, and says when that was', () => {
    const { codec, decode, clock } = codecOf('signed');
    const data = codec.encode(entries({ a: 1 }));
    clock.advance(100 * 365 * 86_400);
    expect(decode(data)).toMatchObject({ signedAt: 1_700_000_000, modifiedAt: undefined });
  });

  it('says whether only a fallback key verified it', () => {
    const secretKeyFallbacks = [SECRET_KEY];
    const secretKey = 'another-one:Zt5!kW8eQn3Rv7Xy2Lm6';
    const { codec, decode } = codecOf('signed', { secretKey, secretKeyFallbacks });
    const old = codecOf('signed').codec.encode(entries({ a: 1 }));
    expect(decode(old)).toMatchObject({ fallback: 0 });
    expect(decode(codec.encode(entries({ a: 1 })))).toMatchObject({ fallback: undefined });
  });
});

describe('a session in a cookie', () => {
  it('was modified when it was signed, and is too old one second after the age', () => {
    const { codec, decode, clock } = codecOf('in a cookie', { cookie: { age: 60 } });
    const data = codec.encode(entries({ a: 1 }));
    expect(decode(data)).toMatchObject({ modifiedAt: clock.now() });
    clock.advance(60);
    expect(decode(data)).toMatchObject({ fallback: undefined });
    clock.advance(1);
    expect(decode(data)).toBe('expired');
  });

  it('is measured with the attributes that it gets', () => {
    const fits = (options: Options, more: Record<string, unknown> = {}): number => {
      const { codec } = codecOf('sealed in a cookie', options);
      let low = 1000;
      for (let step = 2048; step >= 1; step /= 2) {
        try {
          codec.encode(entries({ ...more, a: 'x'.repeat(low + step) }));
          low += step;
        } catch (error) {
          expect(error).toBeInstanceOf(SessionTooLarge);
        }
      }
      return low;
    };
    const most = fits({});
    const room = (bytes: number) => Math.floor((bytes * 3) / 4);
    expect(fits({ cookie: { path: `/${'p'.repeat(400)}` } })).toBeCloseTo(most - room(400), -1);
    expect(fits({ expireAtBrowserClose: true })).toBeCloseTo(most + room(56), -1);
    // Ten digits of Max-Age instead of seven, and the entry itself.
    const long = fits({}, { _session_expiry: 1_000_000_000 });
    expect(long).toBeLessThanOrEqual(most - '"_session_expiry":1000000000,'.length - room(3));
  });
});
