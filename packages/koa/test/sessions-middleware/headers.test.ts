import { Readable } from 'node:stream';
import type { CookieOptions } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { expectCookie, fail, read, startWithSession, withStatus, write } from '../seeded-site.ts';
import { closeSites, type Handler, KEY, keyOf, startSite } from '../test-site.ts';

afterEach(closeSites);

describe('Vary', () => {
  it.each([
    ['absent', undefined, 'Cookie'],
    ['another field', 'Accept', 'Accept, Cookie'],
    ['several', 'Accept-Language,Accept-Encoding', 'Accept-Language, Accept-Encoding, Cookie'],
    ['the cookie', 'cookie', 'cookie'],
    ['the cookie among others', 'Accept, COOKIE', 'Accept, COOKIE'],
    ['everything', '*', '*'],
    ['everything among others', 'Accept, *', '*'],
  ])('that names %s', async (_, present, expected) => {
    const site = await startWithSession((ctx) => {
      if (present !== undefined) ctx.set('Vary', present);
      ctx.session.get('a');
    });
    expect((await site.request({ key: KEY })).vary).toBe(expected);
  });

  it('in several headers is taken together', async () => {
    const site = await startWithSession((ctx) => {
      ctx.set('Vary', ['Accept', 'Accept-Language']);
      ctx.session.get('a');
    });
    expect((await site.request({ key: KEY })).vary).toBe('Accept, Accept-Language, Cookie');
  });

  it.each<[string, Handler]>([
    ['get', (ctx) => ctx.session.get('a')],
    ['has', (ctx) => ctx.session.has('a')],
    ['keys', (ctx) => ctx.session.keys()],
    ['size', (ctx) => ctx.session.size],
    ['data', (ctx) => ctx.session.data.a],
    ['testCookieWorked', (ctx) => ctx.session.testCookieWorked()],
    ['a default that was there', (ctx) => ctx.session.setDefault('a', 2)],
    ['delete of what was not there', (ctx) => ctx.session.delete('x')],
  ])('is sent after %s, with no cookie', async (_, access) => {
    const site = await startWithSession(access);
    expect(await site.request({ key: KEY })).toMatchObject({ vary: 'Cookie', setCookie: [] });
  });

  it('is sent to visitors without a cookie as well', async () => {
    const site = await startSite(read);
    expect((await site.request()).vary).toBe('Cookie');
  });

  it('is sent when the middleware around fails after a session was read', async () => {
    const site = await startWithSession(read, {
      outer: [
        async (ctx, next) => {
          await next();
          ctx.throw(404);
        },
      ],
    });
    expect(await site.request({ key: KEY })).toMatchObject({ status: 404, vary: 'Cookie' });
  });

  it.each([
    ['a string', 'body'],
    ['a stream', Readable.from(['body'])],
    ['nothing', null],
  ])('stays when a middleware around sets its own afterwards, with %s', async (_, body) => {
    const site = await startWithSession(read, {
      outer: [
        async (ctx, next) => {
          await next();
          ctx.body = body;
          ctx.set({ Vary: 'Accept', 'Cache-Control': 'public, max-age=60' });
        },
      ],
    });
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ vary: 'Accept, Cookie', cacheControl: 'public, max-age=60', setCookie: [] },
    });
  });

  it('is not added to a response that left the session alone', async () => {
    const site = await startWithSession(() => {}, {
      outer: [
        async (ctx, next) => {
          await next();
          ctx.set('Vary', 'Accept');
        },
      ],
    });
    expect((await site.request({ key: KEY })).vary).toBe('Accept');
  });
});

