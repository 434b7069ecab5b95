import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createSessions, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { type SessionContext, sessions as sessionMiddleware } from '@coatcheck/koa';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyParser } from '@koa/bodyparser';
import Koa from 'koa';
import { createClock } from '../../core/test/support/clock.ts';
import { MemoryBackend } from '../../core/test/support/memory-backend.ts';
import { type Entries, SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { login, logout, safeNext } from '../src/auth.ts';
import { getToken } from '../src/csrf.ts';
import * as flash from '../src/flash.ts';
import { authenticate, csrfProtection, loginRequired } from '../src/koa.ts';
import { ann, loader, type TestUser } from './users.ts';

interface State {
  user?: TestUser;
}

const load = loader(ann);
let sessions: Sessions<Entries>;
let base: string;
let close: () => Promise<unknown>;

beforeEach(async () => {
  sessions = createSessions<Entries>({
    backend: sqliteBackend({ path: ':memory:' }),
    secretKey: SECRET_KEY,
  });
  const app = new Koa<State, SessionContext<Entries>>();
  app.use(bodyParser());
  app.use(sessionMiddleware(sessions, { skip: (ctx) => ctx.path === '/health' }));
  app.use(csrfProtection({ trustedOrigins: ['https://admin.shop.example'] }));
  app.use(authenticate(load));
  const required = loginRequired({ loginUrl: '/in' });
  app.use(async (ctx) => {
    switch (`${ctx.method} ${ctx.path}`) {
      case 'GET /form':
        ctx.body = getToken(ctx.session);
        return;
      case 'POST /in': {
        await login(ctx.session, ann);
        flash.success(ctx.session, 'Welcome');
        ctx.redirect(safeNext(ctx.query.next));
        return;
      }
      case 'POST /out':
        await logout(ctx.session);
        ctx.body = 'bye';
        return;
      case 'GET /orders':
      case 'POST /orders':
        await required(ctx, async () => {
          const messages = await flash.take(ctx.session);
          ctx.body = { user: ctx.state.user?.name, messages: messages.map(({ text }) => text) };
        });
        return;
      default:
        ctx.body = ctx.state.user?.name ?? 'nobody';
    }
  });
  app.silent = true;
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    await sessions.close();
  };
});
afterEach(() => close());

