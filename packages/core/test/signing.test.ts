import { deflateSync } from 'node:zlib';
import { djangoFixture, seededRandom } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { BadSignature, SignatureExpired, SuspiciousSession } from '../src/errors.ts';
import { parseJson, stringifyJson } from '../src/json-text.ts';
import { dumps, loads, Signer, TimestampSigner } from '../src/signing.ts';

const NOW = new Date(1_700_000_000_000); // when the fixtures were made
const SESSION_SALT = 'django.contrib.sessions.SessionStore';

/** Tells values apart that `toEqual` does not: the order of keys, and keys such as `__proto__`. */
const textOf = (value: unknown) => JSON.stringify(value);

describe('payloads signed by Django', () => {
  interface SigningCase {
    name: string;
    salt: string;
    compress: boolean;
    json: string;
    compressed: boolean;
    timestamp: number;
    signed: string;
    value?: unknown;
  }
  const { secret_key: key, cases } = djangoFixture<{ secret_key: string; cases: SigningCase[] }>(
    'signing.json',
  );
  // What JavaScript cannot hold keeps its text only through rewriteJson (json-text.test.ts).
  const beyondJavaScript = [
    'floats',
    'integers past 2**53',
    'nan and infinities',
    'key order kept',
    'tuple and int keys become list and text',
  ];

  it.each(cases)('are read: $name, salt $salt, compress $compress', (row) => {
    const signer = new TimestampSigner({ key, salt: row.salt });
    const expected = { json: row.json, timestamp: row.timestamp, fallback: undefined };
    expect(signer.unsignText(row.signed)).toEqual(expected);
    if ('value' in row) {
      const value = loads(row.signed, { key, salt: row.salt });
      expect(value).toEqual(row.value);
      expect(textOf(value)).toBe(textOf(row.value));
    }
  });

  it.each(cases)('are written: $name, salt $salt, compress $compress', (row) => {
    const signer = new TimestampSigner({ key, salt: row.salt });
    const signed = signer.signText(row.json, { compress: row.compress, now: NOW });
    if (row.compressed) {
      expect(signed).toMatch(/^\./);
    }
    if (!row.compressed && !signed.startsWith('.')) {
      expect(signed).toBe(row.signed);
    }
    expect(signer.unsignText(signed).json).toBe(row.json);
    if (!row.compress) {
      expect(signed).toBe(row.signed);
    }
  });

  it.each(cases.filter(({ compress }) => !compress))(
    'are written from the value: $name, salt $salt',
    (row) => {
      const value = parseJson(row.json);
      if (beyondJavaScript.includes(row.name)) {
        expect(() => expect(stringifyJson(value)).toBe(row.json)).toThrow();
      } else {
        expect(dumps(value, { key, salt: row.salt, now: NOW })).toBe(row.signed);
      }
    },
  );
});

describe('text signed by Django', () => {
  interface PlainCase {
    value: string;
    salt: string;
    signer: string;
    timestamp_salt: string;
    timestamp_signer: string;
  }
  const { secret_key: key, plain_signers: rows } = djangoFixture<{
    secret_key: string;
    plain_signers: PlainCase[];
  }>('signing.json');

  it.each(rows)('is signed the same and verified: "$value", salt $salt', (row) => {
    const signer = new Signer({ key, salt: row.salt });
    expect(signer.sign(row.value)).toBe(row.signer);
    expect(signer.unsign(row.signer)).toBe(row.value);
    const timestampSigner = new TimestampSigner({ key, salt: row.timestamp_salt });
    expect(timestampSigner.sign(row.value, NOW)).toBe(row.timestamp_signer);
    expect(timestampSigner.unsign(row.timestamp_signer)).toBe(row.value);
    if (row.salt === 'django.core.signing.Signer') {
      expect(new Signer({ key }).sign(row.value)).toBe(row.signer);
      expect(new TimestampSigner({ key }).sign(row.value, NOW)).toBe(row.timestamp_signer);
    }
  });
});

