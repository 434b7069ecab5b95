import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type SessionImporter, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { fromCookieSession, fromExpressSession, fromKoaSession } from '@coatcheck/importers';
import { sessions as sessionsMiddleware } from '@coatcheck/koa';
import {
  postgresqlServer,
  type RedisServer,
  redisIsMissing,
  startRedis,
} from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { Browser } from './browser.ts';
import { type OldSite, oldSites, type Servers } from './old-sites.ts';

type Data = Record<string, unknown>;

const SECRET_KEY = 'w9Kx3Rm7Tq2Vb5Nz8Yc4Hd6Jf1Lg0PsA';
const postgresql = postgresqlServer();
const missing = redisIsMissing() ?? postgresql.missing;

let servers: Servers;
let redisServer: RedisServer;
const listening: Server[] = [];

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  listening.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The new site: what it has of the old one is the importer. */
async function newSite(importer: SessionImporter, now: () => Date = () => new Date()) {
  const sessions: Sessions<Data> = createSessions<Data>({
    backend: sqliteBackend({ path: ':memory:', now }),
    secretKey: SECRET_KEY,
    now,
  });
  const app = new Koa();
  const errors: unknown[] = [];
  app.silent = true;
  app.on('error', (error) => errors.push(error));
  const lazy = ({ path }: { path: string }) => path === '/untouched';
  app.use(sessionsMiddleware(sessions, { importing: [importer], lazy })).use(async (ctx) => {
    const { session, path, query } = ctx;
    ctx.body = 'ok';
    if (path === '/untouched') return;
    if (path === '/logout') await session.flush();
    else if (path === '/login') {
      await session.cycleKey();
      session.set('user', query.user);
    } else if (path === '/count') session.change('count', (n) => Number(n ?? 0) + 1);
    else if (path === '/data') ctx.body = Object.fromEntries(session.entries());
    else ctx.body = String(session.get('user') ?? 'nobody');
  });
  const url = await listen(app.callback());
  return { url, sessions, errors };
}

async function countOf(sessions: Sessions<Data>): Promise<number> {
  let live = 0;
  for await (const batch of sessions.inspector.scan()) {
    live += batch.sessions.filter(({ state }) => state === 'live').length;
  }
  return live;
}

/** The importer on a store where some calls fail. */
function failing(
  importer: SessionImporter,
  fails: (call: 'read' | 'remove') => boolean,
): SessionImporter {
  return {
    ...importer,
    find(header, now) {
      const found = importer.find(header, now);
      if (!found || !('read' in found)) return found;
      const down = () => Promise.reject(new Error('down'));
      return {
        ...found,
        read: () => (fails('read') ? down() : found.read()),
        remove: () => (fails('remove') ? down() : found.remove()),
      };
    },
  };
}

/** A browser that has logged in on the old site. */
async function loggedIn(
  site: OldSite,
  maxAge?: number,
): Promise<{ browser: Browser; oldUrl: string }> {
  const oldUrl = await listen(site.open(servers, maxAge));
  const browser = new Browser();
  expect((await browser.get(`${oldUrl}/login?user=7`)).body).toBe('7');
  expect((await browser.get(`${oldUrl}/whoami`)).body).toBe('7');
  return { browser, oldUrl };
}

beforeAll(async () => {
  if (missing) return;
  redisServer = await startRedis();
  const redis = createClient({ url: redisServer.url });
  await redis.connect();
  const pool = new Pool({ connectionString: await postgresql.start() });
  servers = { redis, pool } as Servers;
}, 120_000);

afterAll(async () => {
  if (missing) return;
  servers.redis.destroy();
  await servers.pool.end();
  await redisServer.stop();
  await postgresql.stop();
});

beforeEach(async () => {
  if (missing) return;
  await servers.redis.flushAll();
  await servers.pool.query('DROP TABLE IF EXISTS session');
});

