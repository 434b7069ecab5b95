import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeCookieSites,
  cookieSessions,
  type Handler,
  SECRET_KEY,
  startCookieSite,
  THEN,
} from './support/cookie-site.ts';

afterEach(closeCookieSites);

const DELETED =
  'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax';
const DAY = 86_400;

/** What a visitor asks for by path. */
const site: Handler = async (ctx) => {
  const { session } = ctx;
  if (ctx.path === '/login') session.set('user', 'visitor');
  if (ctx.path === '/cycle') await session.cycleKey();
  if (ctx.path === '/logout') await session.flush();
  if (ctx.path === '/start-over') {
    await session.flush();
    session.set('user', 'somebody');
  }
  if (ctx.path !== '/untouched') ctx.body = String(session.get('user', 'nobody'));
};

describe('visitors whose cookies happen to be equal, for they did the same in the same second', () => {
  it('keep their sessions apart, whatever they do at the same moment', async () => {
    const { sessions, cookieOf, read } = cookieSessions();
    const cookie = await cookieOf({ seen: true });
    expect(await cookieOf({ seen: true })).toBe(cookie);
    const [ann, bob, eve, joe] = [0, 1, 2, 3].map(() => sessions.open(cookie));
    ann?.set('user', 'ann');
    bob?.set('user', 'bob');
    joe?.set('user', 'joe');
    await Promise.all([ann?.save(), eve?.flush(), bob?.save(), joe?.cycleKey()]);
    expect([ann, bob, joe].map((session) => read(String(session?.sessionKey)))).toEqual([
      { seen: true, user: 'ann' },
      { seen: true, user: 'bob' },
      { seen: true, user: 'joe' },
    ]);
    expect(eve?.sessionKey).toBeNull();
  });
});

describe('flush', () => {
  it('deletes the cookie, and sends none where there was none', async () => {
    const { visit } = await startCookieSite(site);
    const { cookie } = await visit(undefined, '/login');
    expect(await visit(cookie, '/logout')).toMatchObject({ body: 'nobody', setCookie: [DELETED] });
    expect(await visit(undefined, '/logout')).toMatchObject({ body: 'nobody', setCookie: [] });
  });

  it('deletes no cookie that was no session, for a late answer must not take a new login away', async () => {
    const { visit } = await startCookieSite(site);
    expect((await visit('eyJhIjoxfQ:1r31eq:nobodysigned', '/logout')).setCookie).toEqual([]);
  });

  it('starts another session where something is set afterwards', async () => {
    const { visit, read } = await startCookieSite(site);
    const { cookie } = await visit(undefined, '/login');
    const answer = await visit(cookie, '/start-over');
    expect(answer.setCookie).toHaveLength(1);
    expect(read(String(answer.cookie))).toEqual({ user: 'somebody' });
  });

  it('cannot revoke a copy of the cookie, which is good until it expires: nothing is stored that could say no', async () => {
    const { visit, clock } = await startCookieSite(site);
    const { cookie } = await visit(undefined, '/login');
    await visit(cookie, '/logout');
    expect((await visit(cookie)).body).toBe('visitor');
    clock.now = THEN + 1_209_600;
    expect((await visit(cookie)).body).toBe('visitor');
    clock.now += 1;
    expect((await visit(cookie)).body).toBe('nobody');
  });
});

describe('cycleKey', () => {
  it('keeps the entries under a new signature, and cannot take the old one back', async () => {
    const { visit, clock, read } = await startCookieSite(site);
    const { cookie } = await visit(undefined, '/login');
    clock.now += 1;
    const cycled = (await visit(cookie, '/cycle')).cookie;
    expect(cycled).not.toBe(cookie);
    expect(read(String(cycled))).toEqual({ user: 'visitor' });
    expect((await visit(cookie)).body).toBe('visitor');
  });

  it('sends nothing for a cookie that is no session', async () => {
    const { visit } = await startCookieSite(site);
    expect((await visit('eyJhIjoxfQ:1r31eq:nobodysigned', '/cycle')).setCookie).toEqual([]);
  });
});

describe('requests that overlap', () => {
  it('overwrite each other, and the last answer wins: a cookie cannot be compared', async () => {
    const { sessions, cookieOf, read } = cookieSessions();
    const cookie = await cookieOf({ a: 1 });
    const [one, other] = [sessions.open(cookie), sessions.open(cookie)];
    one.set('one', 1);
    await one.save();
    other.set('other', 1);
    await other.save();
    expect(read(String(other.sessionKey))).toEqual({ a: 1, other: 1 });
  });

  it('are told of no interruption when one of them logs out', async () => {
    const { sessions, cookieOf } = cookieSessions();
    const cookie = await cookieOf({ a: 1 });
    const [one, other] = [sessions.open(cookie), sessions.open(cookie)];
    await one.flush();
    other.set('b', 2);
    await expect(other.save()).resolves.toBeUndefined();
  });
});

describe('an expiry of its own', () => {
  const expiring = async (expiry: number | Date) => {
    const place = cookieSessions();
    const session = place.sessions.open();
    session.set('a', 1);
    session.setExpiry(expiry);
    await session.save();
    return { ...place, alive: () => place.sessions.open(session.sessionKey).has('a') };
  };

  it.each([
    ['seconds', 60],
    ['an instant', new Date((THEN + 60) * 1000)],
  ])('is enforced from inside the signature: %s', async (_, expiry) => {
    const { clock, alive } = await expiring(expiry);
    clock.now = THEN + 60;
    expect(alive()).toBe(true);
    clock.now = THEN + 60.001;
    expect(alive()).toBe(false);
  });

  it('is never longer than the age of the cookie, as in Django', async () => {
    const { clock, alive } = await expiring(100 * DAY);
    clock.now = THEN + 14 * DAY;
    expect(alive()).toBe(true);
    clock.now += 1;
    expect(alive()).toBe(false);
  });

  it('may be over when the session is saved', async () => {
    const { alive } = await expiring(-1);
    expect(alive()).toBe(false);
  });
});

