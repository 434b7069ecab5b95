import { runInNewContext } from 'node:vm';
import { createRandom, djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { parseJson } from '../src/json-text.ts';
import { stringifyJson } from '../src/json-writer.ts';
import { randomJson } from './random-json.ts';

class Decimal {
  readonly digits = '1.5';
}
class Uuid {}
class TimeDelta {}
class List extends Array<number> {}

interface JsonFixture {
  written: { label: string; type: string; bytes: string }[];
  refused_by_dumps: { label: string }[];
}
const fixture = djangoFixture<JsonFixture>('json.json');

describe('stringifyJson', () => {
  it.each(fixture.written.filter(({ type }) => type === 'str' || type === 'list'))(
    'writes what Python writes: $label',
    ({ bytes }) => {
      expect(stringifyJson(JSON.parse(bytes))).toBe(bytes);
    },
  );

  it.each([
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-0.000012345, '-1.2345e-05'],
    [1e-7, '1e-07'],
    [1.5e-9, '1.5e-09'],
    [1e-10, '1e-10'],
    [5e-324, '5e-324'],
    [1e20, '100000000000000000000'],
    [1e21, '1e+21'],
    [0, '0'],
  ])('writes %p so that Python would not write it otherwise', (value, text) => {
    expect(stringifyJson(value)).toBe(text);
    expect(stringifyJson({ 10: 'é', a: [value, {}] })).toBe(`{"10":"\\u00e9","a":[${text},{}]}`);
    expect(JSON.parse(text)).toBe(value);
  });

  const counterparts: Record<string, unknown> = {
    datetime: new Date(0),
    timedelta: new TimeDelta(),
    Decimal: new Decimal(),
    UUID: new Uuid(),
    bytes: Buffer.from('x'),
    set: new Set([1]),
    'tuple key': new Map([[[1, 2], 3]]),
  };
  it.each(fixture.refused_by_dumps)('refuses what Python refuses: $label', ({ label }) => {
    expect(counterparts).toHaveProperty([label]);
    expect(() => stringifyJson(counterparts[label])).toThrow(TypeError);
  });

  it('writes compact printable ASCII', () => {
    expect(
      stringifyJson({ é: ['\u007f', '\u0080', '😀', '\ud800', '\n', '\u2028'], b: null }),
    ).toBe('{"\\u00e9":["\\u007f","\\u0080","\\ud83d\\ude00","\\ud800","\\n","\\u2028"],"b":null}');
    let everything = '';
    for (let unit = 0; unit <= 0xffff; unit++) {
      everything += String.fromCharCode(unit);
    }
    const text = stringifyJson(everything);
    expect(text).toMatch(/^[ -~]*$/);
    expect(JSON.parse(text)).toBe(everything);
  });

  it.each([
    [
      'undefined',
      undefined,
      'cart is undefined, which JSON does not have; leave it out or store null.',
    ],
    ['an undefined member', { a: undefined }, 'cart.a is undefined'],
    ['a hole in an array', Array(2), 'cart[0] is undefined'],
    ['a function', { items: [1, { f() {} }] }, 'cart.items[1].f is a function; store plain data.'],
    ['a symbol', [Symbol('x')], 'cart[0] is a symbol; store plain data.'],
    ['NaN', { a: Number.NaN }, 'cart.a is NaN, which JSON does not have; store null or text.'],
    ['infinity', [Number.NEGATIVE_INFINITY], 'cart[0] is -Infinity'],
    [
      'a BigInt',
      { 'two words': 1n },
      'cart["two words"] is a BigInt, which needs the setting bigInts; turn it on, or store text.',
    ],
    [
      'a Date',
      { at: new Date(0) },
      'cart.at is a Date, which JSON does not have; store date.toISOString() or date.getTime().',
    ],
    ['a Map', new Map(), 'cart is a Map'],
    ['a Set', new Set(), 'cart is a Set'],
    ['a typed array', new Uint8Array(2), 'cart is not a plain object or array (Uint8Array)'],
    ['an ArrayBuffer', new ArrayBuffer(2), '(ArrayBuffer)'],
    ['an instance of a class', new Decimal(), '(Decimal)'],
    ['an array of another class', new List(), '(List)'],
    ['a RegExp', /x/, '(RegExp)'],
    ['an Error', new Error('x'), '(Error)'],
    ['a boxed number', Object(1), '(Number)'],
    ['a Promise', Promise.resolve(), '(Promise)'],
    ['an object that inherits from another', Object.create({ a: 1 }), 'cart is not a plain object'],
  ])('refuses %s and says where and what to do', (_, value, message) => {
    expect(() => stringifyJson(value, 'cart')).toThrow(TypeError);
    expect(() => stringifyJson(value, 'cart')).toThrow(message);
  });

  it('refuses a cycle with the path where it closes, but not a value that occurs twice', () => {
    const cart: Record<string, unknown> = { items: [{}] };
    cart.items = [{ cart }];
    expect(() => stringifyJson(cart, 'cart')).toThrow('cart.items[0].cart contains itself');
    const twice = { a: 1 };
    expect(stringifyJson([twice, twice])).toBe('[{"a":1},{"a":1}]');
  });

  it('never calls toJSON', () => {
    const toJSON = () => {
      throw new Error('called');
    };
    const hidden = Object.defineProperty({}, 'toJSON', { value: toJSON });
    expect(() => stringifyJson({ toJSON })).toThrow('value.toJSON is a function');
    expect(() => stringifyJson(hidden)).toThrow('value is not a plain object');
    expect(stringifyJson({ toJSON: 'text' })).toBe('{"toJSON":"text"}');
  });

  it('writes plain objects and arrays of every realm, and objects without a prototype', () => {
    expect(stringifyJson(runInNewContext('({ a: [1, { b: 2 }] })'))).toBe('{"a":[1,{"b":2}]}');
    expect(stringifyJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
    expect(() => stringifyJson(runInNewContext('new Date(0)'))).toThrow('is a Date');
    expect(() => stringifyJson(runInNewContext('new (class Foreign {})'))).toThrow('(Foreign)');
  });

  it('writes own enumerable string keys only, __proto__ among them', () => {
    const value = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
    Object.defineProperty(value, 'hidden', { value: undefined });
    value[Symbol('s')] = 1;
    expect(stringifyJson(value)).toBe('{"__proto__":{"x":1},"constructor":2}');
  });

  it.each([
    ['an array with members of its own', Object.assign([1], { total: 5 })],
    ['an array that makes its own JSON', Object.assign([1], { toJSON: () => 'evil' })],
    ['an object with a prototype of its own', Object.create(Object.create(null))],
  ])('refuses %s', (_, value) => {
    expect(() => stringifyJson({ a: value }, 'cart')).toThrow(/^cart\.a /);
  });

  it('refuses what nests too deep', () => {
    const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(stringifyJson(nested(1000))).toHaveLength(2000);
    expect(() => stringifyJson(nested(1001))).toThrow('is nested deeper than 1000 levels');
    expect(() => stringifyJson(nested(100_000), 'cart')).toThrow(TypeError);
    const deep: unknown = nested(1000);
    expect(() => stringifyJson([1n, deep], 'cart', { bigInts: true })).toThrow('deeper than 1000');
  });

  describe('with bigInts', () => {
    const write = (value: unknown) => stringifyJson(value, 'cart', { bigInts: true });

    it('writes a BigInt as its digits, at every depth, beside everything else', () => {
      expect(write(0n)).toBe('0');
      expect(write(-5n)).toBe('-5');
      expect(write(2n ** 100n)).toBe('1267650600228229401496703205376');
      expect(
        write({ b: [1n, { '\u007fé': -(2n ** 64n) }], 10: 'é', a: [null, true, 0.5, {}, []] }),
      ).toBe(
        '{"10":"\\u00e9","b":[1,{"\\u007f\\u00e9":-18446744073709551616}],"a":[null,true,0.5,{},[]]}',
      );
      const value = JSON.parse('{"__proto__":1}');
      expect(write([value, 1n])).toBe('[{"__proto__":1},1]');
    });

    it('writes everything else as without', () => {
      const random = createRandom(11);
      for (let i = 0; i < 1000; i++) {
        const text = randomJson(random);
        if (/NaN|Infinity|1e400|1e16|9007/.test(text)) continue;
        const value = parseJson(text);
        expect(write(value)).toBe(stringifyJson(value));
        // A BigInt beside it takes the same value down the other path.
        expect(write([value, 1n])).toBe(`[${stringifyJson(value)},1]`);
      }
    });

    it('writes a number beyond 2^53 as the float that it is, so that it is no BigInt when read', () => {
      for (const [value, text] of [
        [1e16, '1e+16'],
        [-1.5e16, '-1.5e+16'],
        [2 ** 53, '9007199254740992.0'],
        [9999999999999998, '9999999999999998.0'],
        [123456789012345680, '1.2345678901234568e+17'],
        [Number.MAX_VALUE, '1.7976931348623157e+308'],
        [2 ** 53 - 1, '9007199254740991'],
      ] as const) {
        expect(write(value)).toBe(text);
        expect(write({ a: [value] })).toBe(`{"a":[${text}]}`);
        expect(parseJson(text, { bigInts: true })).toBe(value);
      }
      expect(stringifyJson(1e16)).toBe('10000000000000000');
    });

    it('refuses more digits than Python reads', () => {
      const most = 10n ** 4300n - 1n;
      expect(write([most, -most])).toHaveLength(4300 + 4301 + 3);
      for (const value of [most + 1n, -most - 1n]) {
        expect(() => write({ n: value })).toThrow('cart.n has more than 4300 digits');
      }
    });

    it('refuses everything else that has no JSON form, with the path', () => {
      expect(() => write([1n, { at: new Date(0) }])).toThrow('cart[1].at is a Date');
      expect(() => write([1n, Object(1n)])).toThrow('cart[1] is not a plain object');
      expect(() => write([1n, Number.NaN])).toThrow('cart[1] is NaN');
    });
  });

  it('names the setting where a BigInt is refused', () => {
    expect(() => stringifyJson({ ids: [1n] }, 'cart')).toThrow(
      'cart.ids[0] is a BigInt, which needs the setting bigInts; turn it on, or store text.',
    );
  });

  it('keeps a message short however long the path is', () => {
    const long = { ['k'.repeat(10_000)]: undefined };
    expect(() => stringifyJson(long)).toThrow(/^.{1,200}$/);
  });
});
