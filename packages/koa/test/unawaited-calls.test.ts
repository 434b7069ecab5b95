import { afterEach, describe, expect, it } from '@jest/globals';
import { type DelayedBackend, delayedBackend } from './delayed-backend.ts';
import {
  closeSites,
  gate,
  type Handler,
  KEY,
  keyOf,
  type Site,
  type SiteOptions,
  startSite,
} from './test-site.ts';

// A rejection that nobody handles fails the test during which it happens: jest sees to that.
afterEach(closeSites);

const DELETION = 'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0';

/** A site that has the session `{ a: 1 }` under KEY, on a backend that answers at once or later. */
async function start(
  answers: 'at once' | 'later',
  handler: Handler,
  options: SiteOptions = {},
): Promise<{ site: Site; backend: DelayedBackend }> {
  const made: { backend?: DelayedBackend } = {};
  const site = await startSite(handler, {
    ...options,
    wrap: (inner) => {
      made.backend = delayedBackend(inner);
      return answers === 'later'
        ? made.backend
        : { ...made.backend, answers: 'synchronously', load: (key) => inner.load(key) };
    },
  });
  site.put(KEY, { a: 1 });
  return { site, backend: made.backend as DelayedBackend };
}

describe.each(['at once', 'later'] as const)(
  'a call that the handler does not wait for, on a backend that answers %s',
  (answers) => {
    it('cycleKey: the response carries the new cookie', async () => {
      const { site } = await start(answers, (ctx) => {
        void ctx.session.cycleKey();
        ctx.body = 'ok';
      });
      const answer = await site.request({ key: KEY });
      const key = keyOf(answer) ?? '';
      expect([answer.status, key.length, key === KEY]).toEqual([200, 32, false]);
      expect(site.rows()).toEqual({ [key]: { a: 1 } });
    });

    it('cycleKey, and a change after it: the new session has the change', async () => {
      const { site } = await start(answers, (ctx) => {
        void ctx.session.cycleKey();
        ctx.session.set('user', 7);
      });
      const key = keyOf(await site.request({ key: KEY })) ?? '';
      expect(site.rows()).toEqual({ [key]: { a: 1, user: 7 } });
    });

    it('flush: the record is gone and the cookie deleted', async () => {
      const { site } = await start(answers, (ctx) => {
        void ctx.session.flush();
        ctx.body = 'bye';
      });
      const answer = await site.request({ key: KEY });
      expect(answer).toMatchObject({ status: 200, setCookie: [expect.stringContaining(DELETION)] });
      expect(site.rows()).toEqual({});
    });

    it('flush, and a change after it: a new session with that change alone', async () => {
      const { site } = await start(answers, (ctx) => {
        void ctx.session.flush();
        ctx.session.set('user', 7);
      });
      const key = keyOf(await site.request({ key: KEY })) ?? '';
      expect(key).not.toBe(KEY);
      expect(site.rows()).toEqual({ [key]: { user: 7 } });
    });

    it('flush, with other calls before it: what is set after it is in the new session alone', async () => {
      const { site } = await start(answers, (ctx) => {
        void ctx.session.set('b', 2).save();
        void ctx.session.cycleKey();
        void ctx.session.flush();
        ctx.session.set('user', 7);
      });
      const answer = await site.request({ key: KEY });
      expect(answer.status).toBe(200);
      expect(site.rows()).toEqual({ [keyOf(answer) ?? '']: { user: 7 } });
    });

    it.each(['save', 'cycleKey'] as const)(
      '%s, with a flush behind it: nothing is left',
      async (call) => {
        const { site } = await start(answers, (ctx) => {
          void ctx.session[call]();
          void ctx.session.flush();
        });
        const answer = await site.request({ key: KEY });
        expect(answer.setCookie).toEqual([expect.stringContaining(DELETION)]);
        expect(site.rows()).toEqual({});
      },
    );

    it('flush, twice: the second is no success where the first has failed', async () => {
      const { site, backend } = await start(answers, async (ctx) => {
        const outcomes = await Promise.allSettled([ctx.session.flush(), ctx.session.flush()]);
        ctx.body = [...outcomes.map(({ status }) => status), ctx.session.get('a')];
      });
      backend.failures.delete = new Error('disk on fire');
      expect((await site.request({ key: KEY })).body).toBe('["rejected","rejected",1]');
    });

    it('save: what came after it is stored as well', async () => {
      const { site } = await start(answers, (ctx) => {
        ctx.session.set('b', 2);
        void ctx.session.save();
        ctx.session.set('c', 3);
      });
      expect((await site.request({ key: KEY })).status).toBe(200);
      expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2, c: 3 } });
    });

    it.each<[string, Handler, keyof DelayedBackend['calls']]>([
      ['save', (ctx) => void ctx.session.set('b', 2).save(), 'update'],
      ['cycleKey', (ctx) => void ctx.session.cycleKey(), 'create'],
      ['flush', (ctx) => void ctx.session.flush(), 'delete'],
      ['create', (ctx) => void ctx.session.create(), 'create'],
    ])('%s: its failure replaces the response', async (_, handler, operation) => {
      const { site, backend } = await start(answers, handler);
      backend.failures[operation] = new Error('disk on fire');
      expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
      expect(site.errors).toEqual([expect.objectContaining({ name: 'BackendUnavailable' })]);
      expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
    });

    it('save of a session that ended meanwhile: 400', async () => {
      const { site } = await start(answers, async (ctx) => {
        ctx.session.set('b', 2);
        await site.sessions.delete(KEY);
        void ctx.session.save();
      });
      expect(await site.request({ key: KEY })).toMatchObject({ status: 400, setCookie: [] });
      expect(site.rows()).toEqual({});
    });

    it('several: the first failure replaces the response, although the last call succeeds', async () => {
      const { site, backend } = await start(answers, (ctx) => {
        backend.failures.create = new Error('disk on fire');
        void ctx.session.cycleKey();
        void ctx.session.set('b', 2).save();
      });
      expect(await site.request({ key: KEY })).toMatchObject({ status: 503 });
    });

    it('a failure that came before the handler ended replaces the response too', async () => {
      const { site, backend } = await start(answers, async (ctx) => {
        backend.failures.delete = new Error('disk on fire');
        const told = gate();
        site.sessions.events.on('unavailable', () => told.open());
        void ctx.session.flush();
        await told.promise;
        await new Promise((resolve) => setImmediate(resolve));
      });
      expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
      expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
    });

    it('a failure that the handler has caught, sooner or later, does not', async () => {
      const { site, backend } = await start(answers, async (ctx) => {
        backend.failures.delete = new Error('disk on fire');
        const caught: unknown[] = [];
        ctx.session.flush().catch(({ name }: Error) => caught.push(name));
        await ctx.session.flush().catch(({ name }: Error) => caught.push(name));
        const later = ctx.session.flush();
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.allSettled([later]);
        ctx.body = caught;
      });
      expect(await site.request({ key: KEY })).toMatchObject({
        ...{ status: 200, body: '["BackendUnavailable","BackendUnavailable"]' },
      });
    });

    it('the error of a handler that fails is the one answered, and the failed call is an event', async () => {
      const { site, backend } = await start(answers, (ctx) => {
        void ctx.session.flush();
        ctx.throw(404);
      });
      backend.failures.delete = new Error('disk on fire');
      expect((await site.request({ key: KEY })).status).toBe(404);
      expect(site.events.map(({ name }) => name)).toEqual(['unavailable', 'error']);
    });
  },
);

describe('a call that a read-only route does not wait for', () => {
  it.each(['save', 'flush', 'cycleKey', 'create'] as const)(
    '%s is refused, which replaces the response',
    async (call) => {
      const { site } = await start('at once', (ctx) => void ctx.session[call](), {
        middleware: { readOnly: true },
      });
      expect((await site.request({ key: KEY })).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ name: 'SessionClosed' })]);
    },
  );
});

describe('a call that a lazy route does not wait for', () => {
  it('flush removes the record and the cookie, however slow the backend is', async () => {
    const slow = gate();
    const { site, backend } = await start('later', (ctx) => void ctx.session.flush(), {
      middleware: { lazy: true },
    });
    backend.until = slow.promise;
    const answering = site.request({ key: KEY });
    for (let turns = 0; backend.calls.load === 0 && turns < 1000; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    slow.open();
    expect((await answering).setCookie).toEqual([expect.stringContaining(DELETION)]);
    expect(site.rows()).toEqual({});
  });

  it('load that fails replaces the response', async () => {
    const { site, backend } = await start('later', (ctx) => void ctx.session.load(), {
      middleware: { lazy: true },
    });
    backend.failures.load = new Error('down');
    expect((await site.request({ key: KEY })).status).toBe(503);
  });
});
