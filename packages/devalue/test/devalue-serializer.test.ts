import { jsonSerializer } from '@coatcheck/core';
import { devalueSerializer } from '@coatcheck/devalue';
import { describe, expect, it } from '@jest/globals';

const { dumps, loads } = devalueSerializer;
const again = (value: unknown): unknown => loads(dumps(value));
const SOON = new Date('2023-11-14T22:13:20.123Z');

describe('what JSON does not have', () => {
  const values: Readonly<Record<string, unknown>> = {
    'a Date': SOON,
    'a Date before 1970': new Date(-62_135_596_800_000),
    'a Map': new Map<unknown, unknown>([
      ['a', 1],
      [2, 'b'],
    ]),
    'an empty Map': new Map(),
    'a Set': new Set(['a', 1, null]),
    'a BigInt': 12_345_678_901_234_567_890n,
    'a negative BigInt': -1n,
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    'minus Infinity': Number.NEGATIVE_INFINITY,
    'members that are undefined': { a: undefined, b: [undefined] },
    'a Map of Sets of Dates in an array of objects': [
      { seen: new Map([['shop', new Set([SOON])]]), total: 9n },
    ],
    'a Map with Maps for keys': new Map([[new Map([[1, 2]]), new Map([[3, 4]])]]),
    'text beyond ASCII, beside a Date': { 'clé 🔑': 'é \u007f \ud800 </script> \u2028', SOON },
    'minus zero beside a Date': [-0, SOON],
  };

  for (const [title, value] of Object.entries(values)) {
    it(`keeps ${title}`, () => {
      const text = dumps(value);
      expect(text).toMatch(/^[\u0020-\u007e]+$/);
      expect(text.startsWith('["$devalue",')).toBe(true);
      expect(loads(text)).toEqual(value);
      expect(dumps(loads(text))).toBe(text);
    });
  }

  it('keeps an object that contains itself, and one that is there twice', () => {
    const value: Record<string, unknown> = { list: [] };
    Object.assign(value, { self: value, again: value.list });
    const loaded = again(value) as typeof value;
    expect(loaded.self).toBe(loaded);
    expect(loaded.again).toBe(loaded.list);
  });

  it('keeps an invalid Date', () => {
    expect(String(again(new Date(Number.NaN)))).toBe('Invalid Date');
  });

  it('writes an object with and without a prototype alike', () => {
    const bare = Object.assign(Object.create(null), { at: SOON });
    expect(dumps(bare)).toBe(dumps({ at: SOON }));
  });

  it('reads what this release wrote, for sessions outlive releases', () => {
    const text =
      '["$devalue",[{"at":1,"ids":2,"by":5,"n":8,"list":9,"none":-1,"nan":-3,"zero":-6},["Date","2023-11-14T22:13:20.123Z"],["Set",3,4],1,"b",["Map",6,7],"k",["null","x",3],["BigInt","9"],[3]]]';
    expect(loads(text)).toEqual({
      at: SOON,
      ids: new Set([1, 'b']),
      by: new Map([['k', { x: 1 }]]),
      n: 9n,
      list: [1],
      none: undefined,
      nan: Number.NaN,
      zero: -0,
    });
  });
});

describe('what JSON has', () => {
  it.each([
    [null],
    [true],
    [0],
    [1.5],
    [''],
    ['$devalue'],
    [[]],
    [{ a: [1, { b: 'é' }] }],
    [[[1]]],
  ])('is plain JSON: %j', (value) => {
    expect(dumps(value)).toBe(jsonSerializer.dumps(value));
    expect(again(value)).toEqual(value);
  });

  it('is read as the default serializer and Django wrote it', () => {
    for (const text of ['1.0', '[1,"Set",2]', '["Set",1]', '-1', '{"$devalue":[1]}', '[NaN]']) {
      expect(loads(text)).toEqual(jsonSerializer.loads(text));
    }
  });

  it('is refused where it is no JSON at all', () => {
    expect(() => loads('{')).toThrow(SyntaxError);
  });

  it.each([
    [['$devalue']],
    [['$devalue', [['Date', '2023-11-14T22:13:20.123Z']]]],
    [['$devalue', -1]],
  ])('comes back as it was where it looks like an entry of this serializer: %j', (value) => {
    expect(again(value)).toEqual(value);
    expect(again({ nested: value })).toEqual({ nested: value });
  });
});

describe('what neither has', () => {
  class Cart {}
  const refused: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    'a function': [() => 1, /^cart is a function/],
    'a symbol': [Symbol('x'), /^cart is a symbol/],
    undefined: [undefined, /^cart is undefined/],
    'an instance of a class': [
      { a: new Cart() },
      /^cart\.a is not a plain object or array \(Cart\)/,
    ],
    'a regular expression': [[/x/], /^cart\[0\] is not a plain object/],
    'a function beside a Date': [{ at: SOON, f: () => 1 }, /^cart\.f cannot be stored/],
    'an instance beside a Date': [[SOON, { c: new Cart() }], /^cart\[1\]\.c cannot be stored/],
    'a symbol in a Set': [new Set([Symbol('x')]), /^cart cannot be stored/],
    'a key that is a symbol': [{ at: SOON, [Symbol('x')]: 1 }, /^cart cannot be stored/],
    'a promise beside a Date': [[SOON, Promise.resolve()], /^cart\[1\] cannot be stored/],
    'part of a buffer beside a Date': [[SOON, new Uint8Array(8).subarray(2)], /^cart\[1\] cannot/],
    'a Buffer beside a Date': [[SOON, Buffer.from('x')], /^cart\[1\] cannot be stored/],
    'a URL beside a Date': [[SOON, new URL('https://example.com')], /^cart\[1\] cannot be stored/],
    'a boxed number beside a Date': [[SOON, Object(1)], /^cart\[1\] cannot be stored/],
    'an array with holes beside a Date': [[SOON, Array(1e9)], /^cart cannot be stored/],
    'an array with holes': [Array(3), /^cart\[0\] is undefined/],
  };

  for (const [title, [value, message]] of Object.entries(refused)) {
    it(`is refused with the entry's name: ${title}`, () => {
      expect(() => dumps(value, 'cart')).toThrow(TypeError);
      expect(() => dumps(value, 'cart')).toThrow(message);
    });
  }

  it('is refused without the keys of maps, which are data', () => {
    const value = new Map([['someone@example.com', { f: () => 1 }]]);
    expect(() => dumps(value, 'people')).toThrow(/^people\.get\(…\) cannot be stored/);
  });

  it('is refused where it is nested deeper than can be read, and kept where it is not', () => {
    const nest = (levels: number, inner: unknown): unknown => {
      let value = inner;
      for (let level = 0; level < levels; level += 1)
        value = level % 2 ? [value] : new Set([value]);
      return value;
    };
    for (const inner of [1n, 1, 'x']) {
      const text = dumps(nest(1000, inner));
      expect(dumps(loads(text))).toBe(text);
      expect(() => dumps(nest(1001, inner), 'deep')).toThrow(/^deep is nested deeper than 1000/);
    }
    expect(() => dumps(nest(200_000, 1), 'deep')).toThrow(/^deep is nested deeper than 1000/);
  });

  it('takes no time for what doubles at every level', () => {
    let value: unknown = 1;
    for (let level = 0; level < 500; level += 1) value = [value, value];
    const loaded = again(value) as unknown[];
    expect(loaded[0]).toBe(loaded[1]);
  });
});
