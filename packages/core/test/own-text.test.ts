import { describe, expect, it } from '@jest/globals';
import { ownText } from '../src/own-text.ts';
import { heapOf, MEBIBYTE } from './support/heap.ts';

/** How much more heap is in use after so many keys were kept that came out of headers of a mebibyte each. */
function heapOfKeys(keep: (key: string) => string, count = 64): number {
  const kept: string[] = [];
  const grown = heapOf(() => {
    for (let i = 0; i < count; i += 1) {
      const header = `sessionid=${String(i).padStart(32, 'k')}; other=`.padEnd(MEBIBYTE, 'x');
      kept.push(keep(header.slice(10, 42)));
    }
  });
  expect(kept[7]).toBe('7'.padStart(32, 'k'));
  return grown;
}

describe('ownText', () => {
  it('does not keep the header that a key came in', () => {
    // That a part of it does is what it is there for.
    expect(heapOfKeys((key) => key)).toBeGreaterThan(16 * MEBIBYTE);
    expect(heapOfKeys(ownText)).toBeLessThan(8 * MEBIBYTE);
  });
});
