import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ShopInMemory, serveShopInMemory } from './served-shop.ts';
import { Visitor } from './visitor.ts';

let shop: ShopInMemory;
let origin: string;

beforeEach(async () => {
  shop = await serveShopInMemory();
  ({ origin } = shop);
});

afterEach(() => shop.close());

describe('a form of another site', () => {
  const evil = { origin: 'https://evil.example' };

  it('puts nothing into the cart of a visitor without a session, who needs no token for that', async () => {
    const response = await new Visitor(origin, undefined, evil).postRaw('/cart/add', {
      product: 'gloves',
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('was not sent by a page of this shop');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(shop.keys()).toEqual([]);
    const own = new Visitor(origin, undefined, { origin });
    expect((await own.postRaw('/cart/add', { product: 'gloves' })).status).toBe(303);
  });

  it.each(['/cart/add', '/cart/remove', '/login', '/logout', '/preferences', '/devices/end'])(
    'changes nothing at %s, with or without a token',
    async (path) => {
      const visitor = new Visitor(origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      await visitor.logIn();
      const csrfmiddlewaretoken = await visitor.token();
      const before = shop.rows();
      const thief = new Visitor(origin, visitor.cookie, evil);
      for (const [client, fields] of [
        [visitor, {}],
        [visitor, { csrfmiddlewaretoken: 'a'.repeat(64) }],
        [thief, { csrfmiddlewaretoken }],
      ] as const) {
        const response = await client.postRaw(path, { product: 'gloves', ...fields });
        expect(response.status).toBe(403);
        expect(response.headers.getSetCookie()).toEqual([]);
      }
      expect(shop.rows()).toEqual(before);
    },
  );
});

describe('the address to go to after the login', () => {
  it.each(['//evil.example', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)'])(
    'is refused where it is %s: nobody is logged in, and nothing changes',
    async (next) => {
      const visitor = new Visitor(origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      const csrfmiddlewaretoken = await visitor.token();
      const before = shop.rows();
      const fields = { csrfmiddlewaretoken, username: 'ada', password: 'analytical-engine', next };
      for (const response of [
        await visitor.get(`/login?${new URLSearchParams({ next })}`),
        await visitor.postRaw('/login', fields),
      ]) {
        expect(response.status).toBe(400);
        expect(response.headers.get('location')).toBeNull();
        expect(response.headers.getSetCookie()).toEqual([]);
        expect(await response.text()).toContain('is not one of this shop');
      }
      expect(shop.rows()).toEqual(before);
    },
  );
});

describe('the languages', () => {
  it('follow the browser until the visitor chooses, on message pages too', async () => {
    const german = new Visitor(origin, undefined, { 'accept-language': 'de-AT, en;q=0.5' });
    const page = await german.page('/');
    expect(page).toContain('<html lang="de"');
    expect(page).toContain('249,00');
    expect(await (await german.get('/nowhere')).text()).toContain(
      'Unter dieser Adresse hängt nichts.',
    );
    await german.post('/preferences', { path: 'language', value: 'en' });
    expect(await german.page('/preferences')).toContain('Your choice is in effect.');
    const refused = await german.post('/cart/add', { product: 'moon' });
    expect(await refused.text()).toContain('There is no such product.');
    const french = new Visitor(origin, undefined, { 'accept-language': 'fr' });
    expect(await french.page('/')).toContain('<html lang="en"');
  });
});