interface RejectCase {
  name: string;
  signed: string;
  max_age: number | null;
  now: number;
  loads: { ok: boolean; value?: unknown; error?: string };
}
interface RejectsFixture {
  secret_key: string;
  salt: string;
  cases: RejectCase[];
}
const rejects = djangoFixture<RejectsFixture>('signing-rejects.json');
const oldRejects = djangoFixture<RejectsFixture>('signing-rejects.django-3.2.json');

function expectOutcome({ secret_key: key, salt }: RejectsFixture, row: RejectCase): void {
  const read = () =>
    loads(row.signed, {
      key,
      salt,
      maxAge: row.max_age ?? undefined,
      now: new Date(row.now * 1000),
    });
  if (row.loads.ok) {
    expect(textOf(read())).toBe(textOf(row.loads.value));
    return;
  }
  let error: unknown;
  try {
    read();
  } catch (thrown) {
    error = thrown;
  }
  const bySignature = ['BadSignature', 'SignatureExpired'].includes(row.loads.error ?? '');
  expect(error).toHaveProperty('name', bySignature ? row.loads.error : 'SuspiciousSession');
  const [payload = '', ...rest] = row.signed.split(':');
  for (const part of [payload, ...rest, key].filter((text) => text.length > 5)) {
    expect(String(error)).not.toContain(part);
  }
}

describe('what Django 5.2 accepts and refuses', () => {
  it.each(rejects.cases)('has the same outcome: $name', (row) => {
    expectOutcome(rejects, row);
  });
});

describe('what Django 3.2 accepts and refuses', () => {
  const outcomes = oldRejects.cases.map((row) => {
    const now = rejects.cases.find(({ name }) => name === row.name);
    const same = now?.loads.ok === row.loads.ok && now.loads.error === row.loads.error;
    return same ? { ...row, title: row.name } : { ...row, ...now, title: `${row.name} (as 5.2)` };
  });
  it.each(outcomes)('has the same outcome: $title', (row) => {
    expectOutcome(oldRejects, row);
  });

  it('differs from 5.2 in sha1 signatures only, which are refused here', () => {
    expect(outcomes.filter(({ title }) => title.endsWith('(as 5.2)'))).toMatchObject([
      { name: 'sha1 signature', loads: { ok: false, error: 'BadSignature' } },
    ]);
  });
});

describe('fallback keys', () => {
  interface FallbackCase {
    signed_with: string;
    session_text: string;
    session_decode: Record<string, unknown>;
    signed_cookie: string;
    signed_cookie_load: Record<string, unknown>;
  }
  interface FallbacksFixture {
    secret_key: string;
    secret_key_fallbacks: string[];
    cases: FallbackCase[];
  }
  const current = djangoFixture<FallbacksFixture>('signing-fallbacks.json');
  const old = djangoFixture<FallbacksFixture>('signing-fallbacks.django-3.2.json');

  function expectRead(fixture: FallbacksFixture, row: FallbackCase): void {
    const keys = { key: fixture.secret_key, fallbackKeys: fixture.secret_key_fallbacks };
    const texts = [
      [SESSION_SALT, row.session_text, row.session_decode],
      [
        'django.contrib.sessions.backends.signed_cookies',
        row.signed_cookie,
        row.signed_cookie_load,
      ],
    ] as const;
    for (const [salt, text, value] of texts) {
      const signer = new TimestampSigner({ ...keys, salt });
      if (Object.keys(value).length === 0) {
        expect(() => signer.unsignText(text)).toThrow(BadSignature);
        continue;
      }
      const { json, fallback } = signer.unsignText(text);
      expect(parseJson(json)).toEqual(value);
      const [, position] = /^fallback (\d)$/.exec(row.signed_with) ?? [];
      expect(fallback).toBe(position === undefined ? undefined : Number(position) - 1);
      expect(loads(text, { ...keys, salt })).toEqual(value);
    }
  }

  it.each(current.cases)('read text signed with the key "$signed_with" as Django 5.2', (row) => {
    expectRead(current, row);
  });

  it.each(old.cases)(
    'read text of Django 3.2 signed with the key "$signed_with" as 5.2 does; 3.2 itself knows no fallbacks',
    (row) => {
      const outcome = current.cases.find(({ signed_with }) => signed_with === row.signed_with);
      expect(outcome).toBeDefined();
      expectRead(old, {
        ...row,
        session_decode: outcome?.session_decode ?? {},
        signed_cookie_load: outcome?.signed_cookie_load ?? {},
      });
    },
  );
});

