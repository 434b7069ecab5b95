import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { sessions } from '@coatcheck/koa';
import { FrozenClock, openSession, readSession, signIn } from '@coatcheck/koa/testing';
import { describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import request from 'supertest';
import { SECRET_KEY } from './test-site.ts';

interface Visit {
  userId: number;
  count: number;
}

function shop(name = 'sessionid') {
  const clock = new FrozenClock('2026-01-01T00:00:00Z');
  const backend = sqliteBackend({ path: ':memory:', now: clock.now });
  const visits = createSessions<Visit>({
    backend,
    secretKey: SECRET_KEY,
    cookie: { name, age: 60 },
    now: clock.now,
  });
  const app = new Koa();
  app.use(sessions(visits)).use((ctx) => {
    const count = ctx.session.change('count', (before = 0) => before + 1);
    ctx.body = { userId: ctx.session.get('userId', -1), count };
  });
  return { app, visits, clock };
}

describe('signIn', () => {
  it('returns the Cookie header of a session with these entries', async () => {
    const { app } = shop();
    const cookie = await signIn(app, { userId: 7 });
    const { body } = await request(app.callback()).get('/').set('Cookie', cookie);
    expect(body).toEqual({ userId: 7, count: 1 });
  });

  it('uses the name of the cookie, and takes the Sessions where they are not mounted on the application', async () => {
    const { visits } = shop('__Secret');
    expect(await signIn(visits, { userId: 7 })).toMatch(/^__Secret=[a-z0-9]{32}$/);
    await expect(signIn(new Koa(), {})).rejects.toThrow('pass what createSessions() returned');
  });
});

describe('readSession', () => {
  it('reads a session by Cookie header and by the headers of a response', async () => {
    const { app } = shop();
    const cookie = await signIn<Visit>(app, { userId: 7, count: 1 });
    expect(await readSession(app, `theme=dark; ${cookie}`)).toEqual({ userId: 7, count: 1 });
    const response = await request(app.callback()).get('/');
    expect(await readSession(app, response.headers['set-cookie'])).toEqual({ count: 1 });
  });

  it.each([
    undefined,
    '',
    'sessionid=',
    'sessionid=""; Max-Age=0',
    `sessionid=${'a'.repeat(32)}`,
    'theme=dark',
  ])('finds nothing in %j', async (cookie) => {
    expect(await readSession(shop().app, cookie)).toBeUndefined();
  });

  it('opens a session to change it', async () => {
    const { app } = shop();
    const cookie = await signIn<Visit>(app, { count: 1 });
    const session = await openSession<Visit>(app, cookie);
    session.set('count', 9);
    await session.save();
    expect(await readSession(app, cookie)).toEqual({ count: 9 });
  });
});

describe('FrozenClock', () => {
  it('stands still until it is advanced, and ends sessions when it is', async () => {
    const { app, clock } = shop();
    const cookie = await signIn(app, { userId: 7 });
    expect(clock.now()).toEqual(new Date('2026-01-01T00:00:00Z'));
    clock.advance(59.999);
    expect(await readSession(app, cookie)).toEqual({ userId: 7 });
    clock.advance(0.001);
    expect(await readSession(app, cookie)).toBeUndefined();
  });

  it('refuses what is no date', () => {
    expect(() => new FrozenClock('soon')).toThrow(RangeError);
  });
});
