import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSessions } from '@coatcheck/config';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWithRedis, type RedisPlace } from '../../cache/test/redis.ts';
import { describeServers, type Place } from '../../db/test/database-servers.ts';
import type { ShopSession } from '../src/shop-context.ts';
import { type ServedShop, serveShop } from './served-shop.ts';
import { Visitor } from './visitor.ts';

// Servers may have to be started, and the machine may be busy.
jest.setTimeout(60_000);

const SECRET_KEY = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

type Test = (title: string, run: () => Promise<void>) => unknown;

/** The same visit on each engine; which one, the environment alone says. */
function describeVisit(
  name: string,
  environment: () => Record<string, string>,
  { copiedCookiesLive }: { copiedCookiesLive?: string } = {},
): void {
  describe(`the shop on ${name}`, () => {
    let directory: string;
    let shop: ServedShop;
    let origin: string;

    beforeEach(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-engines-'));
      // Where the drivers are found, as in the directory of an application.
      mkdirSync(path.join(directory, 'node_modules'));
      for (const driver of ['better-sqlite3', 'ioredis', 'mysql2', 'pg']) {
        const installed = path.join(import.meta.dirname, '../node_modules', driver);
        symlinkSync(installed, path.join(directory, 'node_modules', driver));
      }
      const env = { SECRET_KEY, ...environment() };
      shop = await serveShop(await loadSessions<ShopSession>(undefined, { cwd: directory, env }));
      ({ origin } = shop);
    });
    afterEach(async () => {
      await shop.close();
      rmSync(directory, { recursive: true, force: true });
    });

    // Whoever kept a cookie that the visitor has no more.
    const itEnds: Test = copiedCookiesLive ? it.skip : it;
    const because = copiedCookiesLive ? ` (${copiedCookiesLive})` : '';

    it('fills a cart', async () => {
      const visitor = new Visitor(origin);
      expect((await visitor.send('/')).headers.getSetCookie()).toEqual([]);
      const added = await visitor.post('/cart/add', { product: 'wool-coat' });
      expect(added.status).toBe(303);
      expect(added.headers.getSetCookie()).toHaveLength(1);
      await visitor.post('/cart/add', { product: 'red-scarf' });
      await visitor.post('/cart/quantity', { product: 'red-scarf', quantity: '3' });
      expect(await visitor.page('/cart')).toContain('€366.00');
      await visitor.post('/cart/remove', { product: 'wool-coat' });
      expect(await visitor.page('/cart')).toContain('€117.00');
      expect(await new Visitor(origin).page('/cart')).toContain('Your cart is empty.');
    });

    it('keeps the cart at the login, changes the cookie, and removes it at the logout', async () => {
      const visitor = new Visitor(origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      const before = visitor.cookie;
      expect((await visitor.logIn()).headers.get('location')).toBe('/cart');
      expect(visitor.cookie).not.toBe(before);
      const page = await visitor.page('/cart');
      expect(page).toContain('Ada Lovelace');
      expect(page).toContain('Wool coat');

      const response = await visitor.post('/logout');
      expect(response.status).toBe(303);
      expect(response.headers.getSetCookie()[0]).toMatch(/^sessionid=""; .*Max-Age=0/);
      expect(visitor.cookie).toBeUndefined();
      expect(await visitor.page('/cart')).not.toMatch(/Ada Lovelace|Wool coat/);
    });

    itEnds(`ends the cookie from before the login${because}`, async () => {
      const visitor = new Visitor(origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      const thief = new Visitor(origin, visitor.cookie);
      await visitor.logIn();
      expect(await thief.page('/cart')).not.toMatch(/Ada Lovelace|Wool coat/);
      expect((await thief.send('/cart')).headers.getSetCookie()).toEqual([]);
      expect(await visitor.page('/cart')).toContain('Wool coat');
    });

    itEnds(`ends a copied cookie at the logout${because}`, async () => {
      const visitor = new Visitor(origin);
      await visitor.logIn();
      const thief = new Visitor(origin, visitor.cookie);
      expect(await thief.page('/')).toContain('Ada Lovelace');
      await visitor.post('/logout');
      expect(await thief.page('/')).not.toContain('Ada Lovelace');
    });

    it('lets the visitor choose when the session ends', async () => {
      const visitor = new Visitor(origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      const choose = async (expiry: string): Promise<string> => {
        const response = await visitor.post('/session/expiry', { expiry });
        expect(response.status).toBe(303);
        return response.headers.getSetCookie()[0] ?? '';
      };
      expect(await choose('minutes')).toContain('Max-Age=300;');
      expect(await visitor.page('/session')).toMatch(/<dd>(300|299)<\/dd>/);
      expect(await choose('browser')).not.toMatch(/Max-Age|expires/i);
      expect(await visitor.page('/session')).toContain('<dd>yes</dd>');
      expect(await choose('default')).toContain('Max-Age=1209600;');
      expect(await visitor.page('/session')).toContain('wool-coat');
    });

    it('takes nothing from wrong input', async () => {
      for (const cookie of ['x', 'a'.repeat(32), `${'A'.repeat(31)}"`, 'e30:1r31eq:forged']) {
        const stranger = new Visitor(origin, cookie);
        const response = await stranger.send('/cart');
        expect(await response.text()).toContain('Your cart is empty.');
        expect(response.headers.getSetCookie()).toEqual([]);
      }
      const visitor = new Visitor(origin);
      const wrong: [string, Record<string, string>][] = [
        ['/cart/add', { product: '__proto__' }],
        ['/cart/quantity', { product: 'gloves', quantity: '-1' }],
        ['/session/expiry', { expiry: 'never' }],
      ];
      for (const [at, fields] of wrong) {
        const response = await visitor.post(at, fields);
        expect(response.status).toBe(400);
        // But for the message page, which the form's token began a session for.
        expect(await visitor.page('/cart')).toContain('Your cart is empty.');
      }
      expect((await visitor.logIn('ada', 'wrong')).status).toBe(422);
      expect(await visitor.page('/login')).not.toContain('Ada Lovelace');
    });
  });
}

const sqlite = { SESSION_DB_URL: 'sqlite:./shop.sqlite3' };
const redisOf = ({ url, keyPrefix }: RedisPlace) => ({
  SESSION_CACHE_URL: url,
  SESSION_CACHE_KEY_PREFIX: keyPrefix,
});

describeVisit('what there is without a setting', () => ({}));
describeVisit('db, SQLite', () => ({ SESSION_ENGINE: 'db', ...sqlite }));
describeVisit('cache, in the process', () => ({ SESSION_ENGINE: 'cache' }));
describeVisit('cached_db, SQLite and a cache in the process', () => ({
  SESSION_ENGINE: 'cached_db',
  SESSION_CACHE_URL: 'memory:',
  ...sqlite,
}));
describeVisit('file', () => ({ SESSION_ENGINE: 'file', SESSION_FILE_PATH: './files' }));
describeVisit('signed_cookies', () => ({ SESSION_ENGINE: 'signed_cookies' }), {
  copiedCookiesLive: 'the session is the cookie, and a copy of it lives until it expires',
});

describeWithRedis('with Redis', (place) => {
  describeVisit('cache, Redis', () => ({ SESSION_ENGINE: 'cache', ...redisOf(place) }));
  describeVisit('cached_db, SQLite and Redis', () => ({
    SESSION_ENGINE: 'cached_db',
    ...sqlite,
    ...redisOf(place),
  }));
});

describeServers('with a database', (kind) => {
  let place: Place;
  beforeEach(async () => {
    place = await kind.open();
  });
  afterEach(() => place.close());

  describeVisit(`db, ${kind.name}`, () => ({ SESSION_ENGINE: 'db', SESSION_DB_URL: place.url }));
  describeWithRedis('and Redis', (redis) => {
    describeVisit(`cached_db, ${kind.name} and Redis`, () => ({
      SESSION_ENGINE: 'cached_db',
      SESSION_DB_URL: place.url,
      ...redisOf(redis),
    }));
  });
});