describe('Cache-Control of a response that sets the cookie', () => {
  it.each([
    [undefined, 'no-store'],
    ['no-store', 'no-store'],
    ['private', 'private'],
    ['private, max-age=60', 'private, max-age=60'],
    ['private="x"', 'no-store'],
    ['public, private="x"', 'private'],
    ['PRIVATE', 'PRIVATE'],
    ['no-cache', 'no-store'],
    ['max-age=60', 'no-store'],
    ['public', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60, s-maxage=600', 'private, max-age=60'],
    ['s-maxage=600', 'private'],
    ['Public, immutable', 'private, immutable'],
    ['public, no-store', 'public, no-store'],
    ['x-public=1', 'no-store'],
  ])('%s becomes %s', async (present, expected) => {
    const site = await startSite((ctx) => {
      if (present !== undefined) ctx.set('Cache-Control', present);
      ctx.session.set('b', 2);
    });
    expect((await site.request()).cacheControl).toBe(expected);
    const changed = present !== undefined && present !== expected;
    expect(site.events.filter(({ name }) => name === 'cacheControlChanged')).toEqual(
      changed ? [expect.objectContaining({ from: present, to: expected })] : [],
    );
  });

  it('is left alone where no cookie is sent', async () => {
    const site = await startWithSession((ctx) => {
      ctx.set('Cache-Control', 'public, max-age=60');
      ctx.session.get('a');
    });
    expect((await site.request({ key: KEY })).cacheControl).toBe('public, max-age=60');
  });

  it('that the handler sets after save is still made private', async () => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('b', 2);
      await ctx.session.save();
      ctx.set('Cache-Control', 'public, max-age=60');
    });
    expect((await site.request()).cacheControl).toBe('private, max-age=60');
  });

  it('that a middleware around sets afterwards is still made private', async () => {
    const site = await startSite(write, {
      outer: [
        async (ctx, next) => {
          await next();
          ctx.set('Cache-Control', 'public, max-age=60');
        },
      ],
    });
    const answer = await site.request();
    expect(answer.cacheControl).toBe('private, max-age=60');
    expect(keyOf(answer)).toMatch(/^[a-z0-9]{32}$/);
  });

  it('that a middleware around sets as it handles an error is still made private', async () => {
    const site = await startSite(
      (ctx) => {
        ctx.session.set('b', 2);
        ctx.throw(404);
      },
      {
        outer: [
          async (ctx, next) => {
            await next().catch(() => ctx.set('Cache-Control', 'public'));
          },
        ],
      },
    );
    expect((await site.request()).cacheControl).toBe('private');
  });

  it('that the error brings is still made private', async () => {
    const site = await startSite((ctx) => {
      ctx.session.set('b', 2);
      fail(withStatus(410, { headers: { 'Cache-Control': 'public, max-age=60' } }));
    });
    expect((await site.request()).cacheControl).toBe('private, max-age=60');
  });
});

describe('Set-Cookie', () => {
  it('keeps the other cookies of the response', async () => {
    const site = await startSite((ctx) => {
      ctx.cookies.set('theme', 'dark');
      ctx.cookies.set('sessionid2', 'x');
      ctx.session.set('b', 2);
    });
    const { setCookie } = await site.request();
    expect(setCookie).toEqual([
      'theme=dark; path=/; httponly',
      'sessionid2=x; path=/; httponly',
      expect.stringMatching(/^sessionid=[a-z0-9]{32}; /),
    ]);
  });

  it('keeps one that was set as plain text, and those set after save', async () => {
    const site = await startSite(async (ctx) => {
      ctx.res.setHeader('Set-Cookie', 'theme=dark');
      ctx.session.set('b', 2);
      await ctx.session.save();
      ctx.append('Set-Cookie', 'late=1');
    });
    const { setCookie } = await site.request();
    expect(setCookie.map((cookie) => cookie.split('=')[0])).toEqual(['theme', 'late', 'sessionid']);
  });

  it('never has the session cookie twice', async () => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('b', 2);
      await ctx.session.save();
      await ctx.session.cycleKey();
      ctx.session.set('c', 3);
    });
    const answer = await site.request();
    const key = keyOf(answer) ?? '';
    expectCookie(answer, key);
    expect(site.rows()).toEqual({ [key]: { b: 2, c: 3 } });
  });

  it('is sent as configured over plain HTTP, secure too', async () => {
    const cookie: CookieOptions = {
      ...{ name: 'sid', domain: 'example.com', path: '/app', secure: true, httpOnly: false },
      ...({ age: 60, sameSite: 'None', partitioned: true, priority: 'High' } as const),
    };
    const site = await startSite(write, { settings: { cookie } });
    expect((await site.request()).setCookie).toEqual([
      expect.stringMatching(
        /^sid=[a-z0-9]{32}; Domain=example\.com; expires=Tue, 14 Nov 2023 22:14:20 GMT; Max-Age=60; Path=\/app; SameSite=None; Secure; Partitioned; Priority=High$/,
      ),
    ]);
  });

  it('stays when a middleware around fails after the commit', async () => {
    const site = await startSite(write, {
      outer: [
        async (ctx, next) => {
          await next();
          ctx.throw(500);
        },
      ],
    });
    const answer = await site.request();
    expect(answer.status).toBe(500);
    expectCookie(answer, keyOf(answer));
    expect(Object.keys(site.rows())).toEqual([keyOf(answer)]);
  });

  it('stays when a middleware around answers the error itself', async () => {
    const site = await startSite(
      (ctx) => {
        ctx.session.set('b', 2);
        ctx.throw(401);
      },
      {
        outer: [
          async (ctx, next) => {
            await next().catch(() => {
              ctx.status = 200;
              ctx.body = 'handled';
            });
          },
        ],
      },
    );
    const answer = await site.request();
    expect(answer).toMatchObject({ status: 200, body: 'handled' });
    expectCookie(answer, keyOf(answer));
  });
});
