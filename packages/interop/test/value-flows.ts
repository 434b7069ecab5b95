import { describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { bothWays, type Sites } from './sites.ts';

/** As Python writes it; JavaScript would read 12345678901234567000, 1, 0 and no NaN at all, and sort the keys. */
const beyondJavaScript =
  '{"numbers": [12345678901234567890, 1.0, -0.0, 1e+16, 1e-07, NaN, Infinity, -Infinity], ' +
  '"deep": {"9": {"2": 1.0, "1": 2.50}, "8": 9007199254740993}, "3": "three", "2": "two"}';

const texts = {
  plain: 'Zürich → 東京',
  emoji: '🧥🎩 👩‍👩‍👧',
  'lone surrogates': '\\ud83e\\udde5 \ud83e \udde5 \udfff\ud800',
  controls: '\0 \u0001 \u001f \u007f \u0080 \u2028 \u2029 \ufeff',
  quotes: `"'\\/`,
  '': 'an empty name',
  'ключ 🔑 \ud800': '',
};

const shapes = {
  nothing: null,
  flags: [true, false],
  numbers: [0, -1, 1.5, 1e21, 1e-7, 9_007_199_254_740_991, 2_147_483_648, -129, 65_536],
  empty: [{}, [], ''],
  nested: { a: [{ b: [[{ c: null }]] }] },
  ...JSON.parse('{"__proto__": {"x": 1}, "constructor": "no", "toString": 1}'),
};

/** What one half stores, the other reads and leaves as it is. */
export function describeValues(sites: () => Sites): void {
  describe('a value', () => {
    it('that JavaScript cannot represent survives a change of another entry on Koa', async () => {
      const browser = new Browser();
      await browser.postText(sites().Django, '/session', beyondJavaScript);
      const { text } = await browser.get(sites().Django, '/session');
      expect(text).toContain('12345678901234567890, 1.0, -0.0, 1e+16');
      await browser.post(sites().Koa, '/cart', { item: 'coat' });
      const after = await browser.get(sites().Django, '/session');
      expect(after.text).toBe(`${text.slice(0, -1)}, "cart": ["coat"]}`);
    });

    it.each(bothWays)('of any shape, stored on %s, is the same on %s', async (first, second) => {
      const browser = new Browser();
      (await browser.post(sites()[first], '/session', shapes)).json();
      const read = (await browser.get(sites()[second], '/session')).json();
      expect(inOrder(read)).toEqual(inOrder(shapes));
    });

    it.each(bothWays)('of any text, stored on %s, is the same on %s', async (first, second) => {
      const browser = new Browser();
      (await browser.post(sites()[first], '/session', texts)).json();
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      for (const half of [second, first]) {
        const read = (await browser.get(sites()[half], '/session')).json();
        expect(read).toEqual({ ...texts, cart: ['coat'] });
      }
    });
  });
}

/** Entries by name, each as text: equality of objects overlooks `__proto__`. */
function inOrder(values: object): [string, string][] {
  return Object.entries(values)
    .map(([name, value]): [string, string] => [name, JSON.stringify(value)])
    .sort();
}
