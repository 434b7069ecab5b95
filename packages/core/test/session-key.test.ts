import { createHash } from 'node:crypto';
import { createSessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import {
  hashSessionKey,
  isCookieSession,
  isSessionKey,
  newSessionKey,
} from '../src/session-key.ts';
import { memorySessions, SECRET_KEY } from './support/sqlite-sessions.ts';
import { LIMIT, unevenness } from './support/unevenness.ts';

const SYMBOLS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const keys = Array.from({ length: 100_000 }, newSessionKey);

describe('100,000 new session keys', () => {
  it('have 32 characters of a-z0-9', () => {
    expect(keys.filter((key) => !/^[a-z0-9]{32}$/.test(key))).toEqual([]);
    expect(keys.every(isSessionKey)).toBe(true);
  });

  it('are all different', () => {
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('have every symbol equally often at the first and at the last place', () => {
    expect(unevenness(keys.map((key) => key.charAt(0)).join(''), SYMBOLS)).toBeLessThan(LIMIT);
    expect(unevenness(keys.map((key) => key.charAt(31)).join(''), SYMBOLS)).toBeLessThan(LIMIT);
  });
});

describe('a session key', () => {
  const good = 'abcdefghijklmnopqrstuvwxyz012345';

  it.each([
    '',
    '12345678',
    good.slice(1),
    `${good}6`,
    good.toUpperCase(),
    `${good.slice(1)}-`,
    `${good.slice(1)}\n`,
    `${good}\n`,
    `\n${good}`,
    `${good.slice(1)}\0`,
    `${good.slice(1)}é`,
    `${good.slice(1)}ａ`,
    '../../../../../../../etc/passwd0',
    hashSessionKey(good),
    'k'.repeat(1_000_000),
  ])('is nothing that looks like %j', (text) => {
    const { sessions } = memorySessions();
    expect(isSessionKey(text)).toBe(false);
    expect(sessions.open(text).sessionKey).toBeNull();
  });

  it('is nothing but text', () => {
    const { sessions } = memorySessions();
    for (const value of [undefined, null, 1, {}, [good], { toString: () => good }]) {
      expect(sessions.open(value as string).sessionKey).toBeNull();
    }
    expect(sessions.open(good).sessionKey).toBe(good);
  });

  it('that is malformed causes no call of the backend', async () => {
    const { backend } = memorySessions();
    const fail = () => {
      throw new Error('The backend was asked.');
    };
    for (const name of ['load', 'delete'] as const) Object.assign(backend, { [name]: fail });
    const sessions = createSessions({ backend, secretKey: SECRET_KEY });
    expect(sessions.open('1').size).toBe(0);
    expect(await sessions.exists('1')).toBe(false);
    expect(await sessions.delete('1')).toBe(false);
  });

  it('is hashed to its SHA-256, which is no key', () => {
    expect(hashSessionKey(good)).toBe(createHash('sha256').update(good).digest('hex'));
    expect(isSessionKey(hashSessionKey(good))).toBe(false);
  });
});

describe('a session that lives in its cookie', () => {
  it('is made of cookie octets, at most 4,093', () => {
    expect(isCookieSession('eyJhIjoxfQ:1abc-_:xyz')).toBe(true);
    expect(isCookieSession('a'.repeat(4093))).toBe(true);
    for (const text of ['', 'a'.repeat(4094), 'a b', 'a"b', 'a,b', 'a;b', 'a\\b', 'a\x7f', 'é']) {
      expect(isCookieSession(text)).toBe(false);
    }
  });
});
