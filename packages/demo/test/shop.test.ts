import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { createApp } from '../src/app.ts';
import type { ShopSession } from '../src/shop-context.ts';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

let database: Database.Database;
let sessions: Sessions<ShopSession>;
let server: Server;
let origin: string;

beforeEach(async () => {
  database = new Database(':memory:');
  sessions = createSessions<ShopSession>({ backend: sqliteBackend({ database }), secretKey });
  const app = createApp(sessions);
  app.silent = true;
  server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await sessions.close();
  database.close();
});

/** A browser with one cookie: it keeps what it is told to and follows no redirect by itself. */
class Visitor {
  key: string | undefined;

  async get(path: string): Promise<Response> {
    return this.#send(path, {});
  }

  async post(path: string, fields: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  async page(path: string): Promise<string> {
    const response = await this.get(path);
    expect(response.status).toBe(200);
    return response.text();
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers: Record<string, string> = this.key ? { cookie: `sessionid=${this.key}` } : {};
    const response = await fetch(`${origin}${path}`, { ...init, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) {
      const [, value = ''] = /^sessionid=([^;]*)/.exec(cookie) ?? [];
      this.key = value === '""' ? undefined : value;
    }
    return response;
  }
}

function rows(): string[] {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'django_session'");
  if (tables.all().length === 0) return [];
  return database.prepare('SELECT session_key FROM django_session').pluck().all() as string[];
}

async function logIn(visitor: Visitor, username = 'ada', password = 'analytical-engine') {
  return visitor.post('/login', { username, password });
}

describe('an anonymous visitor', () => {
  it.each(['/', '/cart', '/login', '/session'])(
    'who looks at %s gets no cookie and no row',
    async (path) => {
      const response = await new Visitor().get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(response.headers.get('vary')).toBe('Cookie');
      expect(rows()).toEqual([]);
    },
  );

  it('gets one row and one cookie with the first item in the cart', async () => {
    const visitor = new Visitor();
    const response = await visitor.post('/cart/add', { product: 'wool-coat' });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/cart');

    expect(rows()).toEqual([visitor.key]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    const [pair, ...attributes] = (response.headers.getSetCookie()[0] ?? '').split('; ');
    expect(pair).toMatch(/^sessionid=[a-z0-9]{32}$/);
    expect(attributes.filter((text) => !text.startsWith('expires=')).sort()).toEqual([
      'HttpOnly',
      'Max-Age=1209600',
      'Path=/',
      'SameSite=Lax',
    ]);
    expect(response.headers.get('vary')).toBe('Cookie');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('gets no second cookie for the second item, and no cookie for looking', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    expect((await visitor.get('/')).headers.getSetCookie()).toEqual([]);
    await visitor.post('/cart/add', { product: 'umbrella' });
    expect(rows()).toHaveLength(1);
  });

  it('leaves no trace by logging out or by a wrong password', async () => {
    const visitor = new Visitor();
    expect((await visitor.post('/logout')).headers.getSetCookie()).toEqual([]);
    const response = await logIn(visitor, 'ada', 'wrong');
    expect(response.headers.get('location')).toBe('/login?failed');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await visitor.page('/login?failed')).toContain('do not belong together');
    expect(rows()).toEqual([]);
  });

  it.each(['x', 'A'.repeat(32), 'a'.repeat(32), `${'a'.repeat(32)}%00`, '"'])(
    'whose cookie is %s sees an empty cart',
    async (key) => {
      const visitor = new Visitor();
      visitor.key = key;
      const response = await visitor.get('/cart');
      expect(await response.text()).toContain('The cart is empty.');
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(rows()).toEqual([]);
    },
  );
});

describe('the cart', () => {
  it('adds, changes and removes', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'red-scarf' });
    await visitor.post('/cart/add', { product: 'red-scarf' });
    await visitor.post('/cart/add', { product: 'felt-hat' });
    expect(await visitor.page('/cart')).toContain('€142.00');

    await visitor.post('/cart/quantity', { product: 'red-scarf', quantity: '3' });
    expect(await visitor.page('/cart')).toContain('€181.00');
    await visitor.post('/cart/quantity', { product: 'red-scarf', quantity: '0' });
    expect(await visitor.page('/cart')).not.toContain('Red scarf');

    await visitor.post('/cart/remove', { product: 'felt-hat' });
    expect(await visitor.page('/cart')).toContain('The cart is empty.');
  });

  it('keeps what two tabs add at the same time', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'gloves' });
    await Promise.all([
      visitor.post('/cart/add', { product: 'gloves' }),
      visitor.post('/cart/add', { product: 'gloves' }),
      visitor.post('/cart/add', { product: 'umbrella' }),
      visitor.post('/cart/quantity', { product: 'rain-boots', quantity: '5' }),
    ]);
    expect(sessions.open(visitor.key).get('cart')).toEqual({
      gloves: 3,
      umbrella: 1,
      'rain-boots': 5,
    });
  });

  it.each([
    ['/cart/add', { product: 'moon' }],
    ['/cart/add', { product: 'constructor' }],
    ['/cart/add', {}],
    ['/cart/quantity', { product: 'gloves' }],
    ['/cart/quantity', { product: 'gloves', quantity: '1.5' }],
    ['/cart/quantity', { product: 'gloves', quantity: '-1' }],
    ['/cart/quantity', { product: 'gloves', quantity: '100' }],
    ['/cart/remove', { product: '__proto__' }],
    ['/session/expiry', { expiry: 'never' }],
  ])('answers 400 to %s with %j, and stores nothing', async (path, fields) => {
    const response = await new Visitor().post(path, fields as Record<string, string>);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('<h1>Bad Request</h1>');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(rows()).toEqual([]);
  });
});