/** A browser with one cookie jar. */
function createBrowser() {
  let cookie = '';
  const visit = async (path: string, init: RequestInit = {}) => {
    const headers = { ...(init.headers as Record<string, string>), cookie };
    const response = await fetch(base + path, { redirect: 'manual', ...init, headers });
    for (const text of response.headers.getSetCookie()) cookie = text.split(';')[0] ?? '';
    return response;
  };
  const post = async (path: string, fields: Record<string, string>, headers = {}) =>
    visit(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  const token = async () => (await visit('/form')).text();
  return { visit, post, token, cookie: () => cookie };
}

describe('a visit in Koa', () => {
  it('goes from a page that needs a login, through it, back to that page, and out', async () => {
    const { visit, post, token, cookie } = createBrowser();
    const sent = await visit('/orders?page=2');
    expect([sent.status, sent.headers.get('location')]).toEqual([
      302,
      '/in?next=/orders%3Fpage%3D2',
    ]);
    expect(sent.headers.get('vary')).toBe('Cookie');

    const anonymous = await token();
    const anonymousCookie = cookie();
    const next = encodeURIComponent('/orders?page=2');
    const done = await post(`/in?next=${next}`, { csrfmiddlewaretoken: anonymous });
    expect([done.status, done.headers.get('location')]).toEqual([302, '/orders?page=2']);
    expect(cookie()).not.toBe(anonymousCookie);

    expect(await (await visit('/orders')).json()).toEqual({ user: 'ann', messages: ['Welcome'] });
    expect(await (await visit('/orders')).json()).toEqual({ user: 'ann', messages: [] });
    expect(await (await visit('/')).text()).toBe('ann');
    // The token from before the login is worthless.
    expect((await post('/out', { csrfmiddlewaretoken: anonymous })).status).toBe(403);
    expect((await post('/out', { csrfmiddlewaretoken: await token() })).status).toBe(200);
    expect(await (await visit('/')).text()).toBe('nobody');
  });

  it('asks for the user once per request, and for nobody without a cookie', async () => {
    const { visit, post, token } = createBrowser();
    load.calls.length = 0;
    await post('/in', { csrfmiddlewaretoken: await token() });
    expect(load.calls).toEqual([]);
    await visit('/orders');
    expect(load.calls).toEqual(['1']);
  });

  it('leads to no other site after a login', async () => {
    const { post, token } = createBrowser();
    const fields = { csrfmiddlewaretoken: await token() };
    for (const next of [
      '//evil.example',
      'https://evil.example',
      '/\\evil.example',
      'javascript:1',
    ]) {
      const { headers } = await post(`/in?next=${encodeURIComponent(next)}`, {
        ...fields,
        csrfmiddlewaretoken: await token(),
      });
      expect(headers.get('location')).toBe('/');
    }
  });
});

describe('csrfProtection', () => {
  it('lets pages be read without a session, and makes none', async () => {
    const response = await fetch(`${base}/`);
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
  });

  it('refuses with the reason what brings no token or a wrong one, and changes nothing', async () => {
    const { visit, post, token } = createBrowser();
    const nothing = await post('/in', {});
    expect([nothing.status, await nothing.text()]).toEqual([403, 'CSRF cookie not set.']);
    const good = await token();
    const attempts = [
      [{}, {}, 'CSRF token missing.'],
      [{ csrfmiddlewaretoken: 'forged' }, {}, 'CSRF token from POST has incorrect length.'],
      [{ csrfmiddlewaretoken: 'a'.repeat(64) }, {}, 'CSRF token from POST incorrect.'],
      [
        {},
        { 'x-csrftoken': 'b'.repeat(64) },
        "CSRF token from the 'X-Csrftoken' HTTP header incorrect.",
      ],
      [
        { csrfmiddlewaretoken: good },
        { origin: 'https://evil.example' },
        'Origin checking failed - https://evil.example does not match any trusted origins.',
      ],
    ] as const;
    for (const [fields, headers, reason] of attempts) {
      const response = await post('/in', fields, headers);
      expect([response.status, await response.text()]).toEqual([403, reason]);
    }
    expect(await (await visit('/')).text()).toBe('nobody');
  });

  it('takes the token from a header, and trusts the origins it is told to', async () => {
    const { post, token } = createBrowser();
    const headers = { 'x-csrftoken': await token() };
    expect((await post('/in', {}, headers)).status).toBe(302);
    const trusted = { 'x-csrftoken': await token(), origin: 'https://admin.shop.example' };
    expect((await post('/out', {}, trusted)).status).toBe(200);
  });

  it('leaves requests without a session alone while they only read', async () => {
    expect(await (await fetch(`${base}/health`)).text()).toBe('nobody');
    expect((await fetch(`${base}/health`, { method: 'POST' })).status).toBe(500);
  });
});

describe('csrfProtection, by itself,', () => {
  const post = (session?: object) => {
    const ctx = {
      method: 'POST',
      originalUrl: '/',
      headers: {},
      secure: false,
      host: 'shop.example',
      request: {},
      state: {},
      redirect() {},
      ...(session && { session }),
    };
    return csrfProtection()(ctx, async () => {});
  };

  it('loads a session that nobody has loaded yet', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const place = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = place.open();
    getToken(session);
    await session.save();
    const refused = { name: 'CsrfRejected', reason: 'CSRF_TOKEN_MISSING' };
    await expect(post(place.open(session.sessionKey))).rejects.toMatchObject(refused);
  });

  it('says what is missing where a request has no session', async () => {
    await expect(post()).rejects.toThrow('csrfProtection() needs a session');
  });
});

describe('loginRequired', () => {
  it('sends who sent a form to the login, but not back to the form', async () => {
    const { post, token } = createBrowser();
    const response = await post('/orders', { csrfmiddlewaretoken: await token() });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/in']);
  });
});
