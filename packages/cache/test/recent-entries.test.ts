import { describe, expect, it } from '@jest/globals';
import { RecentEntries } from '../src/recent-entries.ts';

interface Entry {
  readonly key: string;
  readonly n: number;
}

function newEntries(maxEntries: number, dropped: (key: string) => void = () => undefined) {
  return new RecentEntries<Entry>({ maxEntries, maxBytes: 1e9, sizeOf: () => 1, dropped });
}

function fill(entries: RecentEntries<Entry>, from: number, to: number): void {
  for (let n = from; n < to; n++) entries.set(`key ${n}`, { key: `key ${n}`, n });
}

/** Those of the first `count` that are still there. */
function foundOf(entries: RecentEntries<Entry>, count: number): number {
  return Array.from({ length: count }, (_, n) => entries.get(`key ${n}`)).filter(Boolean).length;
}

describe('entries of which those used lately have places of their own', () => {
  it.each([100, 20_000])('keeps those in use while others come and go, of %p', (most) => {
    const entries = newEntries(most);
    fill(entries, 0, most);
    for (let round = 0; round < 20; round++) {
      expect(foundOf(entries, most / 20)).toBe(most / 20);
      // Found in their places alone.
      expect(foundOf(entries, most / 20)).toBe(most / 20);
      const from = most * (1 + round / 2);
      fill(entries, from, from + most / 2);
    }
    expect([...entries.keys()]).toHaveLength(most);
  });

  it('drops those that nobody has used in the meantime', () => {
    const dropped: string[] = [];
    const entries = newEntries(32_000, (key) => void dropped.push(key));
    fill(entries, 0, 32_000);
    expect(foundOf(entries, 100)).toBe(100);
    expect(foundOf(entries, 100)).toBe(100);
    fill(entries, 32_000, 61_900);
    expect(new Set(dropped).size).toBe(29_900);
    expect(dropped.filter((key) => Number(key.slice(4)) < 100)).toEqual([]);
    fill(entries, 61_900, 64_100);
    expect(foundOf(entries, 100)).toBe(0);
    expect(dropped).toHaveLength(32_100);
  });

  it('takes those for used that were found in their places, but for a sixteenth of all', () => {
    const entries = newEntries(32_000);
    fill(entries, 0, 32_000);
    expect(foundOf(entries, 100)).toBe(100);
    expect(foundOf(entries, 100)).toBe(100);
    // Less than a sixteenth of all each time, so that most of these uses are in their places alone.
    let next = 32_000;
    for (const others of [1800, 1800, 1600]) {
      fill(entries, next, next + others);
      next += others;
      expect(foundOf(entries, 100)).toBe(100);
    }
    fill(entries, next, next + 30_000);
    expect(foundOf(entries, 100)).toBe(100);
  });

  it('drops what takes too much room, also from the places', () => {
    const dropped: string[] = [];
    const sizeOf = ({ n }: Entry) => Math.max(1, n);
    const entries = new RecentEntries<Entry>({
      ...{ maxEntries: 100_000, maxBytes: 40_000, sizeOf },
      dropped: (key) => void dropped.push(key),
    });
    const small = Array.from({ length: 20_000 }, (_, i) => `key ${i}`);
    for (const key of small) entries.set(key, { key, n: 1 });
    for (const _ of [1, 2]) for (const key of small) expect(entries.get(key)).toBeDefined();
    // Takes the room of all others but the one that was used last.
    entries.set('large', { key: 'large', n: 39_999 });
    expect(dropped).toHaveLength(19_999);
    const gone = new Set(dropped);
    for (const key of small) expect(entries.get(key) === undefined).toBe(gone.has(key));
    expect(entries.get('large')).toBeDefined();
  });

  it('says what is there, whatever is done to it, also where several share a place', () => {
    const entries = newEntries(100_000);
    const known = new Map<string, Entry>();
    fill(entries, 0, 20_000);
    const keys = Array.from({ length: 300 }, (_, i) => `${i} place ${i % 100}`);
    for (let n = 0; n < 100_000; n++) {
      const key = keys[Math.floor(Math.random() * keys.length)] as string;
      const what = Math.random();
      if (what < 0.2) {
        entries.set(key, { key, n });
        known.set(key, { key, n });
      } else if (what < 0.3) {
        expect(entries.delete(key)).toBe(known.delete(key));
      } else {
        expect(entries.get(key)).toEqual(known.get(key));
      }
    }
    entries.clear();
    for (const key of keys) expect(entries.get(key)).toBeUndefined();
  });

  it('tells of each that is gone, once, and of none that was replaced', () => {
    const dropped: string[] = [];
    const entries = newEntries(20_000, (key) => void dropped.push(key));
    fill(entries, 0, 20_000);
    for (const n of [1, 2]) {
      expect(entries.get('key 7')).toBeDefined();
      entries.set('key 7', { key: 'key 7', n });
    }
    expect(entries.get('key 7')).toEqual({ key: 'key 7', n: 2 });
    expect(dropped).toEqual([]);
    expect(entries.delete('key 7')).toBe(true);
    expect(entries.get('key 7')).toBeUndefined();
    expect(entries.delete('key 7')).toBe(false);
    expect(dropped).toEqual(['key 7']);
  });

  it('goes on when most of them are gone', () => {
    const entries = newEntries(20_000);
    fill(entries, 0, 20_000);
    expect(foundOf(entries, 20_000)).toBe(20_000);
    for (let n = 10; n < 20_000; n++) entries.delete(`key ${n}`);
    for (let round = 0; round < 3; round++) expect(foundOf(entries, 10)).toBe(10);
    fill(entries, 0, 20_000);
    for (let round = 0; round < 3; round++) expect(foundOf(entries, 20_000)).toBe(20_000);
  });
});
