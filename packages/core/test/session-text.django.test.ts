import { createSessions, type SessionBackend, saltedHmac, TimestampSigner } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { encodeBase62 } from '../src/base62.ts';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, memorySessions, type Options, putRaw } from './support/sqlite-sessions.ts';

const SALT = 'django.contrib.sessions.SessionStore';
const COOKIE_SALT = 'django.contrib.sessions.backends.signed_cookies';

interface Outcome {
  ok: boolean;
  value?: unknown;
}

/** What a session whose record has this text reads as, and which events that causes. */
async function readSession(
  text: string,
  options: Options & { secretKey: string },
  encoding: SessionBackend['encoding'] = { salt: SALT },
) {
  const { now } = createClock();
  const backend = new MemoryBackend({ now, answers: 'synchronously', encoding });
  // The secrets of the fixtures say of themselves that they are fixtures, which is refused elsewhere.
  const sessions = createSessions<Entries>({ backend, now, allowWeakSecret: true, ...options });
  const reasons: string[] = [];
  sessions.events.on('rejected', ({ reason }) => reasons.push(reason));
  const session = sessions.open(await putRaw(backend, text, now()));
  return { entries: session.entries(), sessionKey: session.sessionKey, reasons };
}

/** The entries in the order of the record. */
const entriesOf = (value: unknown): [string, unknown][] => Object.entries(value as object);

interface RejectsFixture {
  secret_key: string;
  cases: {
    name: string;
    signed: string;
    loads: Outcome;
    // Those about ages have none: the timestamp of a record is informational.
    session_decode?: Outcome;
    session_decode_logs?: { logger: string; level: string; message: string }[];
  }[];
}

const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe('a record with text that', () => {
  const current = djangoFixture<RejectsFixture>('signing-rejects.json');
  const old = djangoFixture<RejectsFixture>('signing-rejects.django-3.2.json');
  const LOG = {
    logger: 'django.security.SuspiciousSession',
    level: 'WARNING',
    message: 'Session data corrupted',
  };

  const rows = current.cases.map((row) => {
    const older = old.cases.find(({ name }) => name === row.name);
    if (older?.signed !== row.signed) throw new Error('The fixtures are not aligned.');
    const decoded = row.session_decode ?? row.loads;
    const same =
      row.session_decode === undefined ||
      JSON.stringify([row.session_decode, row.session_decode_logs]) ===
        JSON.stringify([older.session_decode, older.session_decode_logs]);
    const departures = [
      ...(isObject(decoded.value ?? {}) ? [] : ['departure: what is no object is no session']),
      ...(same ? [] : ['3.2 differs: as 5.2']),
    ];
    return { ...row, older, title: [row.name, ...departures].join('; ') };
  });

  it.each(rows)('is "$title" reads as in Django', async (row) => {
    const { entries, reasons, sessionKey } = await readSession(row.signed, {
      secretKey: current.secret_key,
    });
    const decoded = row.session_decode;
    if (!decoded) {
      // An age is asked for by `loads` alone.
      expect(entries).toEqual([
        ['a', 1],
        ['name', 'café'],
      ]);
      return;
    }
    expect(decoded.ok).toBe(true);
    const isRead = row.loads.ok && isObject(decoded.value);
    expect(entries).toEqual(isRead ? entriesOf(decoded.value) : []);
    expect(sessionKey === null).toBe(!isRead);
    // Django logs what is not signed, and nothing else; every record that is no session is an event here.
    const isLogged = row.session_decode_logs?.length === 1;
    expect(row.session_decode_logs).toEqual(isLogged ? [LOG] : []);
    expect(reasons).toEqual(isRead ? [] : [isLogged ? 'tampered' : 'corrupt']);
  });

  it('is read by 3.2 alone has a sha1 signature', () => {
    const isRead = (outcome: Outcome | undefined) =>
      outcome?.ok && JSON.stringify(outcome.value) !== '{}';
    const alone = rows.filter(
      ({ session_decode, older }) => isRead(older.session_decode) && !isRead(session_decode),
    );
    expect(alone.map(({ name }) => name)).toEqual(['sha1 signature']);
  });
});

describe('a record signed with the key', () => {
  interface FallbacksFixture {
    secret_key: string;
    secret_key_fallbacks: string[];
    timestamp: number;
    cases: {
      signed_with: string;
      secret_key?: string;
      session_text: string;
      session_decode: object;
      signed_cookie: string;
      signed_cookie_load: object;
    }[];
  }
  const current = djangoFixture<FallbacksFixture>('signing-fallbacks.json');
  const old = djangoFixture<FallbacksFixture>('signing-fallbacks.django-3.2.json');
  const rows = current.cases.flatMap((row) => {
    const older = old.cases.find(({ signed_with }) => signed_with === row.signed_with);
    return [
      { ...row, title: row.signed_with },
      // A departure on purpose: 3.2 knows no fallbacks and reads what the current key signed, alone.
      ...(older
        ? [{ ...row, ...older, title: `${row.signed_with}, by 3.2 (as 5.2)`, by52: row }]
        : []),
    ].map((each) => ({ by52: row, ...each }));
  });

  it.each(rows)('"$title" is read as in Django', async ({ by52, ...row }) => {
    const keys = {
      secretKey: current.secret_key,
      secretKeyFallbacks: current.secret_key_fallbacks,
    };
    for (const [text, value, encoding] of [
      [row.session_text, by52.session_decode, { salt: SALT }],
      [row.signed_cookie, by52.signed_cookie_load, { salt: COOKIE_SALT }],
    ] as const) {
      const { entries, reasons } = await readSession(text, keys, encoding);
      expect(entries).toEqual(entriesOf(value));
      expect(reasons).toEqual(entries.length > 0 ? [] : ['tampered']);
    }
  });

  it.each(current.cases)('"$signed_with" has the text that we sign with it', (row) => {
    const now = new Date(current.timestamp * 1000);
    for (const [text, salt] of [
      [row.session_text, SALT],
      [row.signed_cookie, COOKIE_SALT],
    ] as const) {
      const signer = new TimestampSigner({ key: row.secret_key ?? '', salt });
      const { json, timestamp } = signer.unsignText(text);
      expect(timestamp).toBe(current.timestamp);
      expect(signer.signText(json, { compress: true, now })).toBe(text);
    }
  });
});

