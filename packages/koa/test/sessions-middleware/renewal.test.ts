import { afterEach, describe, expect, it } from '@jest/globals';
import { type DelayedBackend, delayedBackend } from '../delayed-backend.ts';
import {
  ATTRIBUTES,
  count,
  DELETION,
  expectCookie,
  OTHER_KEY,
  read,
  startDelayed,
  startWithSession,
  write,
} from '../seeded-site.ts';
import {
  closeSites,
  type Handler,
  KEY,
  keyOf,
  type Site,
  type SiteOptions,
  startSite,
} from '../test-site.ts';

afterEach(closeSites);

describe('idleTimeout', () => {
  const settings = { idleTimeout: 1000 };
  const later = (site: Site, seconds: number): void => {
    site.clock.now = new Date(site.clock.now.getTime() + seconds * 1000);
  };
  const expiry = (site: Site): unknown =>
    Object.values(
      site.database.prepare('SELECT expire_date FROM django_session').all()[0] as object,
    )[0];
  async function startIdle(handler: Handler, options: SiteOptions = {}): Promise<Site> {
    const site = await startSite(handler, {
      ...options,
      settings: { ...settings, ...options.settings },
    });
    site.put(KEY, { a: 1 }, new Date(site.clock.now.getTime() + 1_000_000));
    return site;
  }

  it('is renewed by a request that leaves the session alone, with its cookie', async () => {
    const site = await startIdle(() => {});
    const before = site.texts();
    later(site, 100);
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      `sessionid=${KEY}; expires=Tue, 14 Nov 2023 22:31:40 GMT; HttpOnly; Max-Age=1000; Path=/; SameSite=Lax`,
    ]);
    expect(answer).toMatchObject({ vary: 'Cookie', cacheControl: 'no-store' });
    expect(expiry(site)).toBe('2023-11-14 22:31:40');
    expect(site.texts()).toEqual(before);
  });

  it('is renewed at most once per touchEvery', async () => {
    const site = await startIdle(read);
    later(site, 99);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
    later(site, 99);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
  });

  it('is renewed as often as touchEvery says', async () => {
    const site = await startIdle(read, { settings: { touchEvery: 500 } });
    later(site, 499);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    later(site, 1);
    expect((await site.request({ key: KEY })).setCookie).toHaveLength(1);
  });

  it('is renewed by a route that only reads (readOnly)', async () => {
    const site = await startIdle(read, { middleware: { readOnly: true } });
    for (const seconds of [999, 999, 999]) {
      later(site, seconds);
      const answer = await site.request({ key: KEY });
      expect([answer.body, keyOf(answer)]).toEqual(['1', KEY]);
    }
  });

  it('ends a session that nobody used for so long', async () => {
    const site = await startIdle(read);
    later(site, 999);
    expect((await site.request({ key: KEY })).body).toBe('1');
    later(site, 999);
    expect((await site.request({ key: KEY })).body).toBe('1');
    later(site, 1000);
    expect(await site.request({ key: KEY })).toMatchObject({ body: 'null', setCookie: [] });
  });

  it('renews a browser-close session without sending its cookie again', async () => {
    const site = await startIdle(() => {}, { settings: { expireAtBrowserClose: true } });
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    expect(expiry(site)).toBe('2023-11-14 22:31:40');
  });

  it('sends the cookie of a browser-close session that was changed', async () => {
    const site = await startIdle(write, { settings: { expireAtBrowserClose: true } });
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([
      `sessionid=${KEY}; HttpOnly; Path=/; SameSite=Lax`,
    ]);
  });

  it('is not renewed by a failed request', async () => {
    const site = await startIdle((ctx) => ctx.throw(500));
    later(site, 100);
    expect((await site.request({ key: KEY })).setCookie).toEqual([]);
    expect(expiry(site)).toBe('2023-11-14 22:30:00');
  });

  it('is renewed on the error response below 500', async () => {
    const site = await startIdle((ctx) => ctx.throw(404));
    later(site, 100);
    expect(keyOf(await site.request({ key: KEY }))).toBe(KEY);
  });

  it('makes nothing for unknown keys and visitors without one', async () => {
    const site = await startIdle(() => {});
    later(site, 100);
    expect((await site.request()).setCookie).toEqual([]);
    expect((await site.request({ key: OTHER_KEY })).setCookie).toEqual([]);
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('asks a backend that answers later no more than once to read and once to renew', async () => {
    const made: { backend?: DelayedBackend } = {};
    const site = await startIdle(read, {
      wrap: (inner) => {
        made.backend = delayedBackend(inner);
        return made.backend;
      },
    });
    later(site, 100);
    await site.request({ key: KEY });
    expect(made.backend?.calls).toEqual({ load: 1, create: 0, update: 0, touch: 1, delete: 0 });
  });

  it('that cannot be renewed fails no request', async () => {
    const made: { backend?: DelayedBackend } = {};
    const site = await startIdle(() => {}, {
      wrap: (inner) => {
        made.backend = delayedBackend(inner);
        return made.backend;
      },
    });
    later(site, 100);
    (made.backend as DelayedBackend).failures.touch = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
    expect(count(site, 'unavailable')).toBe(1);
  });
});

describe('saveEveryRequest', () => {
  const settings = { saveEveryRequest: true };

  it('renews record and cookie of a session that nobody touched', async () => {
    const site = await startWithSession(() => {}, { settings });
    site.clock.now = new Date(site.clock.now.getTime() + 60_000);
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      `sessionid=${KEY}; ${ATTRIBUTES.replace('22:13:20', '22:14:20')}`,
    ]);
    expect(answer).toMatchObject({ vary: 'Cookie', cacheControl: 'no-store' });
    expect(site.database.prepare('SELECT expire_date FROM django_session').all()).toEqual([
      { expire_date: '2023-11-28 22:14:20' },
    ]);
  });

  it('writes once where the session was changed', async () => {
    const { site, backend } = await startDelayed(write, { settings });
    expectCookie(await site.request({ key: KEY }), KEY);
    expect(backend.calls).toEqual({ load: 1, create: 0, update: 1, touch: 0, delete: 0 });
  });

  it('creates nothing', async () => {
    const site = await startWithSession(read, { settings });
    for (const sent of [{}, { key: OTHER_KEY }, { key: 'abc' }]) {
      expect((await site.request(sent)).setCookie).toEqual([]);
    }
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('sends a browser-close cookie again, as in Django', async () => {
    const site = await startWithSession(() => {}, {
      settings: { ...settings, expireAtBrowserClose: true },
    });
    expect((await site.request({ key: KEY })).setCookie).toEqual([
      `sessionid=${KEY}; HttpOnly; Path=/; SameSite=Lax`,
    ]);
  });

  it('does not bring back what was flushed', async () => {
    const site = await startWithSession((ctx) => ctx.session.flush(), { settings });
    expect((await site.request({ key: KEY })).setCookie).toEqual([DELETION]);
    expect(site.rows()).toEqual({});
  });
});