describe('logging in', () => {
  it('changes the key, keeps the cart, and the old key is dead', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const before = visitor.key;

    const response = await logIn(visitor);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/cart');
    expect(visitor.key).not.toBe(before);
    const page = await visitor.page('/cart');
    expect(page).toContain('Ada Lovelace');
    expect(page).toContain('Wool coat');

    const thief = new Visitor();
    thief.key = before;
    const stolen = await thief.page('/cart');
    expect(stolen).toContain('The cart is empty.');
    expect(stolen).not.toContain('Ada Lovelace');
    expect(await sessions.exists(before ?? '')).toBe(false);
  });

  it('without a session opens one', async () => {
    const visitor = new Visitor();
    expect((await logIn(visitor)).headers.get('location')).toBe('/');
    expect(rows()).toEqual([visitor.key]);
    expect(await visitor.page('/login')).toContain('Ada Lovelace');
  });

  it('as somebody else does not take the cart along', async () => {
    const visitor = new Visitor();
    await logIn(visitor);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await logIn(visitor, 'grace', 'nanosecond');
    const page = await visitor.page('/cart');
    expect(page).toContain('Grace Hopper');
    expect(page).toContain('The cart is empty.');
  });
});

describe('logging out', () => {
  it('deletes the row and the cookie', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await logIn(visitor);
    const { key } = visitor;

    const response = await visitor.post('/logout');
    expect(response.status).toBe(303);
    expect(response.headers.getSetCookie()).toEqual([
      'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax',
    ]);
    expect(visitor.key).toBeUndefined();
    expect(await sessions.exists(key ?? '')).toBe(false);
    expect(await visitor.page('/')).not.toContain('Ada Lovelace');
  });
});

describe('the session page', () => {
  it('shows data, expiry and the key masked', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const page = await visitor.page('/session');
    expect(page).toContain(`${visitor.key?.slice(0, 4)}••••`);
    expect(page).not.toContain(visitor.key);
    expect(page).toContain('wool-coat');
    expect(page).toContain('<dd>1209600</dd>');
    expect(page).toContain('<dd>no</dd>');
  });

  it('lets the visitor choose when the session ends', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const response = await visitor.post('/session/expiry', { expiry: 'browser' });
    expect(response.headers.getSetCookie()[0]).not.toMatch(/Max-Age|expires/i);
    expect(await visitor.page('/session')).toContain('<dd>yes</dd>');

    await visitor.post('/session/expiry', { expiry: 'minutes' });
    expect(await visitor.page('/session')).toContain('<dd>300</dd>');
    await visitor.post('/session/expiry', { expiry: 'default' });
    expect(await visitor.page('/session')).toContain('<dd>1209600</dd>');
  });

  it('opens no session for somebody who has none', async () => {
    const response = await new Visitor().post('/session/expiry', { expiry: 'browser' });
    expect(response.status).toBe(303);
    expect(rows()).toEqual([]);
  });
});

describe('the shop', () => {
  it('serves its style without a session, and not twice', async () => {
    const response = await fetch(`${origin}/style.css`);
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(response.headers.get('vary')).toBeNull();
    const etag = response.headers.get('etag') ?? '';
    const again = await fetch(`${origin}/style.css`, {
      // fetch would ask for a fresh copy by itself.
      headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
    });
    expect(again.status).toBe(304);
  });

  it.each([
    ['GET', '/nowhere', 404, 'Not Found'],
    ['GET', '/logout', 405, 'Method Not Allowed'],
  ])('answers %s %s with a page', async (method, path, status, title) => {
    const response = await fetch(`${origin}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(`<h1>${title}</h1>`);
  });

  it('answers 413 to a form that is too large', async () => {
    const response = await new Visitor().post('/login', { username: 'x'.repeat(20_000) });
    expect(response.status).toBe(413);
  });

  it('allows no script and no frame', async () => {
    const policy = (await new Visitor().get('/')).headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it('answers 503 when the sessions are out of reach, and logs nobody out', async () => {
    const visitor = new Visitor();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    database.exec('ALTER TABLE django_session RENAME COLUMN session_data TO gone');
    const response = await visitor.get('/cart');
    database.exec('ALTER TABLE django_session RENAME COLUMN gone TO session_data');
    expect(response.status).toBe(503);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await visitor.page('/cart')).toContain('Wool coat');
  });
});
