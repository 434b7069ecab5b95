import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { createApp } from '../src/app.ts';
import type { ShopSession } from '../src/shop-context.ts';
import { Visitor } from './visitor.ts';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

let database: Database.Database;
let sessions: Sessions<ShopSession>;
let server: Server;
let origin: string;

beforeEach(async () => {
  database = new Database(':memory:');
  sessions = createSessions<ShopSession>({
    backend: sqliteBackend({ database }),
    secretKey,
    account: true,
  });
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

function rows(): string[] {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'django_session'");
  if (tables.all().length === 0) return [];
  return database.prepare('SELECT session_key FROM django_session').pluck().all() as string[];
}

function record(): unknown {
  return database.prepare('SELECT * FROM django_session').all();
}

describe('a form of another site', () => {
  const evil = { origin: 'https://evil.example' };

  it('puts nothing into the cart of a visitor without a session, who needs no token for that', async () => {
    const response = await new Visitor(origin, undefined, evil).postRaw('/cart/add', {
      product: 'gloves',
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('was not sent by a page of this shop');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(rows()).toEqual([]);
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
      const before = record();
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
      expect(record()).toEqual(before);
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
