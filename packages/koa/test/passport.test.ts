import { createSessions, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { type SessionContext, sessions } from '@coatcheck/koa';
import { type PassportSession, passportSession } from '@coatcheck/koa/passport';
import { readSession } from '@coatcheck/koa/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import Koa, { type Context } from 'koa';
import { KoaPassport } from 'koa-passport';
import { Strategy as LocalStrategy } from 'passport-local';
import request from 'supertest';
import { SECRET_KEY } from './test-site.ts';

interface User {
  readonly id: number;
  readonly name: string;
}

const users: readonly User[] = [
  { id: 0, name: 'ada' },
  { id: 1, name: 'ben' },
];

describe('passportSession', () => {
  const database = new Database(':memory:');
  let site: Sessions<Record<string, unknown>>;
  let app: Koa;
  let passport: InstanceType<typeof KoaPassport>;

  beforeEach(async () => {
    const backend = sqliteBackend({ database });
    await backend.migrate();
    site = createSessions({ backend, secretKey: SECRET_KEY });
    passport = new KoaPassport();
    passport.serializeUser<number>((user, done) => done(null, (user as User).id));
    passport.deserializeUser<number>((id, done) => done(null, users[id] ?? false));
    passport.use(
      new LocalStrategy((name, password, done) => {
        done(null, password === 'right' && users.find((user) => user.name === name));
      }),
    );
    app = new Koa();
    app.silent = true;
    app.use(sessions(site)).use(passportSession());
    app.use(passport.initialize()).use(passport.session()).use(answer);
  });
  afterEach(() => {
    database.exec('DROP TABLE IF EXISTS django_session');
  });

  async function answer(ctx: Context): Promise<void> {
    const { session } = ctx as unknown as SessionContext<Record<string, unknown>>;
    const { path, query } = ctx;
    if (path === '/login') {
      Object.assign(ctx.request, { body: { username: query.name, password: query.password } });
      await passport.authenticate('local')(ctx as never, async () => {});
      return;
    }
    if (path === '/switch') {
      const user = users.find(({ name }) => name === query.name);
      await ctx.login(user, { keepSessionInfo: query.keep === 'yes' } as never);
    }
    // Its types lack the options.
    const logout = ctx.logout as (options: object) => Promise<void>;
    if (path === '/logout') await logout.call(ctx, { keepSessionInfo: query.keep === 'yes' });
    if (path === '/add') session.change('cart', (cart = []) => [...(cart as string[]), query.item]);
    ctx.body = { user: ctx.state.user?.name ?? null, cart: session.get('cart', null) };
  }

  const rows = () => database.prepare('SELECT count(*) FROM django_session').pluck().get();
  const keyOf = (response: request.Response) =>
    /sessionid=(\w+)/.exec(String(response.headers['set-cookie']))?.[1];

  it('logs in by LocalStrategy, moves the session to a new key, and keeps its entries', async () => {
    const browser = request.agent(app.callback());
    const before = keyOf(await browser.get('/add?item=hat'));
    const login = await browser.get('/login?name=ada&password=right');
    expect(keyOf(login)).toMatch(/^[a-z0-9]{32}$/);
    expect(keyOf(login)).not.toBe(before);
    expect(await site.exists(String(before))).toBe(false);
    expect((await browser.get('/')).body).toEqual({ user: 'ada', cart: ['hat'] });
    expect(await readSession(site, login.headers['set-cookie'])).toEqual({
      cart: ['hat'],
      passport: { user: 0 },
    });
  });

  it('logs in again with the key from before, as the second half of a double click does', async () => {
    const before = keyOf(await request(app.callback()).get('/add?item=hat'));
    const login = () =>
      request(app.callback())
        .get('/login?name=ada&password=right')
        .set('Cookie', `sessionid=${before}`);
    const keys = [keyOf(await login()), keyOf(await login())];
    expect(new Set([before, ...keys]).size).toBe(3);
    for (const key of keys) expect(site.open(key).get('passport')).toEqual({ user: 0 });
    expect(await site.exists(String(before))).toBe(false);
  });

  it('refuses a wrong password, and leaves the session as it is', async () => {
    const browser = request.agent(app.callback());
    await browser.get('/add?item=hat');
    const refused = await browser.get('/login?name=ada&password=wrong');
    expect(refused.status).toBe(401);
    expect(refused.headers['set-cookie']).toBeUndefined();
    expect((await browser.get('/')).body).toEqual({ user: null, cart: ['hat'] });
  });

  it('ends the session at a logout', async () => {
    const browser = request.agent(app.callback());
    await browser.get('/add?item=hat');
    const key = keyOf(await browser.get('/login?name=ada&password=right'));
    const logout = await browser.get('/logout');
    expect(String(logout.headers['set-cookie'])).toMatch(/^sessionid="";/);
    expect(await site.exists(String(key))).toBe(false);
    const late = await request(app.callback()).get('/').set('Cookie', `sessionid=${key}`);
    expect(late.body).toEqual({ user: null, cart: null });
    expect((await browser.get('/')).body).toEqual({ user: null, cart: null });
  });

  it('shows nothing of one user to the next one', async () => {
    const browser = request.agent(app.callback());
    await browser.get('/login?name=ada&password=right');
    await browser.get('/add?item=secret');
    const key = keyOf(await browser.get('/switch?name=ben'));
    expect((await browser.get('/')).body).toEqual({ user: 'ben', cart: null });
    expect(await site.exists(String(key))).toBe(true);
    expect(rows()).toBe(1);
  });

  it('keeps what there was where passport is told to (keepSessionInfo)', async () => {
    const browser = request.agent(app.callback());
    await browser.get('/login?name=ada&password=right');
    await browser.get('/add?item=hat');
    await browser.get('/switch?name=ben&keep=yes');
    expect((await browser.get('/')).body).toEqual({ user: 'ben', cart: ['hat'] });
    await browser.get('/logout?keep=yes');
    expect((await browser.get('/')).body).toEqual({ user: null, cart: ['hat'] });
    await browser.get('/login?name=ada&password=right');
    expect((await browser.get('/')).body).toEqual({ user: 'ada', cart: ['hat'] });
  });

  it('stores nothing for a visitor who logs out without having been logged in', async () => {
    const response = await request(app.callback()).get('/logout');
    expect(response.status).toBe(200);
    expect(response.headers['set-cookie']).toBeUndefined();
    expect(rows()).toBe(0);
  });

  it('forgets a user who is no more, and keeps the session', async () => {
    const browser = request.agent(app.callback());
    await browser.get('/add?item=hat');
    const login = await browser.get('/login?name=ben&password=right');
    const session = site.open(keyOf(login));
    session.set('passport', { user: 7 });
    await session.save();
    expect((await browser.get('/')).body).toEqual({ user: null, cart: ['hat'] });
    expect(await readSession(site, login.headers['set-cookie'])).toMatchObject({ passport: {} });
  });

  it('passes on what the session cannot do', async () => {
    const readOnly = new Koa();
    readOnly.silent = true;
    readOnly.use(sessions(site, { readOnly: true })).use(passportSession());
    readOnly.use(passport.initialize()).use(passport.session()).use(answer);
    const response = await request(readOnly.callback()).get('/switch?name=ada');
    expect(response.status).toBe(500);
    expect(rows()).toBe(0);
  });

  it('works where sessions are loaded lazily', async () => {
    const lazy = new Koa();
    lazy.use(sessions(site, { lazy: true })).use(passportSession());
    lazy.use(passport.initialize()).use(passport.session()).use(answer);
    const browser = request.agent(lazy.callback());
    await browser.get('/login?name=ada&password=right');
    expect((await browser.get('/')).body).toEqual({ user: 'ada', cart: null });
  });

  it('is a dictionary to passport: properties can be listed, asked for, set and deleted', async () => {
    const looking = new Koa();
    looking.use(sessions(site)).use(passportSession());
    looking.use((ctx) => {
      const { session } = ctx.req as unknown as { session: PassportSession };
      session.a = 1;
      Object.defineProperty(session, 'b', { value: 2 });
      const keys = Object.keys(session);
      delete session.a;
      ctx.body = { keys, a: 'a' in session, b: 'b' in session, save: 'save' in session };
    });
    const { body } = await request(looking.callback()).get('/');
    expect(body).toEqual({ keys: ['a', 'b'], a: false, b: true, save: true });
  });

  it('says what is missing where sessions() is not mounted before it', async () => {
    const alone = new Koa();
    const errors: string[] = [];
    alone.on('error', (error: Error) => errors.push(error.message));
    alone.use(passportSession());
    expect((await request(alone.callback()).get('/')).status).toBe(500);
    expect(errors).toEqual([
      'passportSession() needs a session: mount sessions() of @coatcheck/koa before it.',
    ]);
  });
});