describe('renewal', () => {
  it('happens with every request that has a session, where saveEveryRequest says so', async () => {
    const { visit, clock } = await startCookieSite(site, { saveEveryRequest: true });
    let { cookie } = await visit(undefined, '/login');
    for (let days = 0; days < 60; days += 10) {
      clock.now += 10 * DAY;
      const answer = await visit(cookie, '/untouched');
      expect(answer).toMatchObject({ status: 200, vary: 'Cookie' });
      expect(answer.cookie).not.toBe(cookie);
      cookie = answer.cookie;
    }
    expect((await visit(cookie)).body).toBe('visitor');
    expect((await visit(undefined, '/untouched')).setCookie).toEqual([]);
    expect((await visit('eyJhIjoxfQ:1r31eq:nobodysigned')).setCookie).toEqual([]);
  });

  it('happens once per touchEvery under an idle timeout, which ends the session otherwise', async () => {
    const { visit, clock } = await startCookieSite(site, { idleTimeout: 1000, touchEvery: 100 });
    const first = (await visit(undefined, '/login')).cookie;
    clock.now += 99;
    expect((await visit(first, '/untouched')).cookie).toBeUndefined();
    expect((await visit(first)).cookie).toBeUndefined();
    clock.now += 1;
    const second = (await visit(first, '/untouched')).cookie;
    expect(second).toBeDefined();
    expect((await visit(second)).cookie).toBeUndefined();
    clock.now += 950;
    expect((await visit(first)).body).toBe('nobody');
    const third = (await visit(second)).cookie;
    expect(third).toBeDefined();
    clock.now += 1001;
    expect(await visit(third)).toMatchObject({ body: 'nobody', setCookie: [] });
  });

  it('reaches a cookie without Max-Age as well, since the session is in it', async () => {
    const { visit, clock } = await startCookieSite(site, {
      ...{ idleTimeout: 1000, expireAtBrowserClose: true },
    });
    const { cookie } = await visit(undefined, '/login');
    clock.now += 500;
    const renewed = await visit(cookie, '/untouched');
    expect(renewed.setCookie).toEqual([
      `sessionid=${renewed.cookie}; HttpOnly; Path=/; SameSite=Lax`,
    ]);
    clock.now += 700;
    expect((await visit(renewed.cookie)).body).toBe('visitor');
  });

  it('never passes the absolute timeout, which is counted from inside the signature', async () => {
    const { visit, clock, sessions } = await startCookieSite(site, {
      ...{ absoluteTimeout: 3000, saveEveryRequest: true },
    });
    let { cookie } = await visit(undefined, '/login');
    for (let passed = 1000; passed < 3000; passed += 1000) {
      clock.now += 1000;
      const answer = await visit(cookie);
      expect(answer.setCookie[0]).toContain(`Max-Age=${3000 - passed};`);
      cookie = answer.cookie;
    }
    expect(sessions.open(cookie).keys()).toEqual(['user']);
    clock.now += 1001;
    expect(await visit(cookie)).toMatchObject({ body: 'nobody', setCookie: [] });
  });

  it('counts a session that was made without an absolute timeout from its signature', async () => {
    const made = await cookieSessions().cookieOf({ user: 'visitor' });
    const { visit, clock } = await startCookieSite(site, {
      ...{ absoluteTimeout: 3000, saveEveryRequest: true },
    });
    clock.now += 2000;
    const { cookie } = await visit(made);
    clock.now += 1001;
    expect((await visit(made)).body).toBe('nobody');
    expect((await visit(cookie)).body).toBe('nobody');
  });
});

describe('a former secret', () => {
  const ROTATED = {
    secretKey: 'another-one:Zt5!kW8eQn3Rv7Xy2Lm6Qa1',
    secretKeyFallbacks: [SECRET_KEY],
  };

  it('reads the session, whose next write is signed anew', async () => {
    const made = await cookieSessions().cookieOf({ user: 'visitor' });
    const { visit } = await startCookieSite(site, ROTATED);
    expect(await visit(made)).toMatchObject({ body: 'visitor', setCookie: [] });
    const written = (await visit(made, '/login')).cookie;
    const { read } = cookieSessions({ secretKey: ROTATED.secretKey });
    expect(read(String(written))).toEqual({ user: 'visitor' });
    expect(read(made)).toEqual({});
  });

  it('is replaced by a renewal, too', async () => {
    const made = await cookieSessions().cookieOf({ user: 'visitor' });
    const { visit } = await startCookieSite(site, { ...ROTATED, saveEveryRequest: true });
    const { cookie } = await visit(made, '/untouched');
    const { read } = cookieSessions({ secretKey: ROTATED.secretKey });
    expect(read(String(cookie))).toEqual({ user: 'visitor' });
  });
});

describe('events', () => {
  it('name the cookie that was handed out, by a digest and never by itself', async () => {
    const { sessions, cookieOf } = cookieSessions();
    const created: unknown[] = [];
    sessions.events.on('created', (event) => created.push(event));
    const cookie = await cookieOf({ user: 'visitor' });
    expect(created).toEqual([{ session: sessions.events.digest(cookie) }]);
  });
});
