import { describe, expect, it } from '@jest/globals';
import { outlinedEntries, outlineObject } from '../src/json-outline.ts';
import { joinedOutline, joinObject } from '../src/json-text.ts';
import { KnownOutlines } from '../src/known-outlines.ts';

const long = (filling: string) => JSON.stringify({ a: 1, filled: filling.repeat(3000) });

/** What is outlined, and how often. */
function counting() {
  const outlined: string[] = [];
  const outline = (text: string) => {
    outlined.push(text);
    return outlineObject(text);
  };
  return { outlined, outline };
}

describe('outlines that are known', () => {
  it('are those of long texts, whoever made the text', () => {
    const { outlined, outline } = counting();
    const known = new KnownOutlines();
    const first = known.find(long('x'), outline);
    expect(first?.map(({ key }) => key)).toEqual(['a', 'filled']);
    expect(known.find(long('x'), outline)).toBe(first);
    expect(known.find(long('y'), outline)).toEqual(first);
    expect(outlined).toEqual([long('x'), long('y')]);
  });

  it('are learnt from what is written', () => {
    const { outlined, outline } = counting();
    const known = new KnownOutlines();
    const entries = new Map([
      ['a', '1'],
      ['é "b"', `"${'x'.repeat(3000)}"`],
      ['', '[]'],
    ]);
    const text = joinObject(entries);
    known.learn(text, () => joinedOutline(entries));
    const found = known.find(text, outline);
    expect(outlined).toEqual([]);
    expect(found).toEqual(outlineObject(text));
    expect(found && outlinedEntries(text, found)).toEqual(entries);
  });

  it('are not those of short texts, which are outlined as quickly', () => {
    const { outlined, outline } = counting();
    const known = new KnownOutlines();
    for (const _ of [1, 2]) known.find('{"a":1}', outline);
    expect(outlined).toHaveLength(2);
  });

  it('are not those of texts that were refused', () => {
    const known = new KnownOutlines();
    expect(known.find(long('x'), () => undefined)).toBeUndefined();
    expect(known.find(long('x'), outlineObject)).toHaveLength(2);
  });

  it('are not those of texts whose bytes may be those of others', () => {
    const known = new KnownOutlines();
    const text = (key: string) => `{"${key}":1,"filled":"${'x'.repeat(3000)}"}`;
    known.find(text('\ud800'), outlineObject);
    expect(known.find(text('\udc01'), outlineObject)?.[0]?.key).toBe('\udc01');
  });

  it('are forgotten sooner where keys are long', () => {
    const { outlined, outline } = counting();
    const known = new KnownOutlines(100);
    const text = (first: string) => JSON.stringify({ [first + 'k'.repeat(6000)]: 1 });
    for (const first of ['a', 'b', 'c', 'a']) known.find(text(first), outline);
    expect(outlined).toHaveLength(4);
  });

  it('are counted once, however often they are written', () => {
    const { outlined, outline } = counting();
    const known = new KnownOutlines(6);
    known.find(long('b'), outline);
    for (const _ of [1, 2, 3, 4]) known.learn(long('a'), () => outlineObject(long('a')) ?? []);
    known.find(long('b'), outline);
    expect(outlined).toHaveLength(1);
  });

  it('are forgotten when others have come since, unless they are asked for meanwhile', () => {
    const { outlined, outline } = counting();
    // Room for two texts in each of two generations.
    const known = new KnownOutlines(6);
    for (const filling of ['a', 'b', 'c', 'a', 'd', 'e', 'a', 'b'])
      known.find(long(filling), outline);
    expect(outlined.map((text) => text.at(-3))).toEqual(['a', 'b', 'c', 'd', 'e', 'b']);
  });
});
