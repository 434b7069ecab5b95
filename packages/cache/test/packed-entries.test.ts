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
      expect(entries.endOf(entry.key)).toBe(entry.endsAt);
    }
    for (const other of ['b', `${text}?`, `x${text}`]) expect(entries.get(other)).toBeUndefined();
    for (const entry of all) expect(entries.take(entry.key)).toEqual(entry);
    expect(entries.size).toBe(0);
    expect(entries.countedBytes).toBe(0);
  });

  it('are taken oldest first, whatever was taken out of their midst', () => {
    const entries = new PackedEntries();
    const keys = Array.from({ length: 50_000 }, (_, n) => `key ${n}`);
    const textOf = (key: string) => key.repeat(key.endsWith('33') ? 1000 : 10);
    for (const key of keys) entries.add(entryOf(key, textOf(key)));
    // Leaves a tenth, so that slabs are merged.
    const left = keys.filter((_, n) => n % 10 === 3);
    const gone = keys.filter((_, n) => n % 10 !== 3).sort(() => Math.random() - 0.5);
    expect(gone.filter((key) => !entries.delete(key))).toEqual([]);
    for (const key of ['new', 'newer']) entries.add(entryOf(key, textOf(key)));
    const all = [...left, 'new', 'newer'];
    expect(entries.keys()).toEqual(all);
    expect(all.filter((key) => entries.get(key)?.text !== textOf(key))).toEqual([]);
    expect(all.map(() => entries.takeOldest())).toEqual(all);
    expect(entries.size).toBe(0);
    expect(() => entries.takeOldest()).toThrow('no entry');
  });

  it('of any length are kept and found, also beside shorter ones', () => {
    const entries = new PackedEntries();
    const lengths = [10, 4070, 4071, 10, 5 * 2 ** 20, 32_768, 4072, 10];
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

  it('take half as much memory again at most, and give it back', async () => {
    const before = await outside();
    const entries = new PackedEntries();
    const text = 'x'.repeat(500);
    const most = () => 1.7 * 550 * entries.size + 4 * 2 ** 20;
    const keys = Array.from({ length: 60_000 }, (_, n) => `key ${n}`);
    for (const key of keys) entries.add(entryOf(key, text));
    expect((await outside()) - before).toBeLessThan(most() / 1.4);
    // Three of four leave, from all over the place.
    for (const [n, key] of keys.entries()) if (n % 4 !== 0) entries.delete(key);
    expect((await outside()) - before).toBeLessThan(most());
    // Each of those that are left is used now and then.
    const left = keys.filter((_, n) => n % 4 === 0);
    for (let n = 0; n < 60_000; n++) {
      const used = entries.take(left[Math.floor(Math.random() * left.length)] as string);
      entries.add(used as KeptEntry);
    }
    expect((await outside()) - before).toBeLessThan(most());
    while (entries.size > 10) entries.takeOldest();
    expect((await outside()) - before).toBeLessThan(2.8 * 2 ** 20);
  });

  it('give back the memory of long ones beside short ones', async () => {
    const before = await outside();
    const entries = new PackedEntries();
    for (let n = 0; n < 100; n++) {
      entries.add(entryOf(`short ${n}`, 'x'));
      entries.add(entryOf(`long ${n}`, 'x'.repeat(2 ** 18)));
      entries.add(entryOf(`gone ${n}`, 'x'));
      entries.delete(`gone ${n}`);
    }
    for (let n = 0; n < 100; n++) entries.delete(`long ${n}`);
    expect(entries.keys()).toHaveLength(100);
    expect((await outside()) - before).toBeLessThan(2 ** 20);
  });

  it('are found while most keys that are asked for are not there', () => {
    const entries = new PackedEntries();
    for (let n = 0; n < 30_000; n++) entries.add(entryOf(`${n}`, `${-n}`));
    const asked = Array.from({ length: 90_000 }, (_, n) => `${n}`);
    expect(asked.filter((key) => entries.get(key)?.key === key)).toEqual(asked.slice(0, 30_000));
  });
});