afterEach(() => {
  for (const server of listening.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const title = missing === undefined ? 'a visitor of' : `a visitor of (${missing})`;

describe.each(oldSites)(`${title} $name`, (site) => {
  const test = missing === undefined ? it : it.skip;

  test('is still logged in, by a key of here, and leaves nothing behind', async () => {
    const { browser, oldUrl } = await loggedIn(site);
    const old = browser.jar.header('/');
    const { url, sessions } = await newSite(site.importer(servers));
    expect(JSON.parse((await browser.get(`${url}/data`)).body)).toEqual({
      user: '7',
      cart: [{ id: 1, name: 'tea für zwei' }],
    });
    expect(browser.jar.header('/')).toMatch(/^sessionid=[a-z0-9]{32}$/);
    expect((await browser.get(`${url}/whoami`)).body).toBe('7');
    expect(await countOf(sessions)).toBe(1);
    if (!site.isStored) return;
    expect(await site.count(servers)).toBe(0);
    expect((await new Browser().get(`${oldUrl}/whoami`, old)).body).toBe('nobody');
  });

  test('pays nothing and keeps the old cookie where the session is not touched', async () => {
    const { browser } = await loggedIn(site);
    const old = browser.jar.header('/');
    const { url, sessions } = await newSite(site.importer(servers));
    expect((await browser.get(`${url}/untouched`)).setCookie).toEqual([]);
    expect(browser.jar.header('/')).toBe(old);
    expect(await countOf(sessions)).toBe(0);
  });

  test('is logged out by a logout, also as the first thing that it does here', async () => {
    const { browser } = await loggedIn(site);
    const old = browser.jar.header('/');
    const { url } = await newSite(site.importer(servers));
    expect((await browser.get(`${url}/logout`)).status).toBe(200);
    expect(browser.jar.header('/')).toBeUndefined();
    expect((await browser.get(`${url}/whoami`)).body).toBe('nobody');
    if (site.isStored) expect((await browser.get(`${url}/whoami`, old)).body).toBe('nobody');
  });

  test('can log in anew as the first thing that it does here', async () => {
    const { browser } = await loggedIn(site);
    const { url } = await newSite(site.importer(servers));
    expect((await browser.get(`${url}/login?user=8`)).status).toBe(200);
    expect(JSON.parse((await browser.get(`${url}/data`)).body)).toMatchObject({
      user: '8',
      cart: [{ id: 1 }],
    });
  });

  test('gets what map makes of the data', async () => {
    const { browser } = await loggedIn(site);
    const map = ({ user }: Data) => ({ _auth_user_id: user });
    const { url } = await newSite(site.importer(servers, { map }));
    expect(JSON.parse((await browser.get(`${url}/data`)).body)).toEqual({ _auth_user_id: '7' });
  });

  test('imports nothing by a cookie that was tampered with, cut, doubled, or is foreign', async () => {
    const { browser } = await loggedIn(site);
    const header = String(browser.jar.header('/'));
    const { url, sessions, errors } = await newSite(site.importer(servers));
    const [name] = header.split('=');
    const hostile = [
      ...Array.from({ length: 60 }, (_, i) => {
        const at = String(name).length + 1 + ((i * 37) % (header.length - String(name).length - 1));
        const letter = header[at] === 'A' ? 'B' : 'A';
        return /[=;. ]/.test(header[at] ?? '')
          ? ''
          : header.slice(0, at) + letter + header.slice(at + 1);
      }),
      header.slice(0, -2),
      header.replace(/\.sig=.*/, '.sig='),
      header.replace(/; .*/, ''),
      `${header}; ${name}=another`,
      `${name}=${'A'.repeat(5000)}`,
      `${name}=%E0%A4%A`,
      `${name}=s:.; ${name}.sig=x`,
      `${name}=s%3A${'a'.repeat(600)}.x`,
      `__proto__=1; ${name}=__proto__`,
    ].filter((each) => each !== '' && each !== header);
    for (const cookie of hostile) {
      const { status, body, setCookie } = await new Browser().get(`${url}/whoami`, cookie);
      expect({ cookie, status, body, setCookie }).toEqual({
        cookie,
        status: 200,
        body: 'nobody',
        setCookie: [],
      });
    }
    expect(errors).toEqual([]);
    expect(await countOf(sessions)).toBe(0);
    expect((await browser.get(`${url}/whoami`)).body).toBe('7');
  });

  if (site.name !== 'cookie-session') {
    test('imports nothing that has expired', async () => {
      const { browser } = await loggedIn(site, 60_000);
      const old = browser.jar.header('/');
      const later = () => new Date(Date.now() + 61_000);
      const { url, sessions } = await newSite(site.importer(servers), later);
      expect((await browser.get(`${url}/whoami`, old)).body).toBe('nobody');
      expect(await countOf(sessions)).toBe(0);
    });
  }

  if (site.isStored) {
    test('meets one session with requests that come together, and loses nothing', async () => {
      const { browser } = await loggedIn(site);
      const old = browser.jar.header('/');
      const importer = site.importer(servers);
      const { url, sessions } = await newSite(importer);
      const visits = Array.from({ length: 12 }, () => new Browser().get(`${url}/count`, old));
      const keys = (await Promise.all(visits)).map(({ setCookie }) =>
        setCookie.map((header) => /^sessionid=(\w{32});/.exec(header)?.[1]).find(Boolean),
      );
      expect(new Set(keys).size).toBe(1);
      expect(await countOf(sessions)).toBe(1);
      const session = sessions.open(keys[0]);
      await session.load();
      expect(session.get('count')).toBe(12);
    });

    test('keeps until when the session lasted, and finds a dead key where it was copied', async () => {
      const { browser } = await loggedIn(site, 3_600_000);
      const old = browser.jar.header('/');
      let ahead = 0;
      const now = () => new Date(Date.now() + ahead);
      const { url, sessions } = await newSite(site.importer(servers), now);
      await browser.get(`${url}/whoami`);
      for await (const { sessions: found } of sessions.inspector.scan()) {
        for (const { state, expiresAt } of found) {
          if (state !== 'live') continue;
          const leftMs = Number(expiresAt?.getTime()) - Date.now();
          expect(leftMs).toBeGreaterThan(3_500_000);
          expect(leftMs).toBeLessThanOrEqual(3_600_000);
        }
      }
      // Requests that were sent together are over by then.
      ahead = 61_000;
      expect((await new Browser().get(`${url}/whoami`, old)).body).toBe('nobody');
      expect((await browser.get(`${url}/whoami`)).body).toBe('7');
    });

    test('is told of an outage, and of no logout, while the store does not answer', async () => {
      const { browser } = await loggedIn(site);
      let isDown = true;
      const { url } = await newSite(
        failing(site.importer(servers), (call) => isDown && call === 'read'),
      );
      expect(await browser.get(`${url}/whoami`)).toMatchObject({ status: 503, setCookie: [] });
      expect((await browser.get(`${url}/untouched`)).status).toBe(200);
      isDown = false;
      expect((await browser.get(`${url}/whoami`)).body).toBe('7');
    });

    test('goes on where a process could not remove the old session', async () => {
      const { browser } = await loggedIn(site);
      let isDown = true;
      const { url } = await newSite(
        failing(site.importer(servers), (call) => isDown && call === 'remove'),
      );
      expect((await browser.get(`${url}/whoami`)).status).toBe(503);
      isDown = false;
      expect((await browser.get(`${url}/whoami`)).body).toBe('7');
      expect(await site.count(servers)).toBe(0);
    });
  }
});

describe('a wrong importer', () => {
  it.each([
    [() => fromCookieSession({ keys: [] }), 'keys of fromCookieSession must be'],
    [() => fromKoaSession({ keys: [''] }), 'keys of fromKoaSession must be'],
    [() => fromExpressSession({ secret: '', store: {} as never }), 'secret of fromExpressSession'],
    [() => fromExpressSession({ secret: 'x', store: {} as never }), 'needs the old store'],
    [() => fromKoaSession({ keys: ['x'], store: {} as never }), 'needs the old store'],
  ])('is refused in one sentence', (make, message) => {
    expect(make).toThrow(message);
  });
});