describe('session text of Django', () => {
  interface EncodeCase {
    store: string;
    key_salt: string;
    name: string;
    encoded: string;
    decoded: unknown;
  }
  const { secret_key: key, cases } = djangoFixture<{ secret_key: string; cases: EncodeCase[] }>(
    'session-encode.json',
  );

  it.each(cases)('is read and written again: $store, $name', (row) => {
    const signer = new TimestampSigner({ key, salt: row.key_salt });
    const { json } = signer.unsignText(row.encoded);
    expect(textOf(parseJson(json))).toBe(textOf(row.decoded));
    const again = signer.signText(stringifyJson(row.decoded), { compress: true, now: NOW });
    if (row.encoded.startsWith('.')) {
      expect(signer.unsignText(again).json).toBe(json);
    } else {
      expect(again).toBe(row.encoded);
    }
  });
});

describe('signing', () => {
  const signer = new TimestampSigner({ key: 'k'.repeat(40), salt: 'test' });
  /** Signs a payload that signText would never make. */
  const forge = (payload: string) => signer.sign(payload, NOW);
  const unsignForged = (payload: string, maxBytes?: number) =>
    signer.unsignText(forge(payload), { maxBytes }).json;

  it('compresses from the given number of bytes on, and only where that is shorter', () => {
    const json = `"${'a'.repeat(98)}"`;
    const isCompressed = (compress: boolean | number, text = json) =>
      signer.signText(text, { compress, now: NOW }).startsWith('.');
    expect(isCompressed(false)).toBe(false);
    expect(isCompressed(true)).toBe(true);
    expect(isCompressed(100)).toBe(true);
    expect(isCompressed(101)).toBe(false);
    expect(isCompressed(0, '"abc"')).toBe(false);
  });

  it('keeps every character of texts of any length', () => {
    for (const length of [0, 1, 63, 4095, 4096, 4097, 5000, 70_000]) {
      for (const character of ['a', '\u00ff']) {
        const text = character.repeat(length);
        const signed = signer.signText(text, { compress: false, now: NOW });
        expect(signed.split(':')[0]).toBe(Buffer.from(text, 'latin1').toString('base64url'));
        expect(signer.unsignText(signed).json === text).toBe(true);
      }
    }
  });

  it('truncates the time of signing to the second', () => {
    const signed = signer.signText('1', { compress: false, now: new Date(1_700_000_000_999) });
    expect(signer.unsignText(signed).timestamp).toBe(1_700_000_000);
    const early = signer.signText('1', { compress: false, now: new Date(-1500) });
    expect(signer.unsignText(early).timestamp).toBe(-1);
  });

  it('verifies a text, and reads it when it is asked to', () => {
    const signed = signer.signText('{"a":1}', { compress: false, now: NOW });
    const { signature, timestamp, fallback, read } = signer.verifyText(signed);
    expect(signed.endsWith(`:${signature}`)).toBe(true);
    expect([timestamp, fallback]).toEqual([Math.trunc(NOW.getTime() / 1000), undefined]);
    expect([read(), read()]).toEqual(['{"a":1}', '{"a":1}']);
    const malformed = signer.verifyText(forge('.AAAA'));
    expect(() => malformed.read()).toThrow(SuspiciousSession);
    expect(() => signer.verifyText(`x${signed}`)).toThrow(BadSignature);
    const later = new Date(NOW.getTime() + 11_000);
    expect(() => signer.verifyText(signed, { maxAge: 10, now: later })).toThrow(SignatureExpired);
  });

  it('verifies the signature before it looks at anything else', () => {
    expect(() => signer.unsignText('A:!!!:sig', { maxAge: 1 })).toThrow(BadSignature);
    const bomb = deflateSync(Buffer.alloc(50_000_000)).toString('base64url');
    expect(() => signer.unsignText(`.${bomb}:1r31eq:${'A'.repeat(43)}`)).toThrow(BadSignature);
  });

  it('is good for one salt: 2,000 pairs that join to the same texts accept nothing of each other', () => {
    const key = 'k'.repeat(40);
    const random = seededRandom(8);
    for (let i = 0; i < 2000; i += 1) {
      const text = random(2 ** 31).toString(36);
      const [one, other] = [text.slice(0, 3), text.slice(0, 2)];
      const signed = new TimestampSigner({ key, salt: one }).sign(text.slice(3), NOW);
      expect(() => new TimestampSigner({ key, salt: other }).unsign(signed)).toThrow(BadSignature);
      expect(() => new TimestampSigner({ key, salt: `${one}signer` }).unsign(signed)).toThrow(
        BadSignature,
      );
    }
  });

  it('refuses a signature with characters that only resemble the right ones', () => {
    const signed = signer.sign('value', NOW);
    const at = signed.length - 5;
    const wide = String.fromCharCode(signed.charCodeAt(at) + 0x100);
    expect(() => signer.unsign(signed.slice(0, at) + wide + signed.slice(at + 1))).toThrow(
      BadSignature,
    );
  });

  it('refuses a text without UTF-8 of its own in place of the one that was signed', () => {
    const plain = new Signer({ key: 'key' });
    const signed = plain.sign('\ufffd');
    expect(plain.unsign(signed)).toBe('\ufffd');
    expect(() => plain.unsign(signed.replace('\ufffd', '\ud800'))).toThrow(BadSignature);
  });

  it('inflates no further than maxBytes', () => {
    const bomb = `.${deflateSync(Buffer.alloc(50_000_000, 'a')).toString('base64url')}`;
    const before = process.memoryUsage().rss;
    expect(() => unsignForged(bomb)).toThrow(SuspiciousSession);
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
    const exact = `.${deflateSync(Buffer.alloc(1000, 'a')).toString('base64url')}`;
    expect(unsignForged(exact, 1000)).toHaveLength(1000);
    expect(() => unsignForged(exact, 999)).toThrow(SuspiciousSession);
  });

  it('reads no more than maxBytes that are not compressed, by default 1 MiB', () => {
    const text = Buffer.alloc(1000, 'a').toString('base64url');
    expect(unsignForged(text, 1000)).toHaveLength(1000);
    expect(() => unsignForged(text, 999)).toThrow(SuspiciousSession);
    expect(unsignForged(Buffer.alloc(1_048_576).toString('base64url'))).toHaveLength(1_048_576);
    expect(() => unsignForged(Buffer.alloc(1_048_577).toString('base64url'))).toThrow(
      SuspiciousSession,
    );
  });

  // Each outcome was seen in Python: base64.urlsafe_b64decode(s + b'=' * (-len(s) % 4)).
  it.each([
    ['MTI!A', '12\u0000'],
    ['e30=', '{}'],
    ['e3*0=', '{}'],
    ['eyJh\nIjoxfQ==', '{"a":1}'],
    ['MTIz====MTIz', '123123'],
    ['MTI=MTIz', '12'],
    ['MTIé', '12'],
  ])('decodes the base64 %j as Python does', (payload, json) => {
    expect(unsignForged(payload)).toBe(json);
  });

  it.each(['e', 'e3 0', 'e30!', 'MT!I', '****A'])(
    'refuses the base64 %j as Python does',
    (payload) => {
      expect(() => unsignForged(payload)).toThrow(SuspiciousSession);
    },
  );

  it('says why in the cause, and nothing of the text in the message', () => {
    const cases = ['.bm90IHpsaWI', Buffer.from('secretsecret').toString('base64url')];
    for (const payload of cases) {
      let error: unknown;
      try {
        loads(forge(payload), { key: 'k'.repeat(40), salt: 'test' });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ name: 'SuspiciousSession', cause: expect.anything() });
      const { message, cause } = error as Error;
      expect(`${message} ${cause}`).not.toMatch(/secret|bm90/);
    }
  });

  it('refuses to sign characters that Django could not read', () => {
    expect(() => signer.signText('"中"', { compress: false, now: NOW })).toThrow(RangeError);
  });
});
