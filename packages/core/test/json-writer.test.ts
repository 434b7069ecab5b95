import { runInNewContext } from 'node:vm';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { stringifyJson } from '../src/json-writer.ts';

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
      'cart["two words"] is a BigInt, which JSON does not have; store it as text.',
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
    expect(stringifyJson(value)).toBe('{"__proto__":{"x":1},"constructor":2}');
  });

  it.each([
    ['a symbol as a key', { [Symbol('s')]: 1 }],
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
    expect(() => stringifyJson(nested(100_000), 'cart', 1_000_000)).toThrow(TypeError);
    expect(stringifyJson(nested(3), 'cart', 3)).toBe('[[[]]]');
    expect(() => stringifyJson(nested(4), 'cart', 3)).toThrow(
      'cart[0][0][0] is nested deeper than 3',
    );
  });

  it('keeps a message short however long the path is', () => {
    const long = { ['k'.repeat(10_000)]: undefined };
    expect(() => stringifyJson(long)).toThrow(/^.{1,200}$/);
  });
});
