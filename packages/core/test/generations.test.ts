import { describe, expect, it } from '@jest/globals';
import { Generations } from '../src/generations.ts';

const kept = (most: number) => new Generations<string>(most, (_, value) => value.length);

describe('what was asked for a short while ago', () => {
  it('is forgotten when others have filled up two generations, unless it is asked for', () => {
    const known = kept(10);
    known.add('asked for', '12345');
    known.add('not asked for', '12345');
    for (const key of ['a', 'b', 'c']) {
      known.add(key, '12345');
      expect(known.get('asked for')).toBe('12345');
    }
    expect(known.get('not asked for')).toBeUndefined();
  });

  it('is there once: what it was before does not come back from the older generation', () => {
    const known = kept(20);
    known.add('key', 'old');
    known.add('a', '1'.repeat(20));
    // In the older generation by now.
    known.add('key', 'new');
    known.delete('key');
    expect(known.get('key')).toBeUndefined();
    known.add('key', 'old again');
    known.add('key', '1'.repeat(20));
    expect(known.get('key')).toBe('1'.repeat(20));
    known.add('b', '1'.repeat(20));
    expect(known.get('key')).toBe('1'.repeat(20));
  });

  it('weighs what it is now', () => {
    const known = kept(20);
    known.add('a', '1'.repeat(10));
    for (const _ of [1, 2, 3, 4, 5]) known.add('b', '1'.repeat(10));
    known.add('b', '1');
    known.add('c', '1'.repeat(9));
    known.add('d', '1');
    // Had each been counted, the first would have been forgotten.
    expect(known.get('a')).toBe('1'.repeat(10));
  });
});
