import { createRandom } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { RandomDocuments } from './random-documents.ts';

const texts = (from: 'Python' | 'JavaScript') =>
  Array.from({ length: 5000 }, (_, n) => new RandomDocuments(createRandom(n), from).next(64));

describe('random documents', () => {
  const python = texts('Python');
  const javascript = texts('JavaScript');

  it.each([
    ['an integer of a hundred digits', /(?<![\d.])\d{100}(?![\d.])/],
    ['an integer of as many digits as Python reads', /\d{4300}/],
    ['1.0', /[:[,]1\.0[,}\]]/],
    ['-0.0', /[:[,]-0\.0[,}\]]/],
    ['1e16', /[:[,]1e16[,}\]]/],
    ['NaN', /[:[,]NaN[,}\]]/],
    ['an infinity', /[:[,]-?Infinity[,}\]]/],
  ])('have %s, where they are those of Python', (_, pattern) => {
    expect(python.filter((text) => pattern.test(text)).length).toBeGreaterThan(5);
    expect(javascript.filter((text) => pattern.test(text))).toEqual([]);
  });

  it.each([
    ['1e-7', /[:[,]1e-7[,}\]]/],
    ['no entries', /^\{\}$/],
    ['empty things inside', /:(?:\{\}|\[\]|"")/],
    ['__proto__ as a key', /"__proto__":/],
    ['constructor as a key', /"constructor":/],
    ['integer-like keys in another order than JavaScript has', /"10":.*"2":/],
    ['the same key twice', /\{"(\w+)":[^{}]*,"\1":/],
    ['NUL', /\\u0000/],
    ['DEL', /\u007f/],
    ['U+2028', /\u2028/],
    ['a lone surrogate', /\\ud[89a-f][0-9a-f]{2}/],
    ['a character beyond U+FFFF', /[\u{10000}-\u{10ffff}]/u],
    ['quotes and backslashes', /\\"|\\\\/],
  ])('have %s', (_, pattern) => {
    for (const all of [python, javascript]) {
      expect(all.filter((text) => pattern.test(text)).length).toBeGreaterThan(5);
    }
  });

  it('nest to the depth that is asked for, and no deeper', () => {
    const depths = javascript.map((text) => depthOf(JSON.parse(text)));
    expect(Math.max(...depths)).toBe(64);
    expect(depths.filter((depth) => depth === 64).length).toBeGreaterThan(100);
  });

  it('are JSON', () => {
    for (const text of javascript) expect(() => JSON.parse(text)).not.toThrow();
  });

  it('are the same for the same random numbers, and others for others', () => {
    expect(texts('Python')).toEqual(python);
    expect(new Set(python).size).toBeGreaterThan(4000);
  });
});

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
