import { afterEach, describe, expect, it } from '@jest/globals';
import {
  count,
  DELETION,
  expectCookie,
  fail,
  startDelayed,
  startWithSession,
  withStatus,
  write,
} from '../seeded-site.ts';
import { closeSites, gate, type Handler, KEY, keyOf, startSite } from '../test-site.ts';

afterEach(closeSites);

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
