import { createSessions } from '@coatcheck/core';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { describe, expect, it } from '@jest/globals';
import { createClock } from '../../core/test/support/clock.ts';
import {
  type Entries,
  memorySessions,
  SECRET_KEY,
  withSqliteFile,
} from '../../core/test/support/sqlite-sessions.ts';
import { getToken, rotateToken, verifyCsrf } from '../src/csrf.ts';
import { maskSecret, newSecret, secretFromHex, unmaskToken } from '../src/csrf-token.ts';

const post = (formToken: string) => ({ method: 'POST', headers: {}, secure: false, formToken });

describe('getToken', () => {
  it('is another text at each call, and always the same secret', () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    const tokens = Array.from({ length: 20 }, () => getToken(session));
    expect(new Set(tokens).size).toBe(20);
    for (const token of tokens) verifyCsrf(session, post(token));
  });

  it('begins a session only when it is called, and writes nothing once there is a secret', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    getToken(session);
    expect(session.modified).toBe(true);
    await session.save();
    const next = sessions.open(session.sessionKey);
    getToken(next);
    expect(next.modified).toBe(false);
  });

  it('gives pages that are rendered at once in one session tokens that all stay good', () =>
    withSqliteFile<Entries>({}, async ({ sessions, another }) => {
      const session = sessions.open();
      await session.set('cart', []).save();
      const all = [sessions, another()];
      const pages = Array.from({ length: 100 }, (_, i) => all[i % 2]?.open(session.sessionKey));
      const tokens = pages.map((page) => page && getToken(page));
      await Promise.all(pages.map((page) => page?.save()));
      const later = sessions.open(session.sessionKey);
      for (const token of tokens) verifyCsrf(later, post(String(token)));
    }));

  it('gives two visitors with equal cookies secrets of their own', async () => {
    const { now } = createClock();
    const backend = signedCookiesBackend();
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const visitors = [sessions.open(), sessions.open()];
    for (const visitor of visitors) await visitor.set('cart', []).save();
    expect(visitors[0]?.sessionKey).toBe(visitors[1]?.sessionKey);
    const secrets = visitors.map((visitor) => unmaskToken(getToken(visitor)));
    expect(secrets[0]).not.toBe(secrets[1]);
  });

  it('gives the same secret to no two sessions', async () => {
    const { sessions } = memorySessions<Entries>();
    const secrets = new Set<string>();
    for (let i = 0; i < 50; i += 1) {
      const session = sessions.open();
      if (i % 2) await session.set('cart', []).save();
      secrets.add(unmaskToken(getToken(session)));
    }
    expect(secrets.size).toBe(50);
  });
});

describe('rotateToken', () => {
  it('makes every token from before worthless, also against a page that is rendered meanwhile', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    const before = getToken(session);
    await session.save();
    const meanwhile = sessions.open(session.sessionKey);
    const late = getToken(meanwhile);
    rotateToken(session);
    await session.save();
    await meanwhile.set('seen', true).save();

    const later = sessions.open(session.sessionKey);
    for (const token of [before, late]) {
      expect(() => verifyCsrf(later, post(token))).toThrow('incorrect');
    }
    verifyCsrf(later, post(getToken(later)));
  });

  it('makes none where there is none', () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    rotateToken(session);
    expect(session.has('_csrftoken')).toBe(false);
  });

  it('also changes a secret that another request stored meanwhile', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    await session.set('cart', []).save();
    const meanwhile = sessions.open(session.sessionKey);
    const token = getToken(meanwhile);
    session.get('cart');
    rotateToken(session);
    await meanwhile.save();
    await session.save();
    expect(() => verifyCsrf(sessions.open(session.sessionKey), post(token))).toThrow('incorrect');
  });
});

describe('a mask', () => {
  it('comes off again, in 10,000 random cases', () => {
    const wrong: string[] = [];
    for (let i = 0; i < 10_000; i += 1) {
      const secret = newSecret();
      if (unmaskToken(maskSecret(secret)) !== secret) wrong.push(secret);
    }
    expect(wrong).toEqual([]);
  });
});

describe('the secret of a number', () => {
  it('uses every character of the alphabet', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 256; i += 1) {
      const hex = i.toString(16).padStart(2, '0').repeat(32);
      const secret = secretFromHex(hex);
      expect(secret).toMatch(/^[a-zA-Z0-9]{32}$/);
      for (const character of secret) seen.add(character);
    }
    expect(seen.size).toBe(62);
  });
});
