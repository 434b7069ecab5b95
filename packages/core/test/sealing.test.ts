import { createDecipheriv, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SEAL_BYTES, Sealer } from '../src/sealing.ts';

const SECRET = 'test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb';
const OTHER = 'another-one:Zt5!kW8eQn3Rv7Xy2Lm6Qa1';
const SALT = 'some.salt';
const sealer = new Sealer([SECRET], SALT);

const flip = (sealed: string, at: number, bit: number): string =>
  sealed.slice(0, at) +
  String.fromCharCode(sealed.charCodeAt(at) ^ (1 << bit)) +
  sealed.slice(at + 1);

describe('sealed text', () => {
  it.each(['', '{}', '{"a":"é\\u00e9"}', '\u0000\u007f\u0080\u00ff', 'x'.repeat(100_000)])(
    'opens to what was sealed: %#',
    (text) => {
      expect(sealer.open(sealer.seal(text))).toBe(text);
    },
  );

  it('is as long as the text and 28 bytes more, and says nothing of it', () => {
    const text = '{"name":"visitor"}'.repeat(10);
    const sealed = sealer.seal(text);
    expect(sealed).toHaveLength(text.length + 28);
    expect(SEAL_BYTES).toBe(28);
    expect(sealed).not.toContain('visitor');
    expect(Buffer.from(sealed, 'latin1').toString('latin1')).toBe(sealed);
  });

  it('is another one each time', () => {
    const all = Array.from({ length: 1000 }, () => sealer.seal('{}'));
    expect(new Set(all.map((sealed) => sealed.slice(0, 12))).size).toBe(1000);
  });

  it('is AES-256-GCM: nonce, ciphertext and tag, under a key that HKDF derives', () => {
    const sealed = Buffer.from(sealer.seal('{"a":1}'), 'latin1');
    const key = hkdfSync('sha256', SECRET, SALT, 'coatcheck sealed session', 32);
    const cipher = createDecipheriv('aes-256-gcm', Buffer.from(key), sealed.subarray(0, 12));
    cipher.setAuthTag(sealed.subarray(-16));
    const text = Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
    expect(text.toString()).toBe('{"a":1}');
  });

  it('does not open with any bit flipped', () => {
    const sealed = sealer.seal('{"a":1}');
    for (let at = 0; at < sealed.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        expect(() => sealer.open(flip(sealed, at, bit))).toThrow();
      }
    }
  });

  it('does not open when it is cut, longer, or too short to be any', () => {
    const sealed = sealer.seal('{"a":1}');
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => sealer.open(sealed.slice(0, length))).toThrow();
      expect(() => sealer.open(sealed.slice(length + 1))).toThrow();
    }
    expect(() => sealer.open(`${sealed}\u0000`)).toThrow();
    expect(() => sealer.open('x'.repeat(27))).toThrow(RangeError);
  });

  it('does not open under another secret or salt', () => {
    const sealed = sealer.seal('{"a":1}');
    expect(() => new Sealer([OTHER], SALT).open(sealed)).toThrow();
    expect(() => new Sealer([SECRET], 'other.salt').open(sealed)).toThrow();
    expect(() => new Sealer([SECRET + SALT], '').open(sealed)).toThrow();
  });

  it('opens under a former secret, and is sealed under the first', () => {
    const both = new Sealer([OTHER, SECRET], SALT);
    expect(both.open(sealer.seal('old'))).toBe('old');
    const sealed = both.seal('new');
    expect(new Sealer([OTHER], SALT).open(sealed)).toBe('new');
    expect(() => sealer.open(sealed)).toThrow();
  });
});
