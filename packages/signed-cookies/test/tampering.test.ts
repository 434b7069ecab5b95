import { deflateSync } from 'node:zlib';
import { TimestampSigner } from '@coatcheck/core';
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

const DATA = { user: 'visitor', isAdmin: false, list: [1, 2, 3], note: 'x'.repeat(80) };
const OCTETS = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter(
  (character) => !'",;\\'.includes(character),
);

/** The same numbers in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Every way in which a cookie is bent, seeded. */
function mutantsOf(cookie: string, another: string, count: number): string[] {
  const random = randomFrom(20_231_114);
  const octet = () => OCTETS[random(OCTETS.length)] ?? 'A';
  const mutants = new Set<string>();
  // Each byte becomes several other ones; one is the next in base64, whose last bits carry nothing.
  for (let at = 0; at < cookie.length; at += 1) {
    const near = String.fromCharCode(cookie.charCodeAt(at) ^ 1);
    for (const other of [near, octet(), octet(), octet()]) {
      if (OCTETS.includes(other)) mutants.add(cookie.slice(0, at) + other + cookie.slice(at + 1));
    }
    mutants.add(cookie.slice(0, at)).add(cookie.slice(at));
    mutants.add(cookie.slice(0, at) + cookie.slice(at + 1)); // one byte less
    mutants.add(another.slice(0, at) + cookie.slice(at)); // two good cookies, spliced
  }
  const [payload = '', time, signature] = cookie.split(':');
  const bare = payload.startsWith('.') ? payload.slice(1) : `.${payload}`;
  for (const part of [bare, `.${payload}`, `${payload}=`, `${payload}.`, '', 'e30']) {
    mutants.add([part, time, signature].join(':'));
  }
  for (const stamp of ['', '0', `0${time}`, '-1', 'zzzzzzzzz', `${time}:${time}`]) {
    mutants.add([payload, stamp, signature].join(':'));
  }
  for (const mac of [
    '',
    `${signature}=`,
    `${signature}==`,
    `${signature}A`,
    signature?.toLowerCase(),
  ]) {
    mutants.add([payload, time, mac].join(':'));
  }
  mutants.add([payload, signature].join(':')).add([time, payload, signature].join(':'));
  while (mutants.size < count) {
    let mutant = cookie;
    for (let edits = random(4); edits >= 0; edits -= 1) {
      const at = random(mutant.length);
      const inserted = Array.from({ length: random(3) }, octet).join('');
      mutant = mutant.slice(0, at) + inserted + mutant.slice(at + random(3));
    }
    mutants.add(mutant);
  }
  for (const same of [cookie, another]) mutants.delete(same);
  return [...mutants];
}

/** A million by `npm run test:faults`. */
const MUTANTS = process.env.FAULTS === 'full' ? 1_000_000 : 20_000;

describe.each([
  ['signed', false],
  ['sealed', true],
])(`${MUTANTS} mutants of a %s cookie`, (_, encrypt) => {
  it('are none accepted, and none fails in another way', async () => {
    const { sessions, cookieOf, clock } = cookieSessions({ encrypt });
    const another = await cookieOf({ user: 'somebody', isAdmin: true });
    clock.now += 1;
    const cookie = await cookieOf(DATA);
    const mutants = mutantsOf(cookie, another, MUTANTS);
    expect(mutants.length).toBeGreaterThanOrEqual(MUTANTS - 2);
    const accepted = mutants.filter((mutant) => sessions.open(mutant).size > 0);
    expect(accepted).toEqual([]);
    expect(Object.fromEntries(sessions.open(cookie).entries())).toEqual(DATA);
  }, 600_000);

  it('are answered like no cookie, by a site', async () => {
    const site = await startCookieSite(
      (ctx) => {
        ctx.body = JSON.stringify(ctx.session.entries());
      },
      { encrypt },
    );
    const [cookie, another] = [await site.cookieOf(DATA), await site.cookieOf({ b: 1 })];
    const random = randomFrom(1);
    const mutants = mutantsOf(cookie, another, 20_000).filter(() => random(40) === 0);
    expect(mutants.length).toBeGreaterThan(300);
    const told = new Set<string>();
    for (const mutant of mutants) {
      const { status, body, setCookie } = await site.visit(mutant);
      told.add([status, body, ...setCookie].join());
    }
    expect([...told]).toEqual(['200,[]']);
    expect(site.errors).toEqual([]);
  }, 60_000);
});

describe('text that was signed with the right key, by somebody who leaked it', () => {
  const { salt } = signedCookiesBackend().encoding;
  const now = new Date(THEN * 1000);
  const signer = new TimestampSigner({ key: SECRET_KEY, salt });
  const json = (text: string) => signer.signText(text, { compress: false, now });
  const bomb = deflateSync(`{"a":"${'x'.repeat(3_000_000)}"}`).toString('base64url');
  const cookies: Readonly<Record<string, string>> = {
    'no JSON': json('{'),
    'a list': json('["a"]'),
    'a string': json('"a"'),
    'levels beyond maxDepth': json(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`),
    'entries beyond maxEntries': signer.signText(`{"a":[${'1,'.repeat(10_000)}1]}`, {
      ...{ compress: true, now },
    }),
    'a bomb of three megabytes': signer.sign(`.${bomb}`, now),
    'a compressed text that is cut': signer.sign(`.${bomb.slice(0, 200)}`, now),
    'a compressed text that is none': signer.sign('.eyJhIjoxfQ', now),
    'no base64': signer.sign('eyJhI', now),
    'no time': signer.sign('', now).slice(1),
    'the signature of a row': new TimestampSigner({
      ...{ key: SECRET_KEY, salt: 'django.contrib.sessions.SessionStore' },
    }).signText('{"a":1}', { compress: false, now }),
  };

  it.each(Object.entries(cookies))('is no session: %s', (_, cookie) => {
    expect(cookie.length).toBeLessThan(4093);
    const { sessions, rejected } = cookieSessions();
    const session = sessions.open(cookie);
    expect(session.entries()).toEqual([]);
    expect(session.sessionKey).toBeNull();
    expect(rejected).toHaveLength(1);
  });

  it('is data, where it looks like more', async () => {
    const text =
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"then":1,"toJSON":2,"a":{"__proto__":{"isAdmin":true},"rce":"_$$ND_FUNC$$_function(){}()"}}';
    const { sessions } = cookieSessions();
    const session = sessions.open(json(text));
    await session.load();
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    expect(session.get('isAdmin')).toBeUndefined();
    expect(Object.getPrototypeOf(session.get('a'))).toBeNull();
    session.set('n', 1);
    await session.save();
    const saved = sessions.open(session.sessionKey);
    expect(saved.keys()).toEqual(['__proto__', 'constructor', 'then', 'toJSON', 'a', 'n']);
  });

  it.each([
    '"soon"',
    '[]',
    '{"a":1}',
    'NaN',
    '1e308',
    '"9999-12-31T23:59:59.999999-23:59"',
    'true',
    'null',
  ])('fails no reader with the expiry %s', (expiry) => {
    const { sessions } = cookieSessions();
    const read = () => sessions.open(json(`{"a":1,"_session_expiry":${expiry}}`)).get('a');
    expect(read).not.toThrow();
  });
});
