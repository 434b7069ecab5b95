import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { type CookieOptions, SessionClosed, type SessionStore } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { type SessionsMiddlewareOptions, sessions } from '../src/sessions-middleware.ts';
import { type DelayedBackend, delayedBackend } from './delayed-backend.ts';
import {
  type Answer,
  closeSites,
  type Data,
  gate,
  type Handler,
  KEY,
  keyOf,
  listen,
  type Site,
  type SiteContext,
  type SiteOptions,
  startSite,
} from './test-site.ts';

afterEach(closeSites);

const OTHER_KEY = 'b'.repeat(32);
const DELETION =
  'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax';
const ATTRIBUTES =
  'expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax';

const write: Handler = (ctx) => {
  ctx.session.set('b', 2);
};
const read: Handler = (ctx) => {
  ctx.body = JSON.stringify(ctx.session.get('a') ?? null);
};

/** A site that has the session `{ a: 1 }` under KEY. */
async function startWithSession(handler: Handler, options?: SiteOptions): Promise<Site> {
  const site = await startSite(handler, options);
  site.put(KEY, { a: 1 });
  return site;
}

/** The same on a backend that answers later. */
async function startDelayed(
  handler: Handler,
  options?: SiteOptions,
): Promise<{ site: Site; backend: DelayedBackend }> {
  const made: { backend?: DelayedBackend } = {};
  const site = await startWithSession(handler, {
    ...options,
    wrap: (inner) => {
      made.backend = delayedBackend(inner);
      return made.backend;
    },
  });
  return { site, backend: made.backend as DelayedBackend };
}

function reasons(site: Site): (string | undefined)[] {
  return site.events.filter(({ name }) => name === 'rejected').map(({ reason }) => reason);
}

function count(site: Site, name: string): number {
  return site.events.filter((event) => event.name === name).length;
}

/** All that a session cookie does to the headers of an answer. */
function expectCookie(answer: Answer, key: string | undefined): void {
  expect(answer.setCookie).toEqual([`sessionid=${key}; ${ATTRIBUTES}`]);
  expect(answer.vary).toBe('Cookie');
  expect(answer.cacheControl).toBe('no-store');
}

describe('the request cookie', () => {
  it.each([
    ['too short', 'a'.repeat(31)],
    ['too long', 'a'.repeat(33)],
    ['with a capital', `${'a'.repeat(31)}A`],
    ['with a dash', `${'a'.repeat(31)}-`],
    ['a digest of a key', '0123456789abcdef'.repeat(4)],
    ['empty', ''],
    ['percent-encoded', `%61${'a'.repeat(31)}`],
    ['with an octal escape', `"\\141${'a'.repeat(31)}"`],
  ])('that is malformed (%s) is no session and asks no backend', async (_, value) => {
    const { site, backend } = await startDelayed(read);
    expect((await site.request({ headers: { cookie: `sessionid=${value}` } })).body).toBe('null');
    expect(backend.calls.load).toBe(0);
    expect(reasons(site)).toEqual(['malformed']);
  });

  it('twice with different values is no session, and an event', async () => {
    const { site, backend } = await startDelayed(read);
    const cookie = `sessionid=${KEY}; other=1; sessionid=${OTHER_KEY}`;
    const answer = await site.request({ headers: { cookie } });
    expect(answer).toMatchObject({ body: 'null', setCookie: [] });
    expect(backend.calls.load).toBe(0);
    expect(reasons(site)).toEqual(['duplicate cookie']);
  });

  it('twice with different values, written: a new session', async () => {
    const site = await startWithSession(write);
    const cookie = `sessionid=${KEY}; sessionid=${OTHER_KEY}`;
    const key = keyOf(await site.request({ headers: { cookie } })) ?? '';
    expect(site.rows()).toEqual({ [KEY]: { a: 1 }, [key]: { b: 2 } });
  });

  it('twice with the same value is that session', async () => {
    const site = await startWithSession(read);
    const cookie = `sessionid=${KEY}; sessionid=${KEY}`;
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
    expect(reasons(site)).toEqual([]);
  });

  it.each([
    ['quoted', `sessionid="${KEY}"`],
    ['among others', `theme=dark; sessionid=${KEY}; x=1`],
    ['without spaces', `theme=dark;sessionid=${KEY};x=1`],
    ['with spaces', `  sessionid  =  ${KEY}  `],
    ['beside names that contain its own', `xsessionid=1; sessionidx=2; sessionid=${KEY}`],
    ['beside one without a value', `sessionid; sessionid=${KEY}`],
  ])('is found %s', async (_, cookie) => {
    const site = await startWithSession(read);
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
  });

  it('three hundred times is asked for once', async () => {
    const { site, backend } = await startDelayed(read);
    const cookie = Array(300).fill(`sessionid=${KEY}`).join('; ');
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
    expect(backend.calls.load).toBe(1);
  });

  it.each([
    ...['SESSIONID', 'xsessionid', 'sessionidx', 'session_id', '"sessionid"'],
    ...['=sessionid', '%73essionid', 'sessionid%3D'],
  ])('under the name %s is another cookie', async (name) => {
    const site = await startWithSession(read);
    const answer = await site.request({ headers: { cookie: `${name}=${KEY}` } });
    expect(answer.body).toBe('null');
    expect(site.events).toEqual([]);
  });

  it('in several headers is one of all of them', async () => {
    const site = await startWithSession(read);
    const cookie = ['theme=dark', `sessionid=${KEY}`];
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
  });
});

describe('a session that nobody changes', () => {
  it('is not written and sends no cookie', async () => {
    const site = await startWithSession(read);
    const before = site.texts();
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ body: '1', setCookie: [], vary: 'Cookie', cacheControl: undefined },
    });
    expect(site.texts()).toEqual(before);
    expect(site.events).toEqual([]);
  });

  it('is not even asked for where the handler leaves it alone', async () => {
    const site = await startWithSession(() => {});
    // A database without the table could not answer.
    site.database.exec('DROP TABLE django_session');
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ status: 200, setCookie: [], vary: undefined, cacheControl: undefined },
    });
  });

  it('makes no row for a visitor without one', async () => {
    const site = await startSite(read);
    await site.request();
    await site.request({ key: KEY });
    expect(site.rows()).toEqual({});
  });
});

