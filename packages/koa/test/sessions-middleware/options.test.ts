import { afterEach, describe, expect, it } from '@jest/globals';
import type { SessionsMiddlewareOptions } from '../../src/sessions-middleware.ts';
import { count, read, startDelayed, startWithSession, write } from '../seeded-site.ts';
import { closeSites, type Handler, KEY, keyOf, startSite } from '../test-site.ts';

afterEach(closeSites);

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
