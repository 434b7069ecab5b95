import type { Sessions } from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ShopSession } from '../src/shop-context.ts';
import { type ShopInMemory, serveShopInMemory } from './served-shop.ts';
import { Visitor } from './visitor.ts';

let shop: ShopInMemory;
let sessions: Sessions<ShopSession>;
let origin: string;

beforeEach(async () => {
  shop = await serveShopInMemory();
  ({ sessions, origin } = shop);
});

afterEach(() => shop.close());

describe('an anonymous visitor', () => {
  it.each(['/', '/?page=2', '/cart', '/session'])(
    'who looks at %s gets no cookie and no row',
    async (path) => {
      const response = await new Visitor(origin).get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(response.headers.get('vary')).toBe('Cookie');
      expect(shop.keys()).toEqual([]);
    },
  );

  it('gets one row and one cookie with the first item in the cart', async () => {
    const visitor = new Visitor(origin);
    const response = await visitor.post('/cart/add', { product: 'wool-coat' });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/cart');

    expect(shop.keys()).toEqual([visitor.cookie]);
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
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    // Where the message is shown it is taken out of the session; from then on nothing changes.
    expect(await visitor.page('/cart')).toContain('Hung up in your cart: Wool coat.');
    for (const path of ['/', '/cart', '/session', '/preferences', '/login']) {
      expect((await visitor.get(path)).headers.getSetCookie()).toEqual([]);
    }
    await visitor.post('/cart/add', { product: 'umbrella' });
    expect(shop.keys()).toHaveLength(1);
  });

  it('is told when name and password do not belong together, and stays nobody', async () => {
    const visitor = new Visitor(origin);
    const response = await visitor.logIn('ada', 'wrong');
    expect(response.status).toBe(422);
    const page = await response.text();
    expect(page).toContain('do not belong together');
    expect(page).toContain('value="ada"');
    expect(page).not.toContain('Ada Lovelace');
    expect(sessions.open(visitor.cookie).keys()).toEqual(['_csrftoken']);
  });

  it.each(['x', 'A'.repeat(32), 'a'.repeat(32), `${'a'.repeat(32)}%00`, '"'])(
    'whose cookie is %s sees an empty cart',
    async (key) => {
      const visitor = new Visitor(origin);
      visitor.cookie = key;
      const response = await visitor.get('/cart');
      expect(await response.text()).toContain('Your cart is empty.');
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(shop.keys()).toEqual([]);
    },
  );
});

describe('the cart', () => {
  it('adds, changes and removes', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'red-scarf' });
    await visitor.post('/cart/add', { product: 'red-scarf' });
    await visitor.post('/cart/add', { product: 'felt-hat' });
    expect(await visitor.page('/cart')).toContain('€142.00');

    await visitor.post('/cart/quantity', { product: 'red-scarf', quantity: '3' });
    expect(await visitor.page('/cart')).toContain('€181.00');
    await visitor.post('/cart/quantity', { product: 'red-scarf', quantity: '0' });
    expect(await visitor.page('/cart')).not.toContain('<h2>Red scarf</h2>');

    await visitor.post('/cart/remove', { product: 'felt-hat' });
    expect(await visitor.page('/cart')).toContain('Your cart is empty.');
  });

  it('keeps what two tabs add at the same time', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'gloves' });
    await Promise.all([
      visitor.post('/cart/add', { product: 'gloves' }),
      visitor.post('/cart/add', { product: 'gloves' }),
      visitor.post('/cart/add', { product: 'umbrella' }),
      visitor.post('/cart/quantity', { product: 'rain-boots', quantity: '5' }),
    ]);
    expect(sessions.open(visitor.cookie).get('cart')).toEqual({
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
    ['/preferences', { path: 'colour', value: 'red' }],
    ['/preferences', { path: '__proto__.polluted', value: 'yes' }],
    ['/preferences', { path: 'theme', value: 'plaid' }],
    ['/preferences', { path: 'list', value: '6' }],
    ['/preferences', { path: 'list.itemsPerPage', value: '1e9' }],
  ])('answers 400 to %s with %j, and changes nothing', async (path, fields) => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await visitor.page('/cart');
    const before = shop.rows();
    const response = await visitor.post(path, fields as Record<string, string>);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('<h1>Bad Request</h1>');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(shop.rows()).toEqual(before);
  });
});