describe('modified = true', () => {
  const touchAll: Handler = (ctx) => {
    ctx.session.modified = true;
  };

  it.each([false, true])('saves a session that was never read (lazy: %s)', async (lazy) => {
    const { site, backend } = await startDelayed(touchAll, { middleware: { lazy } });
    expectCookie(await site.request({ key: KEY }), KEY);
    expect(backend.calls).toMatchObject({ load: 1, update: 1 });
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('saves one whose backend answers at once', async () => {
    const site = await startWithSession(touchAll);
    site.clock.now = new Date(site.clock.now.getTime() + 60_000);
    expect(keyOf(await site.request({ key: KEY }))).toBe(KEY);
    expect(site.database.prepare('SELECT expire_date FROM django_session').all()).toEqual([
      { expire_date: '2023-11-28 22:14:20' },
    ]);
  });

  it.each([undefined, OTHER_KEY])('creates nothing where there is no session (%s)', async (key) => {
    const site = await startSite(touchAll);
    const answer = await site.request(key === undefined ? {} : { key });
    expect(answer).toMatchObject({ status: 200, setCookie: [] });
    expect(site.rows()).toEqual({});
  });
});

describe('a status of 500 and more', () => {
  const outcomes: [string, Handler][] = [
    ['set', (ctx) => Object.assign(ctx, { status: 500 })],
    ['set to 503', (ctx) => Object.assign(ctx, { status: 503 })],
    ['set to 599', (ctx) => Object.assign(ctx, { status: 599 })],
    ['thrown by ctx.throw', (ctx) => ctx.throw(502)],
    ['thrown as an error without a status', () => fail(new Error('boom'))],
    ['thrown as a string', () => fail('boom')],
    ['thrown as an empty string', () => fail('')],
    // Koa answers 500 whatever is thrown that is no error, and takes no status from it.
    ['thrown as an object that is no error', () => fail({ status: 401 })],
    ['thrown with a status that does not exist', () => fail(withStatus(799))],
    ['thrown with a status that is text', () => fail(withStatus('401'))],
    // Koa 2 made a 404 of it.
    ['thrown as ENOENT', () => fail(Object.assign(new Error('no file'), { code: 'ENOENT' }))],
  ];

  it.each(outcomes)('%s saves nothing', async (_, end) => {
    const site = await startWithSession((ctx) => {
      ctx.session.set('b', 2);
      return end(ctx);
    });
    const answer = await site.request({ key: KEY });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer).toMatchObject({ setCookie: [], vary: 'Cookie' });
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it.each(outcomes)('%s leaves standing what save did, and sends its cookie', async (_, end) => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('kept', 1);
      await ctx.session.save();
      ctx.session.set('lost', 2);
      return end(ctx);
    });
    const answer = await site.request();
    const key = keyOf(answer) ?? '';
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expectCookie(answer, key);
    expect(site.rows()).toEqual({ [key]: { kept: 1 } });
  });

  it.each(outcomes)('%s leaves standing what cycleKey did', async (_, end) => {
    const site = await startWithSession(async (ctx) => {
      await ctx.session.cycleKey();
      ctx.session.set('lost', 2);
      return end(ctx);
    });
    const answer = await site.request({ key: KEY });
    const key = keyOf(answer) ?? '';
    expect(key).not.toBe(KEY);
    expectCookie(answer, key);
    expect(site.rows()).toEqual({ [key]: { a: 1 } });
  });

  it.each(outcomes)('%s leaves standing what flush did', async (_, end) => {
    const site = await startWithSession(async (ctx) => {
      await ctx.session.flush();
      ctx.session.set('lost', 2);
      return end(ctx);
    });
    const answer = await site.request({ key: KEY });
    expect(answer).toMatchObject({
      setCookie: [DELETION],
      vary: 'Cookie',
      cacheControl: 'no-store',
    });
    expect(site.rows()).toEqual({});
  });
});

describe('an error below 500', () => {
  const thrown: [string, () => unknown, number][] = [
    ['by status', () => withStatus(401), 401],
    ['by statusCode', () => Object.assign(new Error('no'), { statusCode: 403 }), 403],
    ['by statusCode beside a status of 0', () => withStatus(0, { statusCode: 403 }), 403],
    ['with a status of 200', () => withStatus(200), 200],
    ['with ENOENT and a status', () => withStatus(404, { code: 'ENOENT' }), 404],
  ];

  it.each(thrown)('%s is committed', async (_, error, status) => {
    const site = await startWithSession((ctx) => {
      ctx.session.set('b', 2);
      fail(error());
    });
    const answer = await site.request({ key: KEY });
    expect(answer.status).toBe(status);
    expectCookie(answer, KEY);
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });

  it('creates a session too', async () => {
    const site = await startSite((ctx) => {
      ctx.session.set('b', 2);
      ctx.throw(401);
    });
    const answer = await site.request();
    const key = keyOf(answer) ?? '';
    expect(answer.status).toBe(401);
    expectCookie(answer, key);
    expect(site.rows()).toEqual({ [key]: { b: 2 } });
  });

  it('is thrown on as it is: no header is put on it, so that a shared one tells nobody a key', async () => {
    const shared = Object.assign(new Error('Not you.'), { status: 403, expose: true });
    const seen: unknown[] = [];
    const site = await startSite(
      (ctx) => {
        if (ctx.path === '/write') ctx.session.set('b', 2);
        throw shared;
      },
      {
        outer: [
          async (_ctx, next) => {
            try {
              await next();
            } catch (error) {
              seen.push(error, Object.keys(error as object));
              throw error;
            }
          },
        ],
      },
    );
    expect(keyOf(await site.request({ path: '/write' }))).toMatch(/^[a-z0-9]{32}$/);
    expect(seen).toEqual([shared, ['status', 'expose']]);
    expect(seen[0]).toBe(shared);
    expect(await site.request()).toMatchObject({ status: 403, setCookie: [], vary: undefined });
    expect(site.errors).toEqual([shared, shared]);
  });

  it('keeps the headers that the error brings', async () => {
    const site = await startSite((ctx) => {
      ctx.session.set('b', 2);
      fail(withStatus(401, { headers: { 'WWW-Authenticate': 'Basic', Vary: 'Accept' } }));
    });
    const answer = await site.request();
    expect(answer.headers['www-authenticate']).toBe('Basic');
    expect(answer.vary).toBe('Accept, Cookie');
    expect(keyOf(answer)).toMatch(/^[a-z0-9]{32}$/);
  });

  it('varies by cookie where the session was only read', async () => {
    const site = await startWithSession((ctx) => {
      ctx.session.get('a');
      ctx.throw(404);
    });
    const answer = await site.request({ key: KEY });
    expect(answer).toMatchObject({ status: 404, setCookie: [], vary: 'Cookie' });
    expect(answer.cacheControl).toBeUndefined();
  });

  it('does not vary where the session was left alone', async () => {
    const site = await startWithSession((ctx) => ctx.throw(404));
    expect(await site.request({ key: KEY })).toMatchObject({ status: 404, vary: undefined });
  });

  it('is the one answered when the commit fails too, and the failure is an event', async () => {
    const { site, backend } = await startDelayed((ctx) => {
      ctx.session.set('b', 2);
      ctx.throw(401, 'Not you.');
    });
    backend.failures.update = new Error('disk on fire');
    const answer = await site.request({ key: KEY });
    expect(answer).toMatchObject({ status: 401, body: 'Not you.', setCookie: [], vary: 'Cookie' });
    expect(site.errors).toEqual([expect.objectContaining({ status: 401 })]);
    expect(site.events).toContainEqual(
      expect.objectContaining({
        name: 'error',
        cause: expect.objectContaining({ name: 'BackendUnavailable' }),
      }),
    );
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });
});

