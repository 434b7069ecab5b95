import { randomBytes } from 'node:crypto';
import { SessionTooLarge } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeCookieSites,
  cookieSessions,
  type Handler,
  type Options,
  startCookieSite,
} from './support/cookie-site.ts';

afterEach(closeCookieSites);

const MOST_BYTES = 4093;
const LENGTHEN = 100;
/** Text that zlib cannot shorten much. */
const noise = (bytes: number): string => randomBytes(bytes).toString('base64').slice(0, bytes);

const lengthen: Handler = (ctx) => {
  const { session } = ctx;
  session.set('notes', String(session.get('notes', '')) + noise(LENGTHEN));
  session.set('name', 'visitor');
};

const read: Handler = (ctx) => {
  ctx.body = String(String(ctx.session.get('notes', '')).length);
};

describe.each<[string, Options]>([
  ['signed', {}],
  ['sealed', { encrypt: true }],
  [
    'signed, with every attribute',
    {
      cookie: {
        ...{ name: '__Secure-visit', domain: 'shop.example.com', path: '/shop/', secure: true },
        ...{ sameSite: 'None', partitioned: true, priority: 'High' },
      },
    },
  ],
  ['signed, until the browser closes', { expireAtBrowserClose: true }],
])('a session that grows by 100 bytes at a time, %s', (_, options) => {
  it('is stored up to 4,093 bytes of cookie, then refused, and what was stored stays', async () => {
    const site = await startCookieSite(
      (ctx) => (ctx.path === '/read' ? read(ctx) : lengthen(ctx)),
      options,
    );
    let cookie: string | undefined;
    let longest = 0;
    let stored = 0;
    for (;;) {
      const answer = await site.visit(cookie);
      if (answer.status !== 200) {
        expect(answer).toMatchObject({ status: 500, setCookie: [], body: 'Internal Server Error' });
        break;
      }
      expect(answer.setCookie).toHaveLength(1);
      longest = Buffer.byteLength(answer.setCookie[0] ?? '');
      expect(longest).toBeLessThanOrEqual(MOST_BYTES);
      cookie = answer.cookie;
      stored += LENGTHEN;
    }
    // A hundred bytes become 133 of base64 when they are sealed, and fewer when they are compressed.
    expect(longest).toBeGreaterThan(MOST_BYTES - 2 * LENGTHEN);
    expect(site.errors).toEqual([expect.any(SessionTooLarge)]);
    expect(String(site.errors[0])).toMatch(
      /makes a cookie of 4\d{3} bytes and browsers drop those over 4093; the largest entries are notes \(\d{4} bytes\), name \(13 bytes\)\.$/,
    );
    expect(await site.visit(cookie, '/read')).toMatchObject({ status: 200, body: String(stored) });
  });
});

describe('a session that is too large for its cookie', () => {
  it('can be told from other failures, made smaller, and stored by the same request', async () => {
    const site = await startCookieSite(async (ctx) => {
      ctx.session.set('kept', 1).set('notes', noise(4000));
      try {
        await ctx.session.save();
      } catch (error) {
        if (!(error instanceof SessionTooLarge)) throw error;
        ctx.session.delete('notes');
        ctx.body = 'shortened';
      }
    });
    const answer = await site.visit();
    expect(answer).toMatchObject({ status: 200, body: 'shortened' });
    expect(site.read(String(answer.cookie))).toEqual({ kept: 1 });
  });

  it('is refused again at the end of a request that only caught the error', async () => {
    const site = await startCookieSite(async (ctx) => {
      ctx.session.set('notes', noise(4000));
      await ctx.session.save().catch(() => {});
    });
    expect(await site.visit()).toMatchObject({ status: 500, setCookie: [] });
  });

  it('may hold more than 4,093 bytes, where they are compressed to less', async () => {
    const { cookieOf, read: open } = cookieSessions();
    const notes = 'all work and no play '.repeat(1000);
    const cookie = await cookieOf({ notes });
    expect(cookie.length).toBeLessThan(1000);
    expect(open(cookie)).toEqual({ notes });
  });

  it('is not compressed when it is sealed, for the length would tell what is in it', async () => {
    const { cookieOf } = cookieSessions({ encrypt: true });
    const lengths = [noise(1000), 'x'.repeat(1000)].map(async (notes) => {
      const { length } = await cookieOf({ notes });
      return length;
    });
    const [one, other] = await Promise.all(lengths);
    expect(one).toBe(other);
    await expect(cookieOf({ notes: 'x'.repeat(3500) })).rejects.toThrow(SessionTooLarge);
  });

  it('takes no commit down that begins at the same time with the same cookie', async () => {
    const { sessions, cookieOf, read: open } = cookieSessions();
    const cookie = await cookieOf({ a: 1 });
    const [small, large] = [0, 1].map(() => sessions.open(cookie));
    small?.set('small', 1);
    large?.set('large', noise(4000));
    const outcomes = await Promise.allSettled([small, large].map((session) => session?.save()));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(open(String(small?.sessionKey))).toEqual({ a: 1, small: 1 });
  });

  it('is read where Django made it, and keeps its expiry instead of failing its readers', async () => {
    for (const options of [{ saveEveryRequest: true }, { idleTimeout: 3600, touchEvery: 1 }]) {
      // Django measures nothing; here longer attributes stand for it.
      const cookie = { path: `/${'p'.repeat(900)}` };
      const site = await startCookieSite(read, { ...options, cookie });
      const made = await cookieSessions().cookieOf({ notes: noise(3300) });
      site.clock.now += 60;
      expect(await site.visit(made)).toMatchObject({ status: 200, body: '3300', setCookie: [] });
      expect(site.errors).toEqual([]);
    }
  });
});
