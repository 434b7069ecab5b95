import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type SessionBackend } from '@coatcheck/core';
import { sessions as sessionsMiddleware } from '@coatcheck/koa';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { afterEach, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { createClock } from '../../core/test/support/clock.ts';
import { MemoryBackend } from '../../core/test/support/memory-backend.ts';
import { SECRET_KEY } from './support/cookie-site.ts';

type Data = Record<string, unknown>;

const clock = createClock();
const { now } = clock;
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A site, and what answers a request for a path with a cookie. */
async function site(
  backend: SessionBackend,
  migratingFrom?: SessionBackend,
  secretKey = SECRET_KEY,
) {
  const from = migratingFrom && { backend: migratingFrom, secretKey: SECRET_KEY };
  const sessions = createSessions<Data>({ backend, migratingFrom: from, secretKey, now });
  const app = new Koa()
    .use(sessionsMiddleware(sessions))
    .use(async ({ session, path, response }) => {
      if (path === '/login') session.set('user', 7);
      if (path === '/logout') await session.flush();
      if (path === '/cycle') await session.cycleKey();
      response.body = path === '/untouched' ? 'untouched' : String(session.get('user', 'nobody'));
    });
  const server = createServer(app.callback());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return async (path: string, cookie?: string) => {
    const headers = cookie === undefined ? {} : { cookie: `sessionid=${cookie}` };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    const [header] = answer.headers.getSetCookie();
    return { body: await answer.text(), cookie: /^sessionid=([^;]*)/.exec(header ?? '')?.[1] };
  };
}

async function loggedIn(encrypt = false): Promise<string> {
  const before = await site(signedCookiesBackend({ encrypt }));
  return String((await before('/login')).cookie);
}

const newSecret = 'r8Tq2Vb5Nz1Yc7Hd3Jf6Lg9PsAw0Kx4M';

describe('a move from signed cookies', () => {
  it.each([
    ['signed', false],
    ['sealed', true],
  ])('brings the session of a %s cookie here at its first use', async (_, encrypt) => {
    const cookie = await loggedIn(encrypt);
    const place = new MemoryBackend({ now });
    const visit = await site(place, signedCookiesBackend({ encrypt }), newSecret);
    expect(await visit('/untouched', cookie)).toEqual({ body: 'untouched', cookie: undefined });
    expect(place.records.size).toBe(0);
    const first = await visit('/whoami', cookie);
    expect(first).toEqual({ body: '7', cookie: expect.stringMatching(/^[a-z0-9]{32}$/) });
    expect(await visit('/whoami', first.cookie)).toEqual({ body: '7', cookie: undefined });
    expect([...place.records.keys()]).toEqual([first.cookie]);
  });

  it('ends the session by a logout, and gives it a new key by a login', async () => {
    const cookie = await loggedIn();
    const place = new MemoryBackend({ now });
    const visit = await site(place, signedCookiesBackend());
    expect(await visit('/logout', cookie)).toEqual({ body: 'nobody', cookie: '""' });
    expect(place.records.size).toBe(0);
    expect((await visit('/cycle', cookie)).cookie).toMatch(/^[a-z0-9]{32}$/);
  });

  it('knows no cookie that is too old, was tampered with, or is signed by another key', async () => {
    const cookie = await loggedIn();
    const visit = await site(new MemoryBackend({ now }), signedCookiesBackend());
    for (const bad of [`${cookie.slice(0, -1)}_`, cookie.slice(1), 'eyJhIjoxfQ:1abcde:xyz']) {
      expect(await visit('/whoami', bad)).toEqual({ body: 'nobody', cookie: undefined });
    }
    clock.advance(1_209_601);
    expect(await visit('/whoami', cookie)).toEqual({ body: 'nobody', cookie: undefined });
  });
});
