import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { KeptEntry } from '../src/kept-entry.ts';
import { PackedEntries } from '../src/packed-entries.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function entryOf(key: string, text: string, endsAt = 1): KeptEntry {
  return new KeptEntry(key, text, endsAt);
}

/** Bytes outside of V8's heap that are in use; V8 gives back what is not, a little later than it collects. */
async function outside(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    least = Math.min(least, process.memoryUsage().arrayBuffers);
  }
  return least;
}

describe('packed entries', () => {
  it.each([
    ['nothing', ''],
    ['ASCII', '{"a":"b"}\0\x7f'],
    ['Latin-1', 'é\xff'],
    ['more than Latin-1', 'Ж語'],
    ['characters beyond the basic plane', '🧥'],
    ['halves of such characters', '\ud800 \udc00'],
    ['a byte order mark', '\ufeffa\ufffe'],
  ])('keep %s as it is', (_, text) => {
    const entries = new PackedEntries();
    const all = [
      entryOf('a', text, 1.5),
      entryOf(text, 'a', 8.64e15),
      entryOf(`${text}!`, text, 0),
    ];
    for (const entry of all) entries.add(entry);
    for (const entry of all) {
      expect(entries.get(entry.key)).toEqual(entry);
      expect(entries.keyOf(entry.key)).toBe(entry.key);
    }
    for (const other of ['b', `${text}?`, `x${text}`]) expect(entries.get(other)).toBeUndefined();
    for (const entry of all) expect(entries.take(entry.key)).toEqual(entry);
    expect(entries.size).toBe(0);
    expect(entries.countedBytes).toBe(0);
  });

  it('are taken oldest first, whatever was taken out of their midst', () => {
    const entries = new PackedEntries();
    const keys = Array.from({ length: 50_000 }, (_, n) => `key ${n}`);
    for (const key of keys) entries.add(entryOf(key, 'x'.repeat(100)));
    // Leaves a tenth, so that slabs are merged.
    const left = keys.filter((_, n) => n % 10 === 3);
    const gone = keys.filter((_, n) => n % 10 !== 3).sort(() => Math.random() - 0.5);
    expect(gone.filter((key) => !entries.delete(key))).toEqual([]);
    for (const key of ['new', 'newer']) entries.add(entryOf(key, key));
    expect(entries.keys()).toEqual([...left, 'new', 'newer']);
    const taken = [...left, 'new', 'newer'].map(() => entries.takeOldest());
    expect(taken).toEqual([...left, 'new', 'newer']);
    expect(entries.size).toBe(0);
    expect(() => entries.takeOldest()).toThrow('no entry');
  });

  it('of any length are kept and found, also beside shorter ones', () => {
    const entries = new PackedEntries();
    const lengths = [10, 2 ** 20 - 24, 2 ** 20, 10, 5 * 2 ** 20, 2 ** 19 + 1, 2 ** 19 + 1, 10];
    const texts = lengths.map((length, n) => String.fromCharCode(97 + n).repeat(length));
    for (const [n, text] of texts.entries()) entries.add(entryOf(`${n}`, text));
    for (const [n, text] of texts.entries()) expect(entries.get(`${n}`)?.text === text).toBe(true);
    for (const n of [4, 1, 7]) expect(entries.take(`${n}`)?.text === texts[n]).toBe(true);
    for (let n = 0; n < 10_000; n++) entries.add(entryOf(`more ${n}`, 'x'.repeat(300)));
    expect(entries.keys().slice(0, 6)).toEqual(['0', '2', '3', '5', '6', 'more 0']);
    for (const n of [0, 2, 3, 5, 6]) expect(entries.get(`${n}`)?.text === texts[n]).toBe(true);
    const more = Array.from({ length: 10_000 }, (_, n) => entries.get(`more ${n}`)?.text.length);
    expect(new Set(more)).toEqual(new Set([300]));
  });

  it('take at most twice their memory, and give it back', async () => {
    const before = await outside();
    const entries = new PackedEntries();
    let bytes = 0;
    const add = (key: string) => {
      entries.add(entryOf(key, 'x'.repeat(500)));
      bytes += 500;
    };
    for (let n = 0; n < 100_000; n++) add(`key ${n}`);
    const spare = 8 * 2 ** 20;
    expect((await outside()) - before).toBeLessThan(1.2 * bytes + spare);
    // Three of four leave, then for each that leaves another one comes.
    for (let n = 0; n < 100_000; n++) {
      if (n % 4 === 0) continue;
      entries.delete(`key ${n}`);
      bytes -= 500;
    }
    expect((await outside()) - before).toBeLessThan(2.4 * bytes + spare);
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 5_000; n++) {
        const key = `key ${4 * (n + 5_000 * (round % 5))}`;
        entries.take(key);
        entries.add(entryOf(key, 'x'.repeat(500)));
      }
      expect((await outside()) - before).toBeLessThan(2.4 * bytes + spare);
    }
    while (entries.size > 0) entries.takeOldest();
    expect((await outside()) - before).toBeLessThan(spare);
  });

  it('are found while most keys that are asked for are not there', () => {
    const entries = new PackedEntries();
    for (let n = 0; n < 30_000; n++) entries.add(entryOf(`${n}`, `${-n}`));
    const asked = Array.from({ length: 90_000 }, (_, n) => `${n}`);
    expect(asked.filter((key) => entries.keyOf(key) === key)).toEqual(asked.slice(0, 30_000));
  });
});
