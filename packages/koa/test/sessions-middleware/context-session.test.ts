import type { SessionStore } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { sessions } from '../../src/sessions-middleware.ts';
import { delayedBackend } from '../delayed-backend.ts';
import {
  answerOf,
  count,
  DELETION,
  expectCookie,
  OTHER_KEY,
  read,
  startWithSession,
} from '../seeded-site.ts';
import { closeSites, type Data, type Handler, KEY, keyOf, startSite } from '../test-site.ts';

afterEach(closeSites);

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
