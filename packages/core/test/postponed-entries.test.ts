import { describe, expect, it } from '@jest/globals';
import { outlineObject } from '../src/json-outline.ts';
import { joinedOutline, joinObject } from '../src/json-text.ts';
import { isWorthASummary, KnownSummaries, PostponedEntries } from '../src/postponed-entries.ts';
import { heapOf, MEBIBYTE } from './support/heap.ts';

const LONG = `"${'x'.repeat(3000)}"`;

/** The entries of a text that has a summary, and how often the text was read. */
function postponed(json: string) {
  const summaries = new KnownSummaries();
  summaries.add('signature', json, outlineObject(json) ?? []);
  const summary = summaries.get('signature');
  if (!summary) throw new Error('There is no summary.');
  let reads = 0;
  const read = () => {
    reads += 1;
    return json;
  };
  return { entries: new PostponedEntries(summary, read), reads: () => reads };
}

const mixed = new Map([
  ['_auth_user_id', '"1"'],
  ['long', LONG],
  ['__proto__', '{"a":[]}'],
  ['', `"${'y'.repeat(126)}"`],
  ['other', `"${'z'.repeat(127)}"`],
]);

describe('entries that are postponed', () => {
  it('are known without the text, as long as they are short', () => {
    const { entries, reads } = postponed(joinObject(mixed));
    expect(entries.size).toBe(5);
    expect([...entries.keys()]).toEqual([...mixed.keys()]);
    for (const key of ['_auth_user_id', '__proto__', '']) {
      expect(entries.get(key)).toBe(mixed.get(key));
    }
    expect([...mixed.keys()].every((key) => entries.has(key))).toBe(true);
    expect(entries.has('nothing')).toBe(false);
    expect(entries.get('nothing')).toBeUndefined();
    expect(reads()).toBe(0);
  });

  it('are read when one is asked for that is long, and once', () => {
    const { entries, reads } = postponed(joinObject(mixed));
    expect(entries.get('long')).toBe(LONG);
    expect(entries.get('other')).toBe(mixed.get('other'));
    expect(reads()).toBe(1);
  });

  it.each<[string, (entries: ReadonlyMap<string, string>) => unknown]>([
    ['copied', (entries) => [...new Map(entries)]],
    ['spread', (entries) => [...entries]],
    ['taken as entries', (entries) => [...entries.entries()]],
    ['taken as values', (entries) => [...entries.values()].join()],
    [
      'visited',
      (entries) => {
        const seen: unknown[] = [];
        entries.forEach((text, key, all) => {
          seen.push([key, text, all === entries]);
        });
        return seen;
      },
    ],
    ['joined', joinObject],
  ])('are those of the text when they are %s', (_, take) => {
    const { entries, reads } = postponed(joinObject(mixed));
    expect(take(entries)).toEqual(take(mixed));
    expect(reads()).toBe(1);
  });

  it('need no text at all where all are short', () => {
    const short = new Map([...mixed].filter(([key]) => key !== 'long' && key !== 'other'));
    const { entries, reads } = postponed(joinObject(short));
    expect(new Map(entries)).toEqual(short);
    expect(reads()).toBe(0);
  });

  it('are the last of several with the same key, at the first one’s place', () => {
    const { entries } = postponed(`{"a":${LONG},"b":2,"a":1,"c":1,"c":${LONG}}`);
    expect(entries.get('a')).toBe('1');
    expect(entries.get('c')).toBe(LONG);
    expect([...entries.keys()]).toEqual(['a', 'b', 'c']);
    expect([...entries].map(([key, text]) => key + text)).toEqual(['a1', 'b2', `c${LONG}`]);
    expect(entries.size).toBe(3);
  });

  it('fail as the text does', () => {
    const json = joinObject(mixed);
    const summaries = new KnownSummaries();
    summaries.add('signature', json, joinedOutline(mixed));
    const entries = new PostponedEntries(summaries.get('signature') as never, () => {
      throw new RangeError('no memory');
    });
    for (const _ of [1, 2]) expect(() => entries.get('long')).toThrow('no memory');
    expect(entries.get('_auth_user_id')).toBe('"1"');
  });
});

describe('summaries', () => {
  it('are found under their signatures, and forgotten when others have come', () => {
    // Room for two in each of two generations: one of the entries is as long as three.
    const summaries = new KnownSummaries(20);
    const json = joinObject(mixed);
    const outline = joinedOutline(mixed);
    for (const name of ['a', 'b', 'c', 'a', 'd', 'e', 'f']) summaries.add(name, json, outline);
    const found = ['a', 'b', 'c', 'd', 'e', 'f'].filter((name) => summaries.get(name));
    expect(found).toEqual(['d', 'e', 'f']);
  });

  it('keep nothing of the texts that they are of', () => {
    const summaries = new KnownSummaries();
    const kept = heapOf(() => {
      for (let i = 0; i < 64; i += 1) {
        const filling = 'x'.repeat(MEBIBYTE);
        const entry = (name: string) =>
          `{"${name}":"${i} and more than a few","long":"${filling}"}`;
        const json = entry('a name of some length');
        const signed = `${json}:${String(i).padStart(43, 's')}`;
        const key = `${filling}a name of some length`.slice(-21);
        const read = i % 2 === 0;
        const outline = read
          ? (outlineObject(json) ?? [])
          : joinedOutline([
              [key, `"${i} and more than a few"`],
              ['long', `"${filling}"`],
            ]);
        summaries.add(signed.slice(-43), json, outline);
      }
    });
    expect(kept).toBeLessThan(8 * MEBIBYTE);
    for (const i of [6, 7]) {
      const summary = summaries.get(String(i).padStart(43, 's'));
      expect(summary?.kept.get('a name of some length')).toBe(`"${i} and more than a few"`);
    }
  });

  it('are worth it for what is long, and has long entries', () => {
    const worth = (characters: number, entries: number) =>
      isWorthASummary('x'.repeat(characters), entries);
    expect([worth(2047, 1), worth(0, 0), worth(12_799, 100)]).toEqual([false, false, false]);
    expect([worth(2048, 1), worth(2048, 16), worth(12_800, 100)]).toEqual([true, true, true]);
  });
});
