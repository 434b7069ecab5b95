import { describe, expect, it } from '@jest/globals';
import { VerifiedTexts } from '../src/verified-texts.ts';

const held = {
  entries: new Map(),
  signedAt: undefined,
  fallback: undefined,
  rotated: false,
  moving: undefined,
};

describe('texts that were verified', () => {
  it('are found again, and no others', () => {
    const texts = new VerifiedTexts();
    texts.add('text', held);
    expect(texts.get('text')).toBe(held);
    for (const other of ['', 'tex', 'texts', 'Text']) expect(texts.get(other)).toBeUndefined();
  });

  it('are forgotten when others come, the ones first that nobody asks for', () => {
    const texts = new VerifiedTexts(100);
    const names = Array.from({ length: 25 }, (_, i) => `text ${String(i).padStart(5, '0')}`);
    for (const name of names) {
      texts.add(name, held);
      texts.get('text 00000');
    }
    const found = names.filter((name) => texts.get(name));
    expect(found[0]).toBe('text 00000');
    expect(found).toContain('text 00024');
    expect(found.length).toBeLessThanOrEqual(20);
  });

  it('are counted once, however often they are added', () => {
    const texts = new VerifiedTexts(20);
    texts.add('0123456789', held);
    for (const _ of [1, 2, 3, 4, 5]) texts.add('abcdefghij', held);
    expect(texts.get('0123456789')).toBe(held);
  });
});
