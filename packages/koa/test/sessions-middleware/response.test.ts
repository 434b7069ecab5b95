import { Readable } from 'node:stream';
import { SessionClosed } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { count, DELETION, expectCookie, startDelayed, startWithSession } from '../seeded-site.ts';
import { closeSites, gate, KEY, keyOf, type SiteContext, startSite } from '../test-site.ts';

afterEach(closeSites);

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
