import { loads, TimestampSigner } from '@coatcheck/core';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeCookieSites,
  cookieSessions,
  SECRET_KEY,
  startCookieSite,
  THEN,
} from './support/cookie-site.ts';

afterEach(closeCookieSites);

const OTHER_KEY = 'another-one:Zt5!kW8eQn3Rv7Xy2Lm6Qa1';
const DATA = { user: 'visitor@example.com', cart: [{ id: 1, title: 'é' }] };
const { salt } = signedCookiesBackend().encoding;
const encrypt = true;

describe('a sealed session', () => {
  it('comes back as it was', async () => {
    const { cookieOf, read, rejected } = cookieSessions({ encrypt });
    expect(read(await cookieOf(DATA))).toEqual(DATA);
    expect(read(await cookieOf({ a: 1 }))).toEqual({ a: 1 });
    expect(rejected).toEqual([]);
  });

  it('is kept by a site over several visits', async () => {
    const site = await startCookieSite(
      (ctx) => {
        ctx.session.change('visits', (visits) => Number(visits ?? 0) + 1);
        ctx.body = String(ctx.session.get('visits'));
      },
      { encrypt },
    );
    let cookie: string | undefined;
    for (const visits of ['1', '2', '3']) {
      const answer = await site.visit(cookie);
      expect(answer.body).toBe(visits);
      cookie = answer.cookie;
    }
  });

  it('cannot be read by the visitor: neither as it is nor decoded', async () => {
    const cookie = await cookieSessions({ encrypt }).cookieOf(DATA);
    const bytes = Buffer.from(cookie.split(':')[0] ?? '', 'base64url').toString('latin1');
    for (const text of [cookie, bytes]) {
      for (const part of ['visitor', 'user', 'cart', 'dmlzaXRvc']) expect(text).not.toContain(part);
    }
    const signed = await cookieSessions().cookieOf({ user: DATA.user });
    expect(Buffer.from(signed.split(':')[0] ?? '', 'base64url').toString()).toContain('visitor');
  });

  it('is another text each time, even in the same second', async () => {
    const { cookieOf } = cookieSessions({ encrypt });
    const cookies = await Promise.all(Array.from({ length: 100 }, () => cookieOf({ a: 1 })));
    expect(new Set(cookies).size).toBe(100);
  });

  it('ends with the age of the cookie, and with an expiry of its own', async () => {
    const { sessions, clock, read, cookieOf, rejected } = cookieSessions({ encrypt });
    const long = await cookieOf(DATA);
    const session = sessions.open();
    session.set('a', 1);
    session.setExpiry(60);
    await session.save();
    const short = String(session.sessionKey);
    clock.now = THEN + 60;
    expect(read(short)).toEqual({ a: 1, _session_expiry: 60 });
    clock.now += 1;
    expect(read(short)).toEqual({});
    expect(read(long)).toEqual(DATA);
    clock.now = THEN + 1_209_601;
    expect(read(long)).toEqual({});
    expect(rejected).toEqual(['expired', 'expired']);
  });
});

describe('sealed and signed', () => {
  it('are never taken for each other, under the same key', async () => {
    const [sealed, signed] = [cookieSessions({ encrypt }), cookieSessions()];
    expect(sealed.read(await signed.cookieOf(DATA))).toEqual({});
    expect(signed.read(await sealed.cookieOf(DATA))).toEqual({});
    expect([...sealed.rejected, ...signed.rejected]).toEqual(['tampered', 'tampered']);
  });

  it('are not, even where somebody signs the one as the other', () => {
    const now = new Date(THEN * 1000);
    const json = '{"isAdmin":true}';
    for (const text of [json, json.padEnd(60)]) {
      const forged = new TimestampSigner({ key: SECRET_KEY, salt: `${salt}.sealed` }).signText(
        text,
        {
          ...{ compress: false, now },
        },
      );
      const { read, rejected } = cookieSessions({ encrypt });
      expect(read(forged)).toEqual({});
      expect(rejected).toEqual(['corrupt']);
    }
  });

  it('differ for Django, which refuses what is sealed', async () => {
    const cookie = await cookieSessions({ encrypt }).cookieOf(DATA);
    expect(() => loads(cookie, { key: SECRET_KEY, salt })).toThrow('The signature does not match.');
  });
});

describe('the secret of a sealed session', () => {
  it('is the one that sealed it, and no other', async () => {
    const cookie = await cookieSessions({ encrypt }).cookieOf(DATA);
    const { read, rejected } = cookieSessions({ encrypt, secretKey: OTHER_KEY });
    expect(read(cookie)).toEqual({});
    expect(rejected).toEqual(['tampered']);
  });

  it('may be a former one, until the session is written again', async () => {
    const cookie = await cookieSessions({ encrypt }).cookieOf(DATA);
    const rotated = cookieSessions({
      ...{ encrypt, secretKey: OTHER_KEY, secretKeyFallbacks: [SECRET_KEY] },
    });
    expect(rotated.read(cookie)).toEqual(DATA);
    const session = rotated.sessions.open(cookie);
    session.set('n', 1);
    await session.save();
    const anew = cookieSessions({ encrypt, secretKey: OTHER_KEY });
    expect(anew.read(String(session.sessionKey))).toEqual({ ...DATA, n: 1 });
    expect(cookieSessions({ encrypt }).read(String(session.sessionKey))).toEqual({});
  });
});