describe('a commit that fails', () => {
  it.each<['create' | 'update', string | undefined]>([
    ['update', KEY],
    ['create', undefined],
  ])('replaces the response of a request that has to %s', async (operation, key) => {
    const { site, backend } = await startDelayed((ctx) => {
      ctx.session.set('b', 2);
      ctx.set('X-Secret', '1');
      ctx.body = { saved: true };
    });
    backend.failures[operation] = new Error('disk on fire');
    const answer = await site.request(key === undefined ? {} : { key });
    expect(answer).toMatchObject({ status: 503, setCookie: [], vary: 'Cookie' });
    expect(answer.body).toBe('Service Unavailable');
    expect(answer.headers['x-secret']).toBeUndefined();
    expect(site.errors).toEqual([expect.objectContaining({ name: 'BackendUnavailable' })]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('replaces it where the session was ended meanwhile, and takes no cookie away', async () => {
    const site = await startWithSession(async (ctx) => {
      ctx.session.set('b', 2);
      await site.sessions.delete(KEY);
    });
    expect(await site.request({ key: KEY })).toMatchObject({ status: 400, setCookie: [] });
    expect(site.rows()).toEqual({});
    expect(count(site, 'interrupted')).toBe(1);
  });

  it('replaces it where the data are too large, or no JSON', async () => {
    const site = await startWithSession((ctx) => {
      const list = ctx.session.setDefault('list', []) as unknown[];
      list.push(ctx.path === '/large' ? 'x'.repeat(70_000) : new Date());
    });
    expect(await site.request({ key: KEY, path: '/large' })).toMatchObject({
      ...{ status: 500, setCookie: [] },
    });
    expect(await site.request({ key: KEY })).toMatchObject({ status: 500, setCookie: [] });
    expect(site.errors.map((error) => (error as Error).name)).toEqual([
      'SessionTooLarge',
      'TypeError',
    ]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('never sends a cookie for a create that may or may not have happened', async () => {
    const { site, backend } = await startDelayed(write, { settings: { operationTimeoutMs: 50 } });
    const { promise, open } = gate();
    backend.until = promise;
    expect(await site.request()).toMatchObject({ status: 503, setCookie: [] });
    expect(site.errors).toEqual([expect.objectContaining({ ambiguous: true })]);
    open();
  });

  it('replaces it where a save may or may not have been done, and nothing is sent twice', async () => {
    const { site, backend } = await startDelayed(
      async (ctx) => {
        ctx.session.change('a', (n) => Number(n) + 1);
        backend.until = promise;
        await ctx.session.save().catch(() => {});
        backend.until = Promise.resolve();
        ctx.session.set('b', 2);
      },
      { settings: { operationTimeoutMs: 50 } },
    );
    const { promise, open } = gate();
    expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
    open();
    await site.sessions.close();
    expect(backend.calls.update).toBe(1);
    expect(site.rows()).toEqual({ [KEY]: { a: 2 } });
  });
});

describe('flush', () => {
  const flush: Handler = (ctx) => ctx.session.flush();

  it('removes row and cookie', async () => {
    const site = await startWithSession(flush);
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([DELETION]);
    expect(answer).toMatchObject({ vary: 'Cookie', cacheControl: 'no-store' });
    expect(site.rows()).toEqual({});
  });

  it('sends nothing to a visitor without a cookie', async () => {
    const site = await startSite(flush);
    expect(await site.request()).toMatchObject({
      ...{ setCookie: [], vary: 'Cookie', cacheControl: undefined },
    });
  });

  it.each([
    ['is unknown', OTHER_KEY],
    ['is malformed', 'abc'],
    ['is empty', ''],
  ])('that found nothing, since the key %s, sends nothing', async (_, key) => {
    const site = await startWithSession(flush);
    expect((await site.request({ key })).setCookie).toEqual([]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('of a session that another request ended first sends nothing', async () => {
    const site = await startWithSession(async (ctx) => {
      ctx.session.get('a');
      await site.sessions.delete(KEY);
      await ctx.session.flush();
    });
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
  });

  it('of a session made in the same request leaves neither row nor cookie', async () => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('b', 2);
      await ctx.session.save();
      await ctx.session.flush();
    });
    const answer = await site.request();
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(site.rows()).toEqual({});
  });

  it('followed by a set starts a new session', async () => {
    const site = await startWithSession(async (ctx) => {
      await ctx.session.flush();
      ctx.session.set('fresh', true);
    });
    const answer = await site.request({ key: KEY });
    const key = keyOf(answer) ?? '';
    expectCookie(answer, key);
    expect(site.rows()).toEqual({ [key]: { fresh: true } });
  });

  it('with a partitioned cookie deletes the partitioned one', async () => {
    const site = await startWithSession(flush, {
      settings: { cookie: { secure: true, partitioned: true } },
    });
    expect((await site.request({ key: KEY })).setCookie).toEqual([
      `${DELETION}; Secure; Partitioned`,
    ]);
  });

  it.each([
    ['at once', false],
    ['later', true],
  ])('an unknown key that is read and cycled sends nothing, %s', async (_, isLater) => {
    const site = await startSite(
      async (ctx) => {
        ctx.session.get('a');
        await ctx.session.cycleKey();
      },
      isLater ? { wrap: delayedBackend } : {},
    );
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
    expect(site.rows()).toEqual({});
  });

  it.each(['rotated', 'unknown', 'expired'])(
    'a %s key that is read sends nothing',
    async (state) => {
      const site = await startSite(read);
      if (state === 'rotated') {
        site.put(KEY, { a: 1 });
        await site.sessions.open(KEY).cycleKey();
      }
      if (state === 'expired') site.put(KEY, { a: 1 }, site.clock.now);
      expect(await site.request({ key: KEY })).toMatchObject({
        ...{ status: 200, body: 'null', setCookie: [], vary: 'Cookie' },
      });
    },
  );
});

describe('a response that has begun', () => {
  const begin = (ctx: SiteContext): void => {
    ctx.res.writeHead(200, { 'Content-Type': 'text/plain' });
    ctx.res.write('begun ');
  };

  it('still saves an existing session, and tells that the cookie was skipped', async () => {
    const site = await startWithSession((ctx) => {
      ctx.respond = false;
      begin(ctx);
      ctx.session.set('b', 2);
      ctx.res.end('done');
    });
    const answer = await site.request({ key: KEY });
    expect(answer).toMatchObject({ status: 200, body: 'begun done', setCookie: [] });
    await site.sessions.close();
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
    expect(count(site, 'cookieSkipped')).toBe(1);
  });

  it('lets nothing create a session', async () => {
    const refused: unknown[] = [];
    const site = await startSite(async (ctx) => {
      ctx.respond = false;
      begin(ctx);
      ctx.session.set('b', 2);
      for (const call of ['save', 'create', 'cycleKey'] as const) {
        await ctx.session[call]().catch((error: unknown) => refused.push(error));
      }
      ctx.res.end('done');
    });
    expect(await site.request()).toMatchObject({ status: 200, body: 'begun done', setCookie: [] });
    expect(refused).toEqual([
      ...Array(3).fill(
        expect.objectContaining({
          name: 'SessionClosed',
          message: expect.stringContaining('await session.save() before the first byte'),
        }),
      ),
    ]);
    // The commit tries as well, so that the application learns of it.
    expect(site.errors).toEqual([expect.objectContaining({ name: 'SessionClosed' })]);
    expect(site.rows()).toEqual({});
  });

  it('ends a session that exists, and cannot take the cookie', async () => {
    const site = await startWithSession(async (ctx) => {
      ctx.respond = false;
      begin(ctx);
      await ctx.session.flush();
      ctx.res.end('done');
    });
    expect(await site.request({ key: KEY })).toMatchObject({ body: 'begun done', setCookie: [] });
    expect(site.rows()).toEqual({});
    expect(count(site, 'cookieSkipped')).toBe(1);
  });

  it('by itself (ctx.respond = false), without a byte sent, saves what exists with its cookie', async () => {
    const site = await startWithSession((ctx) => {
      ctx.respond = false;
      ctx.session.set('b', 2);
      setImmediate(() => void finished.promise.then(() => ctx.res.end('later')));
    });
    const finished = gate();
    site.sessions.events.on('saved', () => finished.open());
    const answer = await site.request({ key: KEY });
    expect(answer.body).toBe('later');
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });

  it('by itself refuses to create at its end, and no error is answered a second time', async () => {
    const site = await startSite((ctx) => {
      ctx.respond = false;
      ctx.session.set('b', 2);
      ctx.res.end('done');
    });
    expect(await site.request()).toMatchObject({ status: 404, body: 'done', setCookie: [] });
    expect(site.errors).toEqual([expect.objectContaining({ name: 'SessionClosed' })]);
    expect(site.rows()).toEqual({});
  });

  it.each<['save' | 'create' | 'cycleKey']>([['save'], ['create'], ['cycleKey']])(
    'has the cookie of what %s did before',
    async (call) => {
      const site = await startSite(async (ctx) => {
        ctx.respond = false;
        ctx.session.set('b', 2);
        await ctx.session[call]();
        begin(ctx);
        ctx.res.end('done');
      });
      const answer = await site.request();
      const key = keyOf(answer) ?? '';
      expectCookie(answer, key);
      expect(answer.body).toBe('begun done');
      expect(site.rows()).toEqual({ [key]: { b: 2 } });
    },
  );

  it('has the deletion of what flush ended before', async () => {
    const site = await startWithSession(async (ctx) => {
      ctx.respond = false;
      await ctx.session.flush();
      begin(ctx);
      ctx.res.end('done');
    });
    expect((await site.request({ key: KEY })).setCookie).toEqual([DELETION]);
  });

  it('that was written after save saves the rest as well', async () => {
    const site = await startSite(async (ctx) => {
      ctx.respond = false;
      ctx.session.set('early', 1);
      await ctx.session.save();
      begin(ctx);
      ctx.session.set('late', 2);
      ctx.res.end('done');
    });
    const key = keyOf(await site.request()) ?? '';
    await site.sessions.close();
    expect(site.rows()).toEqual({ [key]: { early: 1, late: 2 } });
  });
});

describe('every kind of body', () => {
  const bodies: [string, (ctx: SiteContext) => unknown, string][] = [
    ['a string', (ctx) => Object.assign(ctx, { body: 'text' }), 'text'],
    ['JSON', (ctx) => Object.assign(ctx, { body: { json: true } }), '{"json":true}'],
    ['a buffer', (ctx) => Object.assign(ctx, { body: Buffer.from('bytes') }), 'bytes'],
    ['a stream', (ctx) => Object.assign(ctx, { body: Readable.from(['str', 'eam']) }), 'stream'],
    ['nothing', (ctx) => Object.assign(ctx, { body: null }), ''],
  ];

  it.each(bodies)('waits for the commit: %s', async (_, body, text) => {
    const { site, backend } = await startDelayed((ctx) => {
      ctx.session.set('b', 2);
      body(ctx);
    });
    const { promise, open } = gate();
    const answered: string[] = [];
    backend.until = promise;
    const answer = site.request().finally(() => answered.push('answered'));
    while (backend.calls.create === 0) await new Promise(setImmediate);
    expect(answered).toEqual([]);
    open();
    const got = await answer;
    expect(got.body).toBe(text);
    expectCookie(got, keyOf(got));
  });

  it('a redirect', async () => {
    const site = await startSite((ctx) => {
      ctx.session.set('b', 2);
      ctx.redirect('/elsewhere');
    });
    const answer = await site.request();
    expect(answer.status).toBe(302);
    expect(answer.headers.location).toBe('/elsewhere');
    expectCookie(answer, keyOf(answer));
  });

  it('HEAD', async () => {
    const site = await startSite((ctx) => {
      ctx.session.set('b', 2);
      ctx.body = 'text';
    });
    const answer = await site.request({ method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expectCookie(answer, keyOf(answer));
  });

  it('304, found by ETag before the session sees the response', async () => {
    const site = await startWithSession((ctx) => {
      if (ctx.path === '/write') ctx.session.set('b', 2);
      else ctx.session.get('a');
      ctx.status = 200;
      ctx.set('ETag', '"v1"');
      if (ctx.fresh) ctx.status = 304;
      else ctx.body = 'text';
    });
    const headers = { 'if-none-match': '"v1"' };
    const unchanged = await site.request({ key: KEY, headers });
    expect(unchanged).toMatchObject({ status: 304, setCookie: [], vary: 'Cookie', body: '' });
    const changed = await site.request({ key: KEY, headers, path: '/write' });
    expect(changed.status).toBe(304);
    expectCookie(changed, KEY);
  });

  it('204', async () => {
    const site = await startWithSession((ctx) => {
      ctx.session.set('b', 2);
      ctx.status = 204;
    });
    const answer = await site.request({ key: KEY });
    expect(answer.status).toBe(204);
    expectCookie(answer, KEY);
  });

  it('a stream that writes to the session is too late', async () => {
    const caught: unknown[] = [];
    const site = await startWithSession((ctx) => {
      const { session } = ctx;
      session.get('a');
      ctx.body = Readable.from(
        (async function* () {
          try {
            session.set('late', 1);
          } catch (error) {
            caught.push(error);
          }
          yield 'stream';
        })(),
      );
    });
    expect((await site.request({ key: KEY })).body).toBe('stream');
    expect(caught).toEqual([expect.any(SessionClosed)]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });
});

describe('after the commit', () => {
  it('every mutator throws SessionClosed, and reading goes on', async () => {
    let session: SessionStore<Data> | undefined;
    const site = await startWithSession((ctx) => {
      session = ctx.session;
      session.set('b', 2);
    });
    await site.request({ key: KEY });
    const late = session as SessionStore<Data>;
    const mutators: Record<string, () => unknown> = {
      set: () => late.set('c', 3),
      delete: () => late.delete('a'),
      pop: () => late.pop('a'),
      setDefault: () => late.setDefault('c', 3),
      update: () => late.update({ c: 3 }),
      clear: () => late.clear(),
      change: () => late.change('a', () => 2),
      data: () => {
        late.data.c = 3;
      },
      'data deleted': () => delete late.data.a,
      setExpiry: () => late.setExpiry(60),
      'setExpiry null': () => late.setExpiry(null),
      setTestCookie: () => late.setTestCookie(),
      deleteTestCookie: () => late.deleteTestCookie(),
      save: () => late.save(),
      create: () => late.create(),
      cycleKey: () => late.cycleKey(),
      flush: () => late.flush(),
    };
    for (const [name, mutate] of Object.entries(mutators)) {
      await expect(
        (async () => {
          await mutate();
        })(),
      ).rejects.toMatchObject({
        name: 'SessionClosed',
        message: expect.stringContaining('sessions.open(key)'),
      });
      expect([name, late.get('a'), late.get('c'), late.size]).toEqual([name, 1, undefined, 2]);
    }
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });

  it('a job opens the session by its key', async () => {
    const site = await startWithSession(async (ctx) => {
      ctx.session.set('b', 2);
      key = ctx.session.sessionKey;
    });
    let key: string | null = null;
    await site.request({ key: KEY });
    const session = site.sessions.open(key);
    session.set('job', true);
    await session.save();
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2, job: true } });
  });
});

describe('ctx.session', () => {
  it.each([null, undefined, {}, { user: 1 }])('cannot be assigned (%j)', async (value) => {
    const site = await startWithSession((ctx) => {
      Object.assign(ctx, { session: value });
    });
    const answer = await site.request({ key: KEY });
    expect(answer).toMatchObject({ status: 500, setCookie: [] });
    expect(site.errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining('ctx.session.flush()') }),
    ]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('of another session middleware is refused clearly', async () => {
    const site = await startWithSession(read);
    const app = new Koa();
    app.silent = true;
    Object.defineProperty(app.context, 'session', { get: () => ({}), configurable: true });
    app.use(sessions(site.sessions));
    const errors: unknown[] = [];
    app.on('error', (error) => errors.push(error));
    await answerOf(app);
    expect(errors).toEqual([
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringContaining('remove the other session middleware'),
      }),
    ]);
  });

  it('that a middleware around has put on this context is refused clearly', async () => {
    const site = await startSite(read, {
      outer: [
        (ctx, next) => {
          Object.defineProperty(ctx, 'session', { value: {}, configurable: true });
          return next();
        },
      ],
    });
    expect((await site.request()).status).toBe(500);
    expect((await site.request()).status).toBe(500);
    expect(site.errors).toEqual([
      ...Array(2).fill(
        expect.objectContaining({
          name: 'ImproperlyConfigured',
          message: expect.stringContaining('remove the other session middleware'),
        }),
      ),
    ]);
  });

  it('is the same session where the middleware is mounted twice, committed once', async () => {
    const site = await startWithSession(async (ctx) => {
      const outer = ctx.session;
      await sessions(site.sessions)(ctx as never, async () => {
        expect(ctx.session).toBe(outer);
        ctx.session.set('inner', 1);
      });
      ctx.session.set('outer', 2);
    });
    const answer = await site.request({ key: KEY });
    expect(answer.status).toBe(200);
    expectCookie(answer, KEY);
    expect(site.rows()).toEqual({ [KEY]: { a: 1, inner: 1, outer: 2 } });
    expect(count(site, 'saved')).toBe(1);
  });

  it('is refused where another Sessions is mounted inside, unless one of them is skipped', async () => {
    const other = await startSite(read);
    const site = await startWithSession(async (ctx) => {
      const skip = ctx.path === '/skipped';
      await sessions(other.sessions, { skip })(ctx as never, async () => {
        ctx.body = JSON.stringify(ctx.session.get('a'));
      });
    });
    expect((await site.request({ key: KEY })).status).toBe(500);
    expect(site.errors).toEqual([
      expect.objectContaining({
        name: 'ImproperlyConfigured',
        message: expect.stringContaining('mounted twice, with different Sessions'),
      }),
    ]);
    expect((await site.request({ key: KEY, path: '/skipped' })).body).toBe('1');
  });

  it('says nothing of key and data in logs', async () => {
    const site = await startWithSession((ctx) => {
      ctx.session.get('a');
      ctx.body = [JSON.stringify(ctx.session), `${ctx.session}`];
    });
    const { body } = await site.request({ key: KEY });
    expect(body).not.toContain(KEY);
    expect(body).toContain('SessionStore');
  });
});

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

describe('options', () => {
  type Choice = Partial<SessionsMiddlewareOptions>;
  /** The option as a value for every request, and as a function that picks the path /chosen. */
  const both = (option: Choice): [string, Choice][] => [
    ['a value', option],
    [
      'a function',
      Object.fromEntries(
        Object.entries(option).map(([name, value]) => [
          name,
          (ctx: { path: string }) => (ctx.path === '/chosen' ? value : undefined),
        ]),
      ),
    ],
  ];
  const chosen = { key: KEY, path: '/chosen' };

  it.each(both({ skip: true }))(
    'skip as %s leaves the request without a session',
    async (_, middleware) => {
      const { site, backend } = await startDelayed(
        (ctx) => {
          ctx.body = typeof ctx.session;
        },
        { middleware },
      );
      expect(await site.request(chosen)).toMatchObject({ body: 'undefined', vary: undefined });
      expect(backend.calls.load).toBe(0);
      if (typeof middleware.skip === 'function') {
        expect((await site.request({ key: KEY })).body).toBe('object');
      }
    },
  );

  it.each(both({ lazy: true }))(
    'lazy as %s fetches nothing before load()',
    async (_, middleware) => {
      const { site, backend } = await startDelayed(
        async (ctx) => {
          if (ctx.path !== '/chosen') {
            read(ctx);
            return;
          }
          const loads = [backend.calls.load];
          const caught: unknown[] = [];
          const { session } = ctx;
          const tries = [() => session.get('a'), () => session.set('b', 2), () => session.data.a];
          for (const attempt of tries) {
            try {
              attempt();
            } catch (error) {
              caught.push((error as Error).name);
            }
          }
          await session.load();
          ctx.body = { loads: [...loads, backend.calls.load], caught, a: session.get('a') };
        },
        { middleware },
      );
      expect(JSON.parse((await site.request(chosen)).body)).toEqual({
        ...{ loads: [0, 1], a: 1 },
        caught: ['SessionNotLoaded', 'SessionNotLoaded', 'SessionNotLoaded'],
      });
      if (typeof middleware.lazy === 'function') {
        expect((await site.request({ key: KEY })).body).toBe('1');
      }
    },
  );

  it('lazy asks no backend for a route that leaves the session alone', async () => {
    const { site, backend } = await startDelayed(() => {}, { middleware: { lazy: true } });
    expect((await site.request({ key: KEY })).status).toBe(200);
    expect(backend.calls.load).toBe(0);
  });

  it('lazy has a session without a cookie loaded from the start', async () => {
    const { site, backend } = await startDelayed(write, { middleware: { lazy: true } });
    const key = keyOf(await site.request()) ?? '';
    expect(site.rows()).toEqual({ [KEY]: { a: 1 }, [key]: { b: 2 } });
    expect(backend.calls.load).toBe(0);
  });

  it.each(both({ readOnly: true }))(
    'readOnly as %s refuses every change',
    async (_, middleware) => {
      const site = await startWithSession(
        async (ctx) => {
          const { session } = ctx;
          if (ctx.path !== '/chosen') {
            write(ctx);
            return;
          }
          const mutators = [
            ...[() => session.set('b', 2), () => session.delete('a'), () => session.clear()],
            ...[() => session.change('a', () => 2), () => session.setExpiry(5)],
            ...[() => session.save(), () => session.create(), () => session.cycleKey()],
            () => session.flush(),
          ];
          const names = mutators.map((mutate) =>
            (async () => {
              await mutate();
            })().then(
              () => 'allowed',
              (error: Error) => error.name,
            ),
          );
          ctx.body = [session.get('a'), ...new Set(await Promise.all(names))];
        },
        { middleware },
      );
      expect(JSON.parse((await site.request(chosen)).body)).toEqual([1, 'SessionClosed']);
      expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
      if (typeof middleware.readOnly === 'function') {
        await site.request({ key: KEY });
        expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
      }
    },
  );

  it('readOnly is an error where a nested value was changed, instead of losing it', async () => {
    const site = await startSite(
      (ctx) => {
        (ctx.session.get('cart') as unknown[]).push(2);
      },
      { middleware: { readOnly: true } },
    );
    site.put(KEY, { cart: [1] });
    expect(await site.request({ key: KEY })).toMatchObject({ status: 500, setCookie: [] });
    expect(site.errors).toEqual([
      expect.objectContaining({
        name: 'SessionClosed',
        message: expect.stringContaining('readOnly'),
      }),
    ]);
    expect(site.rows()).toEqual({ [KEY]: { cart: [1] } });
  });

  it.each(both({ touch: false }))('touch false as %s is no activity', async (_, middleware) => {
    const site = await startWithSession(() => {}, {
      ...{ middleware, settings: { saveEveryRequest: true } },
    });
    const before = site.texts();
    expect((await site.request(chosen)).setCookie).toEqual([]);
    expect(site.texts()).toEqual(before);
    if (typeof middleware.touch === 'function') {
      expect(keyOf(await site.request({ key: KEY }))).toBe(KEY);
    }
  });

  it.each(both({ onInterrupted: 'discard' }))(
    "onInterrupted 'discard' as %s drops what the request changed",
    async (_, middleware) => {
      const site = await startWithSession(
        async (ctx) => {
          ctx.session.set('b', 2);
          await site.sessions.delete(KEY);
          ctx.body = 'answered';
        },
        { middleware },
      );
      expect(await site.request(chosen)).toMatchObject({
        ...{ status: 200, body: 'answered', setCookie: [], vary: 'Cookie' },
      });
      expect(site.rows()).toEqual({});
      expect(count(site, 'interrupted')).toBe(1);
      if (typeof middleware.onInterrupted === 'function') {
        site.put(KEY, { a: 1 });
        expect((await site.request({ key: KEY })).status).toBe(400);
      }
    },
  );

  it.each(both({ onUnavailable: 'anonymous' }))(
    "onUnavailable 'anonymous' as %s reads nothing and changes nothing",
    async (_, middleware) => {
      const { site, backend } = await startDelayed(
        async (ctx) => {
          const { session } = ctx;
          const found = session.get('a', 'nobody');
          const calls = [() => session.set('b', 2), () => session.save(), () => session.flush()];
          const names = [...calls, () => session.cycleKey()].map((call) =>
            (async () => {
              await call();
            })().then(
              () => 'allowed',
              (error: Error) => error.name,
            ),
          );
          ctx.body = [found, ...(await Promise.all(names))];
        },
        { middleware },
      );
      backend.failures.load = new Error('down');
      const answer = await site.request(chosen);
      expect(answer).toMatchObject({ status: 200, setCookie: [], vary: 'Cookie' });
      expect(JSON.parse(answer.body)).toEqual(['nobody', ...Array(4).fill('BackendUnavailable')]);
      if (typeof middleware.onUnavailable === 'function') {
        expect((await site.request({ key: KEY })).status).toBe(503);
      }
    },
  );

  it("of the settings, onInterrupted and onUnavailable, can be taken back by a route's own", async () => {
    const { site, backend } = await startDelayed(read, {
      settings: { onUnavailable: 'anonymous', onInterrupted: 'discard' },
      middleware: { onUnavailable: (ctx) => (ctx.path === '/strict' ? 'error' : undefined) },
    });
    backend.failures.load = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, body: 'null' });
    expect((await site.request({ key: KEY, path: '/strict' })).status).toBe(503);
  });
});

describe('a stored expiry that cannot be read', () => {
  const bad: unknown[] = [
    ...['tomorrow', '', '2023-02-30T00:00:00', '2999-13-01', '2040-01-01T00:00:00', '2040-01-01'],
    ...[[], {}, { a: 1 }, [600], 1e300, -1e300, 8.64e12, 9e15],
  ];
  const handlers: [string, Handler][] = [
    ['reading', read],
    ['writing', write],
    ['cycling', (ctx) => ctx.session.cycleKey()],
    ['saving', (ctx) => ctx.session.save()],
    ['ending', (ctx) => ctx.session.flush()],
  ];

  it.each(handlers)('does not disturb %s', async (name, handler) => {
    for (const expiry of bad) {
      for (const settings of [{}, { saveEveryRequest: true }, { idleTimeout: 1000 }]) {
        const site = await startSite(handler, { settings });
        site.put(KEY, { a: 1, _session_expiry: expiry });
        const answer = await site.request({ key: KEY });
        const key = keyOf(answer);
        expect({ expiry, status: answer.status, errors: site.errors }).toEqual({
          ...{ expiry, status: 200, errors: [] },
        });
        if (key === undefined) continue;
        expect([expiry, answer.setCookie[0]]).toEqual([
          expiry,
          expect.stringMatching(/; Max-Age=\d{1,10};/),
        ]);
        if (name !== 'ending') {
          expect(await site.sessions.exists(key)).toBe(true);
        }
        await closeSites();
      }
    }
  });
});

describe('a client that goes away', () => {
  it('before the answer leaves what its request changed', async () => {
    const started = gate();
    const goOn = gate();
    const site = await startWithSession(async (ctx) => {
      started.open();
      await goOn.promise;
      ctx.session.set('b', 2);
      ctx.body = 'nobody reads this';
    });
    const saved = once(site.sessions.events, 'saved');
    const socket = net.connect(site.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nCookie: sessionid=${KEY}\r\n\r\n`);
    await started.promise;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    goOn.open();
    await saved;
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
    expect(site.errors).toEqual([]);
  });

  it('during a streamed body does not disturb the next request', async () => {
    const body = new PassThrough();
    const site = await startWithSession((ctx) => {
      ctx.session.set('b', 2);
      if (ctx.path === '/stream') ctx.body = body;
    });
    const socket = net.connect(site.port, '127.0.0.1');
    socket.write(`GET /stream HTTP/1.1\r\nHost: x\r\nCookie: sessionid=${KEY}\r\n\r\n`);
    body.write('first bytes');
    const [head] = await once(socket, 'data');
    expect(String(head)).toContain(`Set-Cookie: sessionid=${KEY}; ${ATTRIBUTES}`);
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    body.end();
    expect((await site.request({ key: KEY })).status).toBe(200);
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });
});

describe('idleTimeout', () => {
  const settings = { idleTimeout: 1000 };
  const later = (site: Site, seconds: number): void => {
    site.clock.now = new Date(site.clock.now.getTime() + seconds * 1000);
  };
  const expiry = (site: Site): unknown =>
    Object.values(
      site.database.prepare('SELECT expire_date FROM django_session').all()[0] as object,
    )[0];
  async function startIdle(handler: Handler, options: SiteOptions = {}): Promise<Site> {
    const site = await startSite(handler, {
      ...options,
      settings: { ...settings, ...options.settings },
    });
    site.put(KEY, { a: 1 }, new Date(site.clock.now.getTime() + 1_000_000));
    return site;
  }

  it('is renewed by a request that leaves the session alone, with its cookie', async () => {
    const site = await startIdle(() => {});
    const before = site.texts();
    later(site, 100);
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      `sessionid=${KEY}; expires=Tue, 14 Nov 2023 22:31:40 GMT; HttpOnly; Max-Age=1000; Path=/; SameSite=Lax`,
    ]);
    expect(answer).toMatchObject({ vary: 'Cookie', cacheControl: 'no-store' });
    expect(expiry(site)).toBe('2023-11-14 22:31:40');
    expect(site.texts()).toEqual(before);
  });

  it('is renewed at most once per touchEvery', async () => {
    const site = await startIdle(read);
    later(site, 99);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
    later(site, 99);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
  });

  it('is renewed as often as touchEvery says', async () => {
    const site = await startIdle(read, { settings: { touchEvery: 500 } });
    later(site, 499);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
  });

  it('is renewed by a route that only reads (readOnly)', async () => {
    const site = await startIdle(read, { middleware: { readOnly: true } });
    for (const seconds of [999, 999, 999]) {
      later(site, seconds);
      const answer = await site.request({ key: KEY });
      expect([answer.body, keyOf(answer)]).toEqual(['1', KEY]);
    }
  });

  it('ends a session that nobody used for so long', async () => {
    const site = await startIdle(read);
    later(site, 999);
    expect((await site.request({ key: KEY })).body).toBe('1');
    later(site, 999);
    expect((await site.request({ key: KEY })).body).toBe('1');
    later(site, 1000);
    expect(await site.request({ key: KEY })).toMatchObject({ body: 'null', setCookie: [] });
  });

  it('renews a browser-close session without sending its cookie again', async () => {
    const site = await startIdle(() => {}, { settings: { expireAtBrowserClose: true } });
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    expect(expiry(site)).toBe('2023-11-14 22:31:40');
  });

  it('sends the cookie of a browser-close session that was changed', async () => {
    const site = await startIdle(write, { settings: { expireAtBrowserClose: true } });
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([
      `sessionid=${KEY}; HttpOnly; Path=/; SameSite=Lax`,
    ]);
  });

  it('is not renewed by a failed request', async () => {
    const site = await startIdle((ctx) => ctx.throw(500));
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    expect(expiry(site)).toBe('2023-11-14 22:30:00');
  });

  it('is renewed on the error response below 500', async () => {
    const site = await startIdle((ctx) => ctx.throw(404));
    later(site, 100);
    expect(keyOf(await site.request({ key: KEY }))).toBe(KEY);
  });

  it('makes nothing for unknown keys and visitors without one', async () => {
    const site = await startIdle(() => {});
    later(site, 100);
    expect((await site.request()).setCookie).toEqual([]);
    expect((await site.request({ key: OTHER_KEY })).setCookie).toEqual([]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('asks a backend that answers later no more than once to read and once to renew', async () => {
    const made: { backend?: DelayedBackend } = {};
    const site = await startIdle(read, {
      wrap: (inner) => {
        made.backend = delayedBackend(inner);
        return made.backend;
      },
    });
    later(site, 100);
    await site.request({ key: KEY });
    expect(made.backend?.calls).toEqual({ load: 1, create: 0, update: 0, touch: 1, delete: 0 });
  });

  it('that cannot be renewed fails no request', async () => {
    const made: { backend?: DelayedBackend } = {};
    const site = await startIdle(() => {}, {
      wrap: (inner) => {
        made.backend = delayedBackend(inner);
        return made.backend;
      },
    });
    later(site, 100);
    (made.backend as DelayedBackend).failures.touch = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
    expect(count(site, 'unavailable')).toBe(1);
  });
});

describe('saveEveryRequest', () => {
  const settings = { saveEveryRequest: true };

  it('renews record and cookie of a session that nobody touched', async () => {
    const site = await startWithSession(() => {}, { settings });
    site.clock.now = new Date(site.clock.now.getTime() + 60_000);
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      `sessionid=${KEY}; ${ATTRIBUTES.replace('22:13:20', '22:14:20')}`,
    ]);
    expect(answer).toMatchObject({ vary: 'Cookie', cacheControl: 'no-store' });
    expect(site.database.prepare('SELECT expire_date FROM django_session').all()).toEqual([
      { expire_date: '2023-11-28 22:14:20' },
    ]);
  });

  it('writes once where the session was changed', async () => {
    const { site, backend } = await startDelayed(write, { settings });
    expectCookie(await site.request({ key: KEY }), KEY);
    expect(backend.calls).toEqual({ load: 1, create: 0, update: 1, touch: 0, delete: 0 });
  });

  it('creates nothing', async () => {
    const site = await startWithSession(read, { settings });
    for (const sent of [{}, { key: OTHER_KEY }, { key: 'abc' }]) {
      expect((await site.request(sent)).setCookie).toEqual([]);
    }
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('sends a browser-close cookie again, as in Django', async () => {
    const site = await startWithSession(() => {}, {
      settings: { ...settings, expireAtBrowserClose: true },
    });
    expect((await site.request({ key: KEY })).setCookie).toEqual([
      `sessionid=${KEY}; HttpOnly; Path=/; SameSite=Lax`,
    ]);
  });

  it('does not bring back what was flushed', async () => {
    const site = await startWithSession((ctx) => ctx.session.flush(), { settings });
    expect((await site.request({ key: KEY })).setCookie).toEqual([DELETION]);
    expect(site.rows()).toEqual({});
  });
});

describe('a backend that answers later', () => {
  it('is asked once, before the handlers run', async () => {
    const { site, backend } = await startDelayed((ctx) => {
      ctx.body = [backend.calls.load, ctx.session.get('a'), ctx.session.get('b', 'none')];
    });
    expect(JSON.parse((await site.request({ key: KEY })).body)).toEqual([1, 1, 'none']);
    expect(backend.calls.load).toBe(1);
  });

  it('is asked once where the handler calls load() as well', async () => {
    const { site, backend } = await startDelayed(async (ctx) => {
      await ctx.session.load();
      await ctx.session.load();
      ctx.body = [ctx.session.get('a')];
    });
    expect((await site.request({ key: KEY })).body).toBe('[1]');
    expect(backend.calls.load).toBe(1);
  });

  it('is not asked without a cookie', async () => {
    const { site, backend } = await startDelayed(read);
    await site.request();
    expect(backend.calls.load).toBe(0);
  });

  it('holds up the handler until it has answered', async () => {
    const { site, backend } = await startDelayed(read);
    const { promise, open } = gate();
    backend.until = promise;
    const answered: string[] = [];
    const answer = site.request({ key: KEY }).finally(() => answered.push('answered'));
    while (backend.calls.load === 0) await new Promise(setImmediate);
    expect(answered).toEqual([]);
    open();
    expect((await answer).body).toBe('1');
  });

  it('that fails answers a route that leaves its session alone', async () => {
    const { site, backend } = await startDelayed(() => {});
    backend.failures.load = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ status: 200, body: 'ok', setCookie: [], vary: undefined },
    });
    expect(site.errors).toEqual([]);
    expect(count(site, 'unavailable')).toBe(1);
  });

  it.each<[string, Handler]>([
    ['read', read],
    ['written', write],
    ['flushed', (ctx) => ctx.session.flush()],
    ['cycled', (ctx) => ctx.session.cycleKey()],
    ['saved', (ctx) => ctx.session.save()],
    ['loaded', (ctx) => ctx.session.load()],
  ])(
    'that fails answers 503 where the session is %s, and deletes no cookie',
    async (_, handler) => {
      const { site, backend } = await startDelayed(handler);
      backend.failures.load = new Error('down');
      expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
      expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
      backend.failures = {};
      expect((await site.request({ key: KEY })).status).toBe(200);
    },
  );

  it('that is too slow answers 503, and 200 where the session is left alone', async () => {
    const { site, backend } = await startDelayed((ctx) => (ctx.path === '/read' ? read(ctx) : {}), {
      settings: { operationTimeoutMs: 50 },
    });
    const { promise, open } = gate();
    backend.until = promise;
    expect(await site.request({ key: KEY, path: '/read' })).toMatchObject({
      ...{ status: 503, setCookie: [] },
    });
    expect((await site.request({ key: KEY })).status).toBe(200);
    open();
    expect((await site.request({ key: KEY, path: '/read' })).body).toBe('1');
  });

  it('keeps idle timeouts from failing a route that leaves its session alone', async () => {
    const { site, backend } = await startDelayed(() => {}, { settings: { idleTimeout: 1000 } });
    backend.failures.load = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
  });
});

describe('HTTP/2', () => {
  it.each([
    ['/', 200],
    ['/missing', 404],
    ['/broken', 500],
  ])('has the same headers (%s)', async (route, status) => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('b', 2);
      if (ctx.path === '/missing') ctx.throw(404);
      await ctx.session.save();
      if (ctx.path === '/broken') ctx.throw(500);
    });
    const server = http2.createServer(site.app.callback());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
    const [headers] = await once(client.request({ ':path': route }), 'response');
    expect(headers).toMatchObject({
      ...{ ':status': status, vary: 'Cookie', 'cache-control': 'no-store' },
      'set-cookie': [expect.stringMatching(/^sessionid=[a-z0-9]{32}; /)],
    });
    client.destroy();
    server.close();
  });
});

function fail(error: unknown): never {
  throw error;
}

function withStatus(status: unknown, more: object = {}): Error {
  return Object.assign(new Error('thrown on purpose'), { status, expose: true }, more);
}

/** Runs one request of an application without a server of its own. */
async function answerOf(app: Koa): Promise<number> {
  const server = await listen(app.callback());
  const { port } = server.address() as net.AddressInfo;
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).status;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