describe('logging in', () => {
  it('changes the key, keeps the cart, and the old key is dead', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const before = visitor.cookie;

    const response = await visitor.logIn();
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/cart');
    expect(visitor.cookie).not.toBe(before);
    const page = await visitor.page('/cart');
    expect(page).toContain('Ada Lovelace');
    expect(page).toContain('Wool coat');

    const thief = new Visitor(origin);
    thief.cookie = before;
    const stolen = await thief.page('/cart');
    expect(stolen).toContain('Your cart is empty.');
    expect(stolen).not.toContain('Ada Lovelace');
    expect(await sessions.exists(before ?? '')).toBe(false);
  });

  it('without a session opens one', async () => {
    const visitor = new Visitor(origin);
    expect((await visitor.logIn()).headers.get('location')).toBe('/');
    expect(shop.keys()).toContain(visitor.cookie);
    expect(await visitor.page('/login')).toContain('Ada Lovelace');
  });

  it('as somebody else does not take the cart along', async () => {
    const visitor = new Visitor(origin);
    await visitor.logIn();
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await visitor.logIn('grace', 'nanosecond');
    const page = await visitor.page('/cart');
    expect(page).toContain('Grace Hopper');
    expect(page).toContain('Your cart is empty.');
  });
});

describe('logging out', () => {
  it('deletes the row and the cookie', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await visitor.logIn();
    const { cookie: key } = visitor;

    const response = await visitor.post('/logout');
    expect(response.status).toBe(303);
    expect(response.headers.getSetCookie()).toEqual([
      'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax',
    ]);
    expect(visitor.cookie).toBeUndefined();
    expect(await sessions.exists(key ?? '')).toBe(false);
    expect(await visitor.page('/')).not.toContain('Ada Lovelace');
  });
});

describe('the session page', () => {
  it('shows data and expiry, a digest for the key, and no secret', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await visitor.logIn();
    const page = await visitor.page('/session');
    const key = visitor.cookie ?? '';
    expect(page).toContain(sessions.events.digest(key));
    expect(page).not.toContain(key);
    expect(page).toContain('wool-coat');
    const { _auth_user_hash: hash } = Object.fromEntries(sessions.open(key).entries()) as {
      _auth_user_hash: string;
    };
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(page).not.toContain(hash);
    expect(page).toContain('<dd>1209600</dd>');
    expect(page).toContain('<dd>no</dd>');
    expect(page).toContain('Created');
  });

  it('lets the visitor choose when the session ends', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const response = await visitor.post('/session/expiry', { expiry: 'browser' });
    expect(response.headers.getSetCookie()[0]).not.toMatch(/Max-Age|expires/i);
    expect(await visitor.page('/session')).toContain('<dd>yes</dd>');

    await visitor.post('/session/expiry', { expiry: 'minutes' });
    expect(await visitor.page('/session')).toMatch(/<dd>(300|299)<\/dd>/);
    await visitor.post('/session/expiry', { expiry: 'default' });
    expect(await visitor.page('/session')).toContain('<dd>1209600</dd>');
  });
});

describe('the shop', () => {
  it('serves its style without a session, and not twice', async () => {
    const response = await fetch(`${origin}/base.css`);
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(response.headers.get('vary')).toBeNull();
    const etag = response.headers.get('etag') ?? '';
    const again = await fetch(`${origin}/base.css`, {
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
    const response = await new Visitor(origin).postRaw('/login', { username: 'x'.repeat(20_000) });
    expect(response.status).toBe(413);
  });

  it('allows no script but its own, and no frame', async () => {
    const policy = (await new Visitor(origin).get('/')).headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'; connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it('answers 503 when the sessions are out of reach, and logs nobody out', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    shop.database.exec('ALTER TABLE django_session RENAME COLUMN session_data TO gone');
    const response = await visitor.get('/cart');
    shop.database.exec('ALTER TABLE django_session RENAME COLUMN gone TO session_data');
    expect(response.status).toBe(503);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await visitor.page('/cart')).toContain('Wool coat');
  });
});
