import { createRandom } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { keepsWithin, measureJson, outlineObject, splitObject } from '../src/json-outline.ts';
import { readNodes } from '../src/json-scanner.ts';
import { randomJson } from './random-json.ts';

describe('splitObject', () => {
  it('gives keys and the texts of their values in order, without decoding those', () => {
    const text = ' { "b" : 1.0 , "a" : [ 1, {"x":"}"} ] ,"10":NaN,"\\u00e9\\"":"\\\\"\n} ';
    expect([...(splitObject(text) ?? [])]).toEqual([
      ['b', '1.0'],
      ['a', '[ 1, {"x":"}"} ]'],
      ['10', 'NaN'],
      ['é"', '"\\\\"'],
    ]);
    expect([...(splitObject('{ }') ?? [1])]).toEqual([]);
  });

  it('lets the last of equal keys count, at the place of the first', () => {
    expect([...(splitObject('{"a":1,"b":2,"\\u0061":3}') ?? [])]).toEqual([
      ['a', '3'],
      ['b', '2'],
    ]);
  });

  it('treats __proto__ like any other key', () => {
    expect(splitObject('{"__proto__":{"x":1}}')?.get('__proto__')).toBe('{"x":1}');
  });

  it.each(['', ' ', '[]', '1', '"{}"', 'null', 'x', '\ufeff{}'])('is undefined for %j', (text) => {
    expect(splitObject(text)).toBeUndefined();
  });

  it.each([
    '{',
    '{"',
    '{"a',
    '{"a"',
    '{"a":',
    '{"a":}',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '{"a":1}}',
    '{"a":1} x',
    '{"a":]}',
    '{"a":"\\"}',
    '{"\\x":1}',
    '{"a\n":1}',
  ])('refuses %j', (text) => {
    expect(() => splitObject(text)).toThrow(SyntaxError);
  });

  it('agrees with the parser on random objects', () => {
    const random = createRandom(1);
    for (let i = 0; i < 500; i++) {
      const text = `{"k":${randomJson(random)},"l": ${randomJson(random)} }`;
      const { members } = readNodes(text, true);
      const expected = [...(members ?? [])].map(([k, { start, end }]) => [
        k,
        text.slice(start, end),
      ]);
      expect([...(splitObject(text) ?? [])]).toEqual(expected);
    }
  });

  it('ends on random garbage, with nothing but SyntaxError', () => {
    const random = createRandom(2);
    for (let i = 0; i < 5000; i++) {
      const text = [...randomJson(random)];
      for (let change = 0; change < 3; change++) {
        text[Math.floor(random() * text.length)] =
          '{}[]",:\\ \n\u0000'[Math.floor(random() * 11)] ?? '';
      }
      try {
        splitObject(text.join(''));
        measureJson(text.join(''));
      } catch (error) {
        expect(error).toHaveProperty('name', 'SyntaxError');
      }
    }
  });
});

describe('measureJson', () => {
  it.each([
    ['1', 0, 0],
    ['""', 0, 0],
    ['[]', 1, 0],
    ['[ ]', 1, 0],
    ['{}', 1, 0],
    ['[1]', 1, 1],
    ['[[]]', 2, 1],
    ['[1,2, 3]', 1, 3],
    ['{"a":1,"b":[1,{"c":[]}]}', 4, 5],
    ['{"a,b":"[[[,\\",["}', 1, 1],
    ['[[],[],[[]]]', 3, 4],
  ])('finds in %s depth %d and %d entries', (text, depth, entries) => {
    expect(measureJson(text)).toEqual({ depth, entries });
  });

  it('measures what the parser reads, on random texts', () => {
    const count = (value: unknown): { depth: number; entries: number } => {
      if (typeof value !== 'object' || value === null) {
        return { depth: 0, entries: 0 };
      }
      const inner = Object.values(value).map(count);
      return {
        depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
        entries: inner.length + inner.reduce((sum, { entries }) => sum + entries, 0),
      };
    };
    const random = createRandom(3);
    for (let i = 0; i < 500; i++) {
      const text = randomJson(random);
      const { depth, entries } = measureJson(text);
      const counted = count(readNodes(text, false).value);
      // Of equal keys the parser keeps one, but each was written.
      expect(entries).toBeGreaterThanOrEqual(counted.entries);
      expect(depth).toBeGreaterThanOrEqual(counted.depth);
      if (new Set(text.match(/"[^"]*"(?=\s*:)/g)).size === text.match(/"[^"]*"(?=\s*:)/g)?.length) {
        expect({ depth, entries }).toEqual(counted);
      }
    }
  });

  it('finds what splitObject finds while it takes an object apart', () => {
    const random = createRandom(5);
    for (let i = 0; i < 500; i++) {
      const text = `{"a":${randomJson(random)}, "b" : ${randomJson(random)} }`;
      const measured = { depth: 0, entries: 0 };
      outlineObject(text, measured);
      expect(measured).toEqual(measureJson(text));
    }
  });

  it('takes hostile texts in one pass', () => {
    const started = performance.now();
    expect(measureJson('['.repeat(1_000_000)).depth).toBe(1_000_000);
    expect(measureJson(`"${'\\"'.repeat(500_000)}"`)).toEqual({ depth: 0, entries: 0 });
    expect(measureJson(`"${'\\'.repeat(1_000_000)}"`)).toEqual({ depth: 0, entries: 0 });
    expect(() => measureJson(`"${'\\'.repeat(999_999)}"`)).toThrow(SyntaxError);
    expect(measureJson(`[${'0,'.repeat(500_000)}0]`).entries).toBe(500_001);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('keepsWithin', () => {
  it('never lets a text pass that exceeds a limit, on random texts', () => {
    const random = createRandom(4);
    let passed = 0;
    for (let i = 0; i < 500; i++) {
      const text = JSON.stringify(JSON.parse(randomJson(random).replace(/-?(NaN|Infinity)/g, '0')));
      const { depth, entries } = measureJson(text);
      expect(keepsWithin(text, { depth: depth - 1, entries: 10_000 })).toBe(false);
      expect(keepsWithin(text, { depth: 10_000, entries: entries - 1 })).toBe(false);
      if (keepsWithin(text, { depth: 5, entries: 20 })) {
        passed += 1;
        expect(depth).toBeLessThanOrEqual(5);
        expect(entries).toBeLessThanOrEqual(20);
      }
    }
    expect(passed).toBeGreaterThan(0);
  });

  it.each([
    ['[1,2,3]', 1, 4, true],
    ['[1,2,3]', 1, 2, false],
    ['[{"a":[]}]', 3, 10, true],
    ['[{"a":[]}]', 2, 10, false],
    ['["[[["]', 1, 10, false],
  ])('says of %s with depth %d and %d entries: %s', (text, depth, entries, expected) => {
    expect(keepsWithin(text, { depth, entries })).toBe(expected);
  });
});
