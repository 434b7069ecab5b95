import { SessionClosed, type SessionStore } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Middleware } from 'koa';
import { reasons, startDelayed } from '../seeded-site.ts';
import { closeSites, type Data, type Handler, KEY, startSite } from '../test-site.ts';

afterEach(closeSites);

describe('a session that nobody looks at', () => {
  const ignore: Handler = () => {};
  const malformed = { headers: { cookie: 'sessionid=abc' } };

  it('is not opened: its cookie is not even checked', async () => {
    const site = await startSite(ignore);
    expect(await site.request(malformed)).toMatchObject({ status: 200, vary: undefined });
    expect(reasons(site)).toEqual([]);
  });

  it.each([
    ['the backend answers later', {}],
    [
      'the route is lazy, and the session may have to be renewed',
      { middleware: { lazy: true }, settings: { idleTimeout: 60 } },
    ],
  ])('is opened all the same where %s', async (_, options) => {
    const { site } = await startDelayed(ignore, options);
    await site.request(malformed);
    expect(reasons(site)).toEqual(['malformed']);
  });

  it('asks no backend that answers later where the route is lazy', async () => {
    const { site, backend } = await startDelayed(ignore, { middleware: { lazy: true } });
    await site.request({ key: KEY });
    await site.request(malformed);
    expect([backend.calls.load, reasons(site)]).toEqual([0, []]);
  });

  it('can be read by a middleware around, when it is over, and not changed any more', async () => {
    const seen: unknown[] = [];
    const site = await startSite(ignore, {
      outer: [
        async (ctx, next) => {
          await next();
          const session = ctx.session as unknown as SessionStore<Data>;
          seen.push(session.get('a'));
          try {
            session.set('a', 2);
          } catch (error) {
            seen.push(error);
          }
        },
      ],
    });
    site.put(KEY, { a: 1 });
    await site.request({ key: KEY });
    expect(seen).toEqual([1, expect.any(SessionClosed)]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  const entry = (ctx: object) => (ctx as { session: SessionStore<Data> }).session.get('a');

  it.each<[string, Middleware]>([
    [
      'a middleware around',
      async (ctx, next) => {
        await next();
        ctx.body = String(entry(ctx));
      },
    ],
    [
      'the error handler of a middleware around',
      async (ctx, next) => {
        await next().catch(() => {});
        ctx.status = 200;
        ctx.body = String(entry(ctx));
      },
    ],
  ])('by the handlers, but by %s, decides the response all the same', async (who, outer) => {
    const fails: Handler = (ctx) => ctx.throw(400);
    const site = await startSite(who.startsWith('the error') ? fails : ignore, { outer: [outer] });
    site.put(KEY, { a: 1 });
    expect(await site.request({ key: KEY })).toMatchObject({ body: '1', vary: 'Cookie' });
  });

  it('is the same one for everybody who looks at it', async () => {
    const seen = new Set<unknown>();
    const look: Handler = (ctx) => seen.add(ctx.session);
    const site = await startSite((ctx) => [look(ctx), look(ctx)]);
    await site.request();
    expect(seen.size).toBe(1);
  });
});
