import { createRandom } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { outlineObject } from '../src/json-outline.ts';
import { joinObject, measureJson } from '../src/json-text.ts';
import { KnownMeasures } from '../src/known-measures.ts';
import { randomJson } from './random-json.ts';

const filling = JSON.stringify('x'.repeat(2000));

describe('the measure of entries', () => {
  it('is that of their text, whatever they were made from', () => {
    const measures = new KnownMeasures();
    const random = createRandom(11);
    let before: Map<string, string> | undefined;
    for (let turn = 0; turn < 500; turn += 1) {
      const entries = new Map(before ?? [['filling', filling]]);
      const key = `key${turn % 7}`;
      if (turn % 5 === 4) entries.delete(key);
      else entries.set(key, randomJson(random));
      const json = joinObject(entries);
      const exact = measureJson(json);
      const { depth, entries: count } = measures.measure(json, entries, before);
      expect(count).toBe(exact.entries);
      expect(depth).toBeGreaterThanOrEqual(exact.depth);
      if (turn < 4) expect(depth).toBe(exact.depth);
      before = entries;
    }
  });

  it('is passed on between entries and the outline of their text', () => {
    const measures = new KnownMeasures();
    const before = new Map([
      ['deep', '[[[[]]]]'],
      ['filling', filling],
    ]);
    const json = joinObject(before);
    const outline = outlineObject(json) ?? [];
    // Not what it is, to be told from what is measured.
    measures.keep(outline, json, { depth: 9, entries: 90 });
    measures.pass(outline, before);
    const after = new Map(before).set('more', '[1,2]');
    expect(measures.measure(joinObject(after), after, before)).toEqual({ depth: 9, entries: 93 });
  });

  it('is not kept of short texts', () => {
    const measures = new KnownMeasures();
    const entries = new Map([['a', '1']]);
    const json = joinObject(entries);
    const outline = outlineObject(json) ?? [];
    measures.keep(outline, json, { depth: 9, entries: 90 });
    measures.pass(outline, entries);
    const after = new Map(entries).set('b', '2');
    expect(measures.measure(joinObject(after), after, entries)).toEqual({ depth: 1, entries: 2 });
  });
});
