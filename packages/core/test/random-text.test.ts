import { randomText } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { LIMIT, unevenness } from './support/unevenness.ts';

const LOWER = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LETTERS = `${LOWER}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;
const LENGTH = 3_200_000;

describe.each([
  ['session keys', LOWER],
  ['CSRF secrets', LETTERS],
  ['ten digits', '0123456789'],
])('random text of the alphabet of %s', (_, alphabet) => {
  it('has every symbol equally often, by the chi-square test', () => {
    expect(unevenness(randomText(LENGTH, alphabet), alphabet)).toBeLessThan(LIMIT);
  });

  it('would fail that test if bytes were taken modulo its size', () => {
    let biased = '';
    for (let byte = 0; byte < 256; byte += 1) {
      biased += alphabet.charAt(byte % alphabet.length).repeat(LENGTH / 256);
    }
    expect(unevenness(biased, alphabet)).toBeGreaterThan(LIMIT);
  });
});

it('random text is as long as asked for, and never the same', () => {
  const texts = Array.from({ length: 10_000 }, () => randomText(32, LETTERS));
  expect(texts.every((text) => /^[a-zA-Z0-9]{32}$/.test(text))).toBe(true);
  expect(new Set(texts).size).toBe(texts.length);
  expect(randomText(0, LETTERS)).toBe('');
});

it('an alphabet of one or of 256 symbols needs no bytes thrown away', () => {
  expect(randomText(5, 'a')).toBe('aaaaa');
  const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  expect(unevenness(randomText(LENGTH, all), all)).toBeLessThan(500);
});

it.each([
  ['beyond Latin-1', `${LOWER}Ω`],
  ['with nothing in it', ''],
  ['with more symbols than a byte has', 'a'.repeat(257)],
])('an alphabet %s is refused', (_, alphabet) => {
  expect(() => randomText(1, alphabet)).toThrow(RangeError);
});
