import { describe, expect, it } from '@jest/globals';
import { countedBytes, KeptEntry } from '../src/kept-entry.ts';
import { RecentEntries } from '../src/recent-entries.ts';

const WITHOUT_CHARACTERS = countedBytes(0, 0);
const MEBIBYTE = 2 ** 20;

function newEntries(maxEntries: number, dropped: (key: string) => void = () => undefined) {
  return new RecentEntries({ maxEntries, maxBytes: 1e9, dropped });
}

function entryOf(key: string, text = `text of ${key}`, endsAt = 1): KeptEntry {
  return new KeptEntry(key, text, endsAt);
}

/** As a cache does it, which looks for an entry before it puts another one there. */
function set(entries: RecentEntries, entry: KeptEntry): void {
  entries.get(entry.key);
  entries.put(entry);
}

function fill(entries: RecentEntries, from: number, to: number): void {
  for (let n = from; n < to; n++) set(entries, entryOf(`key ${n}`));
}

/** Those of the first `count` that are still there. */
function foundOf(entries: RecentEntries, count: number): number {
  return Array.from({ length: count }, (_, n) => entries.get(`key ${n}`)).filter(Boolean).length;
}

describe('entries of which those used lately are objects and the others packed', () => {
  it.each([100, 20_000])('keeps those in use while others come and go, of %p', (most) => {
    const entries = newEntries(most);
    fill(entries, 0, most);
    for (let round = 0; round < 10; round++) {
      expect(foundOf(entries, most / 20)).toBe(most / 20);
      const from = most * (1 + round / 2);
      fill(entries, from, from + most / 2);
    }
    expect(entries.keys()).toHaveLength(most);
  });

  it('drops the one that nobody has used for longest, in exactly that order', () => {
    const dropped: string[] = [];
    const entries = newEntries(32_000, (key) => void dropped.push(key));
    fill(entries, 0, 32_000);
    // One that is packed, one that is not, and looking alone does not count.
    for (const n of [7, 31_000]) expect(entries.get(`key ${n}`)).toBeDefined();
    expect(entries.peek('key 8')?.text).toBe('text of key 8');
    fill(entries, 32_000, 32_010);
    expect(dropped).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9, 10].map((n) => `key ${n}`));
    fill(entries, 32_010, 64_008);
    const last = [
      31_999, 7, 31_000, 32_000, 32_001, 32_002, 32_003, 32_004, 32_005, 32_006, 32_007,
    ];
    expect(dropped.slice(-last.length)).toEqual(last.map((n) => `key ${n}`));
    expect(dropped).toHaveLength(32_008);
  });

  it.each([
    ['many', 20_000],
    ['few', 10],
  ])('drops what takes too much room, of %s', (_, count) => {
    const dropped: string[] = [];
    const room = count * countedBytes(8, 0);
    const entries = new RecentEntries({
      ...{ maxEntries: 100_000, maxBytes: room },
      dropped: (key) => void dropped.push(key),
    });
    const keys = Array.from({ length: count }, (_, n) => `${n}`.padStart(8, '0'));
    for (const key of keys) set(entries, entryOf(key, ''));
    expect(dropped).toEqual([]);
    // Takes the room of all others but the one that was used last.
    const large = 'x'.repeat(room - countedBytes(8, 0) - WITHOUT_CHARACTERS - 5);
    set(entries, entryOf('large', large));
    expect(dropped).toEqual(keys.slice(0, -1));
    expect(keys.filter((key) => entries.get(key))).toEqual(keys.slice(-1));
    expect(entries.get('large')?.text).toBe(large);
  });

  it('keeps what is larger than all that is not packed', () => {
    const dropped: string[] = [];
    const entries = newEntries(100_000, (key) => void dropped.push(key));
    const texts = ['a', 'b'].map((character) => character.repeat(40 * MEBIBYTE));
    for (const [n, text] of texts.entries()) set(entries, entryOf(`long ${n}`, text));
    set(entries, entryOf('longer', 'd'.repeat(70 * MEBIBYTE)));
    fill(entries, 0, 10);
    for (const [n, text] of texts.entries()) {
      expect(entries.get(`long ${n}`)?.text === text).toBe(true);
    }
    expect(entries.get('longer')?.text).toHaveLength(70 * MEBIBYTE);
    expect(foundOf(entries, 10)).toBe(10);
    expect(dropped).toEqual([]);
  });

  it('does what one list in the order of use would do', () => {
    const dropped: string[] = [];
    const maxBytes = 18_000 * (WITHOUT_CHARACTERS + 60);
    const entries = new RecentEntries({
      ...{ maxEntries: 20_000, maxBytes },
      dropped: (key) => void dropped.push(key),
    });
    /** Least recently used first. */
    const list = new Map<string, KeptEntry>();
    let [bytes, expectedDrops] = [0, 0];
    const countOf = ({ key, text }: KeptEntry) => countedBytes(key.length, text.length);
    const remove = (key: string): boolean => {
      const entry = list.get(key);
      if (entry) bytes -= countOf(entry);
      return list.delete(key);
    };
    const drop = (key: string): void => {
      remove(key);
      if (dropped[expectedDrops++] !== key) throw new Error(`${key} was not dropped in its turn.`);
    };
    const put = (entry: KeptEntry): void => {
      remove(entry.key);
      list.set(entry.key, entry);
      bytes += countOf(entry);
      while (list.size > 20_000 || bytes > maxBytes) drop(list.keys().next().value as string);
    };
    const check = (found: KeptEntry | undefined, key: string): void => {
      const expected = list.get(key);
      if (found?.text !== expected?.text || found?.endsAt !== expected?.endsAt) {
        throw new Error(`${key} is not what it was.`);
      }
    };
    for (let n = 0; n < 60_000; n++) {
      const isNew = n < 22_000;
      const key = `key ${isNew ? n : Math.floor(Math.random() * 22_000)}`;
      const what = isNew ? 0 : Math.random();
      if (what < 0.4) {
        const entry = entryOf(key, 'é'.repeat(Math.random() * 100) + n, n);
        set(entries, entry);
        put(entry);
      } else if (what < 0.5) {
        if (entries.delete(key) !== list.has(key)) throw new Error(`${key} was there, or not.`);
        if (list.has(key)) drop(key);
      } else if (what < 0.6) {
        check(entries.peek(key), key);
        if (entries.endOf(key) !== list.get(key)?.endsAt) throw new Error(`${key} ends later.`);
      } else {
        const found = entries.get(key);
        check(found, key);
        if (found) put(found);
      }
    }
    expect(entries.keys()).toEqual([...list.keys()]);
    const early = [...list.values()].filter(({ endsAt }) => endsAt <= 50_000);
    expect(entries.keys(50_000)).toEqual(early.map(({ key }) => key));
    expect(dropped).toHaveLength(expectedDrops);
    expect(expectedDrops).toBeGreaterThan(4000);
    entries.clear();
    expect(entries.keys()).toEqual([]);
    expect(dropped).toHaveLength(expectedDrops + list.size);
  });

  it('tells of each that is gone, once, and of none that was replaced or packed', () => {
    const dropped: string[] = [];
    const entries = newEntries(40_000, (key) => void dropped.push(key));
    fill(entries, 0, 40_000);
    for (const key of ['key 7', 'key 39999']) {
      for (const text of ['a', 'b']) set(entries, entryOf(key, text));
      expect(entries.get(key)?.text).toBe('b');
      fill(entries, 10_000, 30_000);
      expect(entries.get(key)?.text).toBe('b');
      fill(entries, 10_000, 30_000);
      expect(dropped).toEqual([]);
      expect(entries.delete(key)).toBe(true);
      expect(entries.get(key)).toBeUndefined();
      expect(entries.delete(key)).toBe(false);
      expect(dropped.splice(0)).toEqual([key]);
    }
  });

  it('goes on when most of them are gone', () => {
    const entries = newEntries(40_000);
    fill(entries, 0, 40_000);
    for (let n = 10; n < 40_000; n++) entries.delete(`key ${n}`);
    expect(foundOf(entries, 40_000)).toBe(10);
    fill(entries, 0, 40_000);
    expect(foundOf(entries, 40_000)).toBe(40_000);
  });
});
