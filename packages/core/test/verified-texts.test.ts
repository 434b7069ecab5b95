import { describe, expect, it } from '@jest/globals';
import { VerifiedTexts } from '../src/verified-texts.ts';

const heldBy = (text: string) => ({
  ...{ text, entries: new Map(), signedAt: undefined, fallback: undefined },
  ...{ rotated: false, moving: undefined },
});

describe('texts that were verified', () => {
  it('are found again under their keys, and no others', () => {
    const texts = new VerifiedTexts();
    const held = heldBy('text');
    texts.add('key', held);
    expect(texts.get('key', 'text')).toBe(held);
    for (const other of ['', 'tex', 'texts', 'Text']) {
      expect(texts.get('key', other)).toBeUndefined();
    }
    for (const other of ['', 'ke', 'keys', 'Key']) {
      expect(texts.get(other, 'text')).toBeUndefined();
    }
  });

  it('are never taken for another, where keys end alike', () => {
    const texts = new VerifiedTexts();
    const keys = ['a', 'b'].map((start) => `${start} ends like the other one`);
    for (const key of keys) texts.add(key, heldBy(`text of ${key}`));
    const found = keys.map((key) => texts.get(key, `text of ${key}`));
    expect(found).toEqual([undefined, heldBy(`text of ${keys[1]}`)]);
  });

  it('are replaced by the next one under the same key', () => {
    const texts = new VerifiedTexts();
    for (const text of ['0123456789', '9876543210']) texts.add('key', heldBy(text));
    expect(texts.get('key', '0123456789')).toBeUndefined();
    expect(texts.get('key', '9876543210')).toBeDefined();
    texts.delete('key');
    expect(texts.get('key', '9876543210')).toBeUndefined();
  });

  it('are forgotten when others come, the ones first that nobody asks for', () => {
    const texts = new VerifiedTexts(10 * (10 + 256));
    const names = Array.from({ length: 25 }, (_, i) => `text ${String(i).padStart(5, '0')}`);
    for (const name of names) {
      texts.add(name, heldBy(name));
      texts.get('text 00000', 'text 00000');
    }
    const found = names.filter((name) => texts.get(name, name));
    expect(found[0]).toBe('text 00000');
    expect(found).toContain('text 00024');
    expect(found.length).toBeLessThanOrEqual(20);
  });

  it('are bounded however short they are', () => {
    const texts = new VerifiedTexts();
    const keys = Array.from({ length: 50_000 }, (_, i) => `${i}`);
    for (const key of keys) texts.add(key, heldBy('{}'));
    const known = keys.filter((key) => texts.get(key, '{}'));
    expect(known.length).toBeGreaterThan(10_000);
    expect(known.length).toBeLessThan(25_000);
  });

  it('are counted once, however often they are added', () => {
    const texts = new VerifiedTexts(2 * (10 + 256));
    texts.add('one', heldBy('0123456789'));
    for (const _ of [1, 2, 3, 4, 5]) texts.add('other', heldBy('abcdefghij'));
    expect(texts.get('one', '0123456789')).toBeDefined();
  });
});
