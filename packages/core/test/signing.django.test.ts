import { describe, expect, it } from '@jest/globals';
import { BadSignature, ImproperlyConfigured, SignatureExpired } from '../src/errors.ts';
import { parseJson, stringifyJson } from '../src/json-text.ts';
import { dumps, loads, Signer, saltedHmac, TimestampSigner } from '../src/signing.ts';

const NOW = new Date(1_700_000_000_000);

describe('TestSigner (ported from Django)', () => {
  const key = 'predictable-secret';
  const alterations: [string, (signed: string) => string][] = [
    ['upper-cased', (signed) => signed.toUpperCase()],
    ['lengthened', (signed) => `${signed}a`],
    ['altered', (signed) => `a${signed.slice(1)}`],
    ['without separators', (signed) => signed.replaceAll(':', '')],
  ];
  const objects = [['a', 'list'], 'a string \u2019', { a: 'dictionary' }];

  it('test_signature: signature() is an HMAC under salt and key', () => {
    const signer = new Signer({ key });
    for (const text of ['hello', '3098247:529:087:', '\u2019']) {
      const hex = saltedHmac('django.core.signing.Signersigner', key, text);
      expect(signer.signature(text)).toBe(Buffer.from(hex, 'hex').toString('base64url'));
      expect(signer.signature(text)).not.toBe(new Signer({ key: `${key}2` }).signature(text));
    }
  });

  it('test_signature_with_salt', () => {
    const hex = saltedHmac('extra-saltsigner', key, 'hello');
    expect(new Signer({ key, salt: 'extra-salt' }).signature('hello')).toBe(
      Buffer.from(hex, 'hex').toString('base64url'),
    );
    expect(new Signer({ key, salt: 'one' }).signature('hello')).not.toBe(
      new Signer({ key, salt: 'two' }).signature('hello'),
    );
  });

  it.skip('test_base64_hmac_default_algorithm_deprecation: there is no other default to warn about', () => {});
  it.skip('test_custom_algorithm: signatures are SHA-256, which every supported Django reads', () => {});
  it.skip('test_invalid_algorithm: the algorithm is no option', () => {});

  it('test_sign_unsign', () => {
    const signer = new Signer({ key });
    const examples = [
      'q;wjmbk;wkmb',
      '3098247529087',
      '3098247:529:087:',
      'jkw osanteuh ,rcuh nthu aou oauh ,ud du',
      '\u2019',
    ];
    for (const example of examples) {
      const signed = signer.sign(example);
      expect(signed).not.toBe(example);
      expect(signer.unsign(signed)).toBe(example);
    }
  });

  it('test_sign_unsign_non_string: whatever it is, its text is signed', () => {
    const signer = new Signer({ key });
    for (const value of [123, 1.23, true, new Date(0)]) {
      expect(signer.unsign(signer.sign(String(value)))).toBe(String(value));
    }
  });

  it.each(alterations)('test_unsign_detects_tampering: %s', (_, alter) => {
    const signer = new Signer({ key });
    const signed = signer.sign('Another string');
    expect(signer.unsign(signed)).toBe('Another string');
    expect(() => signer.unsign(alter(signed))).toThrow(BadSignature);
  });

  it('test_sign_unsign_object', () => {
    const signer = new TimestampSigner({ key });
    for (const object of objects) {
      for (const compress of [true, false]) {
        const signed = signer.signText(stringifyJson(object), { compress, now: NOW });
        expect(parseJson(signer.unsignText(signed).json)).toEqual(object);
      }
    }
  });

  it('test_dumps_loads', () => {
    for (const object of objects) {
      for (const compress of [true, false]) {
        expect(loads(dumps(object, { key, compress }), { key })).toEqual(object);
      }
    }
  });

  it.each(alterations)('test_decode_detects_tampering: %s', (_, alter) => {
    const encoded = dumps({ foo: 'bar', baz: 1 }, { key });
    expect(loads(encoded, { key })).toEqual({ foo: 'bar', baz: 1 });
    expect(() => loads(alter(encoded), { key })).toThrow(BadSignature);
  });

  it('test_works_with_non_ascii_keys', () => {
    const signer = new Signer({ key: Uint8Array.of(0xe7) });
    expect(signer.sign('foo')).toBe('foo:EE4qGC5MEKyQG5msxYA0sBohAxLC0BJf8uRhemh0BGU');
  });

  it.each(['/', '*sep*', ','])('test_valid_sep: %s', (sep) => {
    const signed = `foo${sep}jZQoX_FtSO70jX9HLRGg2A_2s4kdDBxz1QoO_OpEQb0`;
    const signer = new Signer({ key, sep });
    expect(signer.sign('foo')).toBe(signed);
    expect(signer.unsign(signed)).toBe('foo');
    const timestampSigner = new TimestampSigner({ key, sep });
    expect(timestampSigner.unsign(timestampSigner.sign('foo', NOW))).toBe('foo');
  });

  it.each(['', '-', 'abc'])('test_invalid_sep: "%s"', (sep) => {
    expect(() => new Signer({ key, sep })).toThrow(ImproperlyConfigured);
    expect(() => new TimestampSigner({ key, sep })).toThrow(/Unsafe separator/);
  });

  it('test_verify_with_non_default_key', () => {
    const signer = new Signer({ key: 'newsecret', fallbackKeys: ['othersecret', 'secret'] });
    expect(signer.unsign(new Signer({ key: 'secret' }).sign('abc'))).toBe('abc');
  });

  it('test_sign_unsign_multiple_keys', () => {
    const signer = new Signer({ key: 'secret', fallbackKeys: ['oldsecret'] });
    expect(signer.unsign(signer.sign('abc'))).toBe('abc');
  });

  it('test_sign_unsign_ignore_secret_key_fallbacks', () => {
    const signed = new Signer({ key: 'oldsecret' }).sign('abc');
    expect(() => new Signer({ key: 'secret', fallbackKeys: [] }).unsign(signed)).toThrow(
      BadSignature,
    );
  });

  it.skip('test_default_keys_verification: there are no global settings; fallback keys are always given', () => {});
});

describe('TestTimestampSigner (ported from Django)', () => {
  it('test_timestamp_signer', () => {
    const key = 'predictable-key';
    const signer = new TimestampSigner({ key });
    const signed = signer.sign('hello', new Date(123_456_789_000));
    expect(signed).not.toBe(new Signer({ key }).sign('hello'));
    expect(signer.unsign(signed)).toBe('hello');
    const now = new Date(123_456_800_000);
    expect(signer.unsign(signed, { maxAge: 12, now })).toBe('hello');
    expect(signer.unsign(signed, { maxAge: 11, now })).toBe('hello');
    expect(() => signer.unsign(signed, { maxAge: 10, now })).toThrow(SignatureExpired);
    expect(() => signer.unsign(signed, { maxAge: 10 })).toThrow(BadSignature);
  });
});
