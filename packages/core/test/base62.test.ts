import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { decodeBase62, encodeBase62 } from '../src/base62.ts';

interface Base62Fixture {
  cases: { number: number; text: string }[];
  odd: { text: string; ok: boolean; value?: number }[];
}

const { cases, odd } = djangoFixture<Base62Fixture>('base62.json');

describe('base 62', () => {
  it.each(cases)('writes and reads $number as $text, like Django', ({ number, text }) => {
    expect(encodeBase62(number)).toBe(text);
    expect(decodeBase62(text)).toBe(number);
  });

  it.each(odd.filter(({ ok }) => ok))(
    'reads the odd text "$text" as $value, like Django',
    ({ text, value }) => {
      expect(decodeBase62(text)).toBe(value);
    },
  );

  it.each(odd.filter(({ ok }) => !ok))('refuses "$text", like Django', ({ text }) => {
    expect(() => decodeBase62(text)).toThrow(RangeError);
  });

  it('test_base62 (ported: round trip)', () => {
    const numbers = [-(10 ** 10), 10 ** 10, 1620378259];
    for (let n = -100; n < 100; n++) {
      numbers.push(n);
    }
    for (const n of numbers) {
      expect(decodeBase62(encodeBase62(n))).toBe(n);
    }
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses to write %d', (n) => {
    expect(() => encodeBase62(n)).toThrow(RangeError);
  });

  it('writes minus zero as zero', () => {
    expect(encodeBase62(-0)).toBe('0');
  });
});