describe('a session that the store', () => {
  interface EncodeFixture {
    secret_key: string;
    timestamp: number;
    key_salts: Record<string, string>;
    cases: {
      store: string;
      key_salt: string;
      name: string;
      data: object;
      encoded: string;
      decoded: object;
    }[];
  }
  const fixture = djangoFixture<EncodeFixture>('session-encode.json');
  const { secret_key: secretKey, key_salts: salts, cases } = fixture;

  it.each(cases)('"$store" wrote is read, and written again: $name', async (row) => {
    expect(row.key_salt).toBe(salts[row.store]);
    const clock = createClock(fixture.timestamp * 1000);
    const encoding = { salt: row.key_salt };
    const backend = new MemoryBackend({ now: clock.now, answers: 'synchronously', encoding });
    const { now } = clock;
    const sessions = createSessions<Entries>({ backend, secretKey, now, allowWeakSecret: true });
    const session = sessions.open(await putRaw(backend, row.encoded, now()));
    expect(session.entries()).toEqual(entriesOf(row.decoded));
    expect(row.decoded).toEqual(row.data);
    const copy = sessions.open();
    copy.update(row.data);
    await copy.create();
    const written = backend.records.get(String(copy.sessionKey))?.data ?? '';
    // zlib's output differs between implementations, and we compress from 1 KB on.
    if (row.encoded.startsWith('.')) {
      const signer = new TimestampSigner({ key: secretKey, salt: row.key_salt });
      expect(signer.unsignText(written)).toEqual(signer.unsignText(row.encoded));
    } else expect(written).toBe(row.encoded);
  });

  it.each(cases)('"$store" wrote is none under the salt of another: $name', async (row) => {
    for (const salt of new Set(Object.values(salts))) {
      const { reasons } = await readSession(row.encoded, { secretKey }, { salt });
      expect(reasons).toEqual(salt === row.key_salt ? [] : ['tampered']);
    }
  });

  it('"db" of ours wrote has the salt of Django', () => {
    expect(memorySessions().backend.encoding).toEqual({ salt: salts.db });
  });
});

describe('text in the format before Django 3.1', () => {
  interface LegacyFixture {
    secret_key: string;
    key_salt: string;
    cases: {
      name: string;
      json: string;
      encoded: string;
      decoded_ok: boolean;
      sha1_signed_cookie: string;
      sha1_signed_cookie_accepted: boolean;
    }[];
  }
  const {
    secret_key: secretKey,
    key_salt,
    cases,
  } = djangoFixture<LegacyFixture>('legacy-session.json');

  it.each(cases)('is an empty session and an event, as since Django 4.0: $name', async (row) => {
    // Django 3.2 still read it.
    expect([row.decoded_ok, row.sha1_signed_cookie_accepted]).toEqual([true, true]);
    for (const fallbacks of [[], [secretKey]]) {
      const options = { secretKey, secretKeyFallbacks: fallbacks, django: '3.2' } as const;
      for (const [text, encoding] of [
        [row.encoded, { salt: SALT }],
        [row.sha1_signed_cookie, { salt: COOKIE_SALT }],
        [row.sha1_signed_cookie, { salt: COOKIE_SALT, inCookie: true }],
      ] as const) {
        expect(await readSession(text, options, encoding)).toEqual({
          entries: [],
          sessionKey: null,
          reasons: ['tampered'],
        });
      }
    }
  });

  it.each(cases)('is what its formula says, so that it is refused for what it is: $name', (row) => {
    const mac = saltedHmac(key_salt, secretKey, row.json, 'sha1');
    expect(Buffer.from(`${mac}:${row.json}`, 'latin1').toString('base64')).toBe(row.encoded);
    const [payload, timestamp, signature = ''] = row.sha1_signed_cookie.split(':');
    const signed = saltedHmac(`${COOKIE_SALT}signer`, secretKey, `${payload}:${timestamp}`, 'sha1');
    expect(Buffer.from(signed, 'hex').toString('base64url')).toBe(signature);
  });
});

describe('the parts of signed text', () => {
  interface SigningFixture {
    secret_key: string;
    cases: {
      name: string;
      salt: string;
      payload: string;
      compressed: boolean;
      timestamp: number;
      timestamp_b62: string;
      signature: string;
      signed: string;
    }[];
  }
  const { secret_key: key, cases } = djangoFixture<SigningFixture>('signing.json');

  it.each(cases)('are those of Django: $name, salt $salt', (row) => {
    expect(encodeBase62(row.timestamp)).toBe(row.timestamp_b62);
    expect(row.payload.startsWith('.')).toBe(row.compressed);
    const value = `${row.payload}:${row.timestamp_b62}`;
    expect(new TimestampSigner({ key, salt: row.salt }).signature(value)).toBe(row.signature);
    expect(`${value}:${row.signature}`).toBe(row.signed);
  });
});
