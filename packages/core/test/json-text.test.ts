import { createRandom, djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import {
  equalJson,
  joinObject,
  parseJson,
  rewriteJson,
  splitObject,
  stringifyJson,
} from '../src/json-text.ts';
import { randomJson } from './random-json.ts';

interface JsonFixture {
  written: { label: string; bytes: string }[];
  read: { label: string; bytes_base64: string; python_repr: string | null; ok: boolean }[];
}
const fixture = djangoFixture<JsonFixture>('json.json');

describe('parseJson', () => {
  const values: Record<string, unknown> = {
    spaces: { a: [1, 2] },
    'duplicate keys': { a: 2 },
    'raw UTF-8 e acute': { a: 'Ã©' },
    'raw latin-1 e acute': { a: 'é' },
    NaN: { a: Number.NaN },
    '-Infinity': { a: Number.NEGATIVE_INFINITY },
    'float int mix': [1, 1, 100, -0, -0],
    'big int': [9007199254740993n],
    'raw delete in text': ['\u007f'],
    'lone surrogate escape': ['\ud800'],
    'upper-case escape': ['é'],
    'slash escape': ['/'],
  };

  it.each(fixture.read)(
    'reads or refuses as Python does: $label',
    ({ label, bytes_base64, ok }) => {
      const text =
        label === '4300 digits and more'
          ? `[${'1'.repeat(5000)}]`
          : Buffer.from(bytes_base64, 'base64').toString('latin1');
      for (const bigInts of [true, false]) {
        if (!ok) {
          expect(() => parseJson(text, { bigInts })).toThrow(SyntaxError);
        } else if (bigInts || label !== 'big int') {
          expect(values).toHaveProperty([label]);
          expect(parseJson(text, { bigInts })).toEqual(values[label]);
        } else {
          expect(parseJson(text)).toEqual([9007199254740992]);
        }
      }
    },
  );

  it('gives objects no prototype, at every depth and on either path', () => {
    for (const text of ['{"a":[{"b":{}}]}', '{"a":[{"b":{}}],"n":NaN}']) {
      const outer = parseJson(text) as { a: [{ b: object }] };
      for (const object of [outer, outer.a[0], outer.a[0].b]) {
        expect(Object.getPrototypeOf(object)).toBeNull();
      }
    }
  });

  it('treats __proto__ and constructor like any other key', () => {
    for (const text of [
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      '{"__proto__":{"polluted":1},"constructor":NaN}',
    ]) {
      const value = parseJson(text) as Record<string, unknown>;
      expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
      expect(Object.getPrototypeOf(value)).toBeNull();
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    }
  });

  it('reads integers beyond 2^53 as BigInts only when asked', () => {
    const text =
      '[9007199254740991,-9007199254740992,123456789012345678901234567890,1e30,"9007199254740993"]';
    expect(parseJson(text, { bigInts: true })).toEqual([
      9007199254740991,
      -9007199254740992n,
      123456789012345678901234567890n,
      1e30,
      '9007199254740993',
    ]);
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it('refuses integers of more than 4300 digits, and those only', () => {
    const digits = '1'.repeat(4300);
    expect(parseJson(digits)).toBe(Number.POSITIVE_INFINITY);
    expect(parseJson(`-${digits}`, { bigInts: true })).toBe(-BigInt(digits));
    expect(() => parseJson(`${digits}1`)).toThrow('more than 4300 digits');
    expect(() => parseJson(`{"a":-${digits}1}`, { bigInts: true })).toThrow(SyntaxError);
    expect(parseJson(`0.${digits}1`)).toBeCloseTo(0.111);
    expect(parseJson(`"${digits}1"`)).toHaveLength(4301);
  });

  it.each([
    'nan',
    '-NaN',
    '+1',
    '01',
    '1.',
    '.5',
    '1e',
    '0x1',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{a:1}',
    '{"a"}',
    '[NaN,]',
    '[NaN}',
    '{"a":NaN',
    'NaN NaN',
    '"\\x41"',
    '"\\u12"',
    '"a\tb"',
    '"abc',
    '\u00a01',
    '//',
    'truex',
  ])('refuses %j', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
    expect(() => parseJson(text, { bigInts: true })).toThrow(SyntaxError);
  });

  it('says where the text breaks and quotes nothing of it', () => {
    expect(() => parseJson('{"password":"hunter2",}')).toThrow(
      /^The text is not JSON at character 22\.$/,
    );
  });

  it.each(['[', '[1,', '[NaN,', '{"a":'])(
    'does not overflow the stack on a million of %j',
    (open) => {
      const close = open.startsWith('[') ? ']' : '}';
      const levels = 1_000_000;
      expect(() => parseJson(`${open.repeat(levels)}0${close.repeat(levels)}`)).toThrow(
        SyntaxError,
      );
      expect(() => parseJson(open.repeat(levels))).toThrow(SyntaxError);
    },
  );

  it('reads 1,000 levels and no more', () => {
    for (const inner of ['0', 'NaN']) {
      const nested = (levels: number) => '['.repeat(levels) + inner + ']'.repeat(levels);
      expect(Array.isArray(parseJson(nested(1000)))).toBe(true);
      expect(() => parseJson(nested(1001))).toThrow('deeper than 1000 levels');
    }
  });

  it('takes time in proportion to hostile texts', () => {
    const started = performance.now();
    parseJson(`[${`${'1'.repeat(4300)},`.repeat(250)}0]`);
    parseJson(`[${`${'1'.repeat(15)},`.repeat(60_000)}0]`, { bigInts: true });
    expect(() => parseJson('"'.padEnd(1_000_000, '\\'))).toThrow(SyntaxError);
    expect(() => parseJson('{"a":'.padEnd(1_000_000, ' '))).toThrow(SyntaxError);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('agrees with JSON.parse on random texts that both know', () => {
    const random = createRandom(4);
    for (let i = 0; i < 1000; i++) {
      const text = randomJson(random);
      if (/NaN|Infinity/.test(text)) {
        continue;
      }
      // A NaN beside it takes the same text down the slow path.
      const [slow] = parseJson(`[${text},NaN]`) as unknown[];
      expect(JSON.stringify(slow)).toBe(JSON.stringify(JSON.parse(text)));
      expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
    }
  });
});

describe('joinObject', () => {
  it('puts together what splitObject took apart', () => {
    const text = '{"b":1.0,"10":NaN,"\\u00e9":"x","":[],"__proto__":{}}';
    expect(joinObject(splitObject(text) ?? [])).toBe(text);
    expect(joinObject([])).toBe('{}');
    expect(joinObject([['"\u007f', '1']])).toBe('{"\\"\\u007f":1}');
  });
});

describe('rewriteJson', () => {
  it.each(fixture.written)('gives back what Python wrote: $label', ({ bytes }) => {
    for (const text of [bytes, `[${bytes}]`, `{"a":{"b":${bytes}}}`]) {
      expect(rewriteJson(text, parseJson(text))).toBe(text);
      expect(rewriteJson(text, parseJson(text, { bigInts: true }))).toBe(text);
    }
  });

  it('gives back every unchanged text, on random texts', () => {
    const random = createRandom(5);
    for (let i = 0; i < 1000; i++) {
      const text = randomJson(random);
      expect(rewriteJson(text, parseJson(text))).toBe(text);
      expect(rewriteJson(text, parseJson(text, { bigInts: true }))).toBe(text);
    }
  });

  it('keeps every unchanged part of a changed object, on random texts', () => {
    const random = createRandom(6);
    for (let i = 0; i < 1000; i++) {
      const [a, b, c] = [randomJson(random, 2), randomJson(random, 2), randomJson(random, 2)];
      const text = `{"a": ${a} ,"deep":[{"b":${b},"c":1.0}],"9":${c}}`;
      const value = parseJson(text, { bigInts: random() < 0.5 }) as {
        deep: [{ c: unknown }];
        new?: unknown;
      };
      value.deep[0].c = 'changed';
      value.new = 'é';
      expect(rewriteJson(text, value)).toBe(
        `{"a":${a},"deep":[{"b":${b},"c":"changed"}],"9":${c},"new":"\\u00e9"}`,
      );
    }
  });

  it('writes what reads as the value, whatever it was before, on random texts', () => {
    const random = createRandom(7);
    for (let i = 0; i < 1000; i++) {
      const before = randomJson(random);
      const text = randomJson(random);
      // What is new must be JSON, and JSON.stringify writes -0 as 0.
      if (!/NaN|Infinity|1e400|-0/.test(text)) {
        expect(parseJson(rewriteJson(before, parseJson(text)))).toEqual(parseJson(text));
      }
    }
  });

  it('keeps elements at the same index of arrays that grew or shrank', () => {
    const value = parseJson('[1.0, 2.0, 9007199254740993]') as unknown[];
    expect(rewriteJson('[1.0, 2.0, 9007199254740993]', [...value, 4])).toBe(
      '[1.0,2.0,9007199254740993,4]',
    );
    expect(rewriteJson('[1.0, 2.0, 9007199254740993]', value.slice(0, 1))).toBe('[1.0]');
    expect(rewriteJson('[1.0, 2.0, 9007199254740993]', [])).toBe('[]');
  });

  it('keeps the order of keys, with deleted ones left out and new ones last', () => {
    const before = '{"b":1,"a":2,"10":3,"2":4}';
    const value = parseJson(before) as Record<string, unknown>;
    delete value.a;
    value['1'] = 5;
    expect(rewriteJson(before, value)).toBe('{"b":1,"10":3,"2":4,"1":5}');
  });

  it('keeps a NaN that was there and refuses a new one, with the path', () => {
    const before = '{"a":NaN,"b":[1.0]}';
    expect(rewriteJson(before, { a: Number.NaN, b: [2] })).toBe('{"a":NaN,"b":[2]}');
    expect(() => rewriteJson(before, { a: 1, b: [Number.NaN] }, 'cart')).toThrow(
      'cart.b[0] is NaN',
    );
    expect(() => rewriteJson('{"a":1}', { a: Number.NaN }, 'cart')).toThrow('cart.a is NaN');
    expect(() => rewriteJson(before, { a: Number.NaN, c: undefined })).toThrow(
      'value.c is undefined',
    );
  });

  it('refuses a BigInt that was not there', () => {
    expect(rewriteJson('[9007199254740992]', [9007199254740992n])).toBe('[9007199254740992]');
    expect(() => rewriteJson('[9007199254740993]', [9007199254740992n])).toThrow(
      'value[0] is a BigInt',
    );
    expect(() => rewriteJson('[5]', [5n])).toThrow('value[0] is a BigInt');
  });

  describe('with bigInts', () => {
    const bigInts = { bigInts: true };
    const rewrite = (before: string, value: unknown) => rewriteJson(before, value, 'cart', bigInts);

    it.each(fixture.written)('gives back what Python wrote: $label', ({ bytes }) => {
      for (const text of [bytes, `[${bytes}]`, `{"a":{"b":${bytes}}}`]) {
        expect(rewrite(text, parseJson(text, bigInts))).toBe(text);
      }
    });

    it('gives back every unchanged text, on random texts', () => {
      const random = createRandom(12);
      for (let i = 0; i < 1000; i++) {
        const text = randomJson(random);
        expect(rewrite(text, parseJson(text, bigInts))).toBe(text);
      }
    });

    it('writes what reads as the value, whatever it was before, on random texts', () => {
      const random = createRandom(13);
      for (let i = 0; i < 1000; i++) {
        const before = randomJson(random);
        const text = randomJson(random);
        if (/NaN|Infinity|1e400|-0/.test(text)) continue;
        const value = parseJson(text, bigInts);
        expect(parseJson(rewrite(before, value), bigInts)).toEqual(value);
      }
    });

    it('writes new, moved and changed BigInts as their digits', () => {
      const before = '{"a":9007199254740993, "b":[1.0]}';
      const value = parseJson(before, bigInts) as Record<string, unknown>;
      value.c = value.a;
      (value.b as unknown[]).push(-(2n ** 64n));
      value.a = (value.a as bigint) + 1n;
      expect(rewrite(before, value)).toBe(
        '{"a":9007199254740994,"b":[1.0,-18446744073709551616],"c":9007199254740993}',
      );
    });

    it('takes the nearest number for what it is: another value', () => {
      expect(rewrite('[9007199254740993]', [9007199254740992])).toBe('[9007199254740992.0]');
      expect(rewriteJson('[9007199254740993]', [9007199254740992])).toBe('[9007199254740993]');
    });

    it('takes a small BigInt for the integer that it is', () => {
      expect(rewrite('[1,2]', [1n, 2])).toBe('[1,2]');
      expect(rewrite('[1.0,2.0]', [1n, 2])).toBe('[1,2.0]');
    });
  });

  it('refuses undefined, dates and cycles as stringifyJson does', () => {
    const before = '{"a":1.0,"at":"1970-01-01T00:00:00.000Z"}';
    expect(() => rewriteJson(before, { a: undefined })).toThrow('value.a is undefined');
    expect(() => rewriteJson(before, { a: 1, at: new Date(0) })).toThrow('value.at is a Date');
    const cycle: Record<string, unknown> = { a: 1 };
    cycle.self = cycle;
    expect(() => rewriteJson('{"a":1.0,"self":{"a":1.0}}', cycle)).toThrow('contains itself');
  });

  it('tells 0 from -0 and text from numbers', () => {
    expect(rewriteJson('-0.0', 0)).toBe('0');
    expect(rewriteJson('-0.0', -0)).toBe('-0.0');
    expect(rewriteJson('1.0', '1')).toBe('"1"');
    expect(rewriteJson('{"a":1.0}', ['a'])).toBe('["a"]');
    expect(rewriteJson('[1.0]', { 0: 1 })).toBe('{"0":1}');
  });

  it('writes __proto__ as the key it is', () => {
    const before = '{"__proto__":{"x":1.0},"y":1}';
    const value = parseJson(before) as Record<string, unknown>;
    value.y = 2;
    expect(rewriteJson(before, value)).toBe('{"__proto__":{"x":1.0},"y":2}');
  });

  it('writes the value where there was no text, or none that is JSON', () => {
    expect(rewriteJson(undefined, { a: 1 })).toBe('{"a":1}');
    expect(rewriteJson('{oops', { a: 1 })).toBe('{"a":1}');
    expect(() => rewriteJson(undefined, undefined, 'cart')).toThrow('cart is undefined');
  });

  it('does not overflow the stack on deep texts', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(rewriteJson(deep, 1)).toBe('1');
    const before = `${'['.repeat(1000)}1.0${']'.repeat(1000)}`;
    expect(rewriteJson(before, parseJson(before))).toBe(before);
  });
});

describe('equalJson', () => {
  it.each([
    ['1', '1.0'],
    ['1e16', '10000000000000000'],
    ['-0.0', '0'],
    ['NaN', ' NaN'],
    ['"\\u00e9"', '"\\u00E9"'],
    ['{"a": [1]}', '{"a":[1.0]}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{oops', '{oops'],
  ])('%s reads as %s', (a, b) => {
    expect(equalJson(a, b)).toBe(true);
    expect(equalJson(b, a)).toBe(true);
  });

  it.each([
    ['1', '"1"'],
    ['9007199254740992', '9007199254740993'],
    ['9007199254740992.0', '9007199254740993'],
    ['NaN', 'null'],
    ['[]', '{}'],
    ['[1]', '{"0":1}'],
    ['[1]', '[1,2]'],
    ['{"a":1}', '{"b":1}'],
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{"__proto__":{}}', '{}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
    ['null', '{}'],
    ['{oops', '{}'],
  ])('%s does not read as %s', (a, b) => {
    expect(equalJson(a, b)).toBe(false);
    expect(equalJson(b, a)).toBe(false);
  });

  it('agrees with the parser on random texts', () => {
    const random = createRandom(8);
    for (let i = 0; i < 1000; i++) {
      const a = randomJson(random, 2);
      expect(equalJson(a, ` ${a} `)).toBe(true);
      if (!/NaN|Infinity|1e400|9007/.test(a)) {
        expect(equalJson(a, stringifyJson(parseJson(a)))).toBe(true);
      }
    }
  });
});
