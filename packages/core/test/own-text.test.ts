import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { ownText } from '../src/own-text.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MEBIBYTE = 2 ** 20;

/** How much more heap is in use after so many keys were kept that came out of headers of a mebibyte each. */
function heapOf(keep: (key: string) => string, count = 64): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const header = `sessionid=${String(i).padStart(32, 'k')}; other=`.padEnd(MEBIBYTE, 'x');
    kept.push(keep(header.slice(10, 42)));
  }
  collectGarbage();
  const after = process.memoryUsage().heapUsed;
  expect(kept[7]).toBe('7'.padStart(32, 'k'));
  return after - before;
}

describe('ownText', () => {
  it('does not keep the header that a key came in', () => {
    // That a part of it does is what it is there for.
    expect(heapOf((key) => key)).toBeGreaterThan(16 * MEBIBYTE);
    expect(heapOf(ownText)).toBeLessThan(8 * MEBIBYTE);
  });
});
