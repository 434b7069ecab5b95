import { afterEach, describe, expect, it } from '@jest/globals';
import {
  expectCookie,
  OTHER_KEY,
  read,
  reasons,
  startDelayed,
  startWithSession,
  write,
} from '../seeded-site.ts';
import { closeSites, type Handler, KEY, keyOf, startSite } from '../test-site.ts';

afterEach(closeSites);

describe('the request cookie', () => {
  it.each([
    ['too short', 'a'.repeat(31)],
    ['too long', 'a'.repeat(33)],
    ['with a capital', `${'a'.repeat(31)}A`],
    ['with a dash', `${'a'.repeat(31)}-`],
    ['a digest of a key', '0123456789abcdef'.repeat(4)],
    ['empty', ''],
    ['percent-encoded', `%61${'a'.repeat(31)}`],
    ['with an octal escape', `"\\141${'a'.repeat(31)}"`],
  ])('that is malformed (%s) is no session and asks no backend', async (_, value) => {
    const { site, backend } = await startDelayed(read);
    expect((await site.request({ headers: { cookie: `sessionid=${value}` } })).body).toBe('null');
    expect(backend.calls.load).toBe(0);
    expect(reasons(site)).toEqual(['malformed']);
  });

  it('twice with different values is no session, and an event', async () => {
    const { site, backend } = await startDelayed(read);
    const cookie = `sessionid=${KEY}; other=1; sessionid=${OTHER_KEY}`;
    const answer = await site.request({ headers: { cookie } });
    expect(answer).toMatchObject({ body: 'null', setCookie: [] });
    expect(backend.calls.load).toBe(0);
    expect(reasons(site)).toEqual(['duplicate cookie']);
  });

  it('twice with different values, written: a new session', async () => {
    const site = await startWithSession(write);
    const cookie = `sessionid=${KEY}; sessionid=${OTHER_KEY}`;
    const key = keyOf(await site.request({ headers: { cookie } })) ?? '';
    expect(site.rows()).toEqual({ [KEY]: { a: 1 }, [key]: { b: 2 } });
  });

  it('twice with the same value is that session', async () => {
    const site = await startWithSession(read);
    const cookie = `sessionid=${KEY}; sessionid=${KEY}`;
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
    expect(reasons(site)).toEqual([]);
  });

  it.each([
    ['quoted', `sessionid="${KEY}"`],
    ['among others', `theme=dark; sessionid=${KEY}; x=1`],
    ['without spaces', `theme=dark;sessionid=${KEY};x=1`],
    ['with spaces', `  sessionid  =  ${KEY}  `],
    ['beside names that contain its own', `xsessionid=1; sessionidx=2; sessionid=${KEY}`],
    ['beside one without a value', `sessionid; sessionid=${KEY}`],
  ])('is found %s', async (_, cookie) => {
    const site = await startWithSession(read);
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
  });

  it('three hundred times is asked for once', async () => {
    const { site, backend } = await startDelayed(read);
    const cookie = Array(300).fill(`sessionid=${KEY}`).join('; ');
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
    expect(backend.calls.load).toBe(1);
  });

  it.each([
    ...['SESSIONID', 'xsessionid', 'sessionidx', 'session_id', '"sessionid"'],
    ...['=sessionid', '%73essionid', 'sessionid%3D'],
  ])('under the name %s is another cookie', async (name) => {
    const site = await startWithSession(read);
    const answer = await site.request({ headers: { cookie: `${name}=${KEY}` } });
    expect(answer.body).toBe('null');
    expect(site.events).toEqual([]);
  });

  it('in several headers is one of all of them', async () => {
    const site = await startWithSession(read);
    const cookie = ['theme=dark', `sessionid=${KEY}`];
    expect((await site.request({ headers: { cookie } })).body).toBe('1');
  });
});

describe('a session that nobody changes', () => {
  it('is not written and sends no cookie', async () => {
    const site = await startWithSession(read);
    const before = site.texts();
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ body: '1', setCookie: [], vary: 'Cookie', cacheControl: undefined },
    });
    expect(site.texts()).toEqual(before);
    expect(site.events).toEqual([]);
  });

  it('is not even asked for where the handler leaves it alone', async () => {
    const site = await startWithSession(() => {});
    // A database without the table could not answer.
    site.database.exec('DROP TABLE django_session');
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ status: 200, setCookie: [], vary: undefined, cacheControl: undefined },
    });
  });

  it('makes no row for a visitor without one', async () => {
    const site = await startSite(read);
    await site.request();
    await site.request({ key: KEY });
    expect(site.rows()).toEqual({});
  });
});

describe('modified = true', () => {
  const touchAll: Handler = (ctx) => {
    ctx.session.modified = true;
  };

  it.each([false, true])('saves a session that was never read (lazy: %s)', async (lazy) => {
    const { site, backend } = await startDelayed(touchAll, { middleware: { lazy } });
    expectCookie(await site.request({ key: KEY }), KEY);
    expect(backend.calls).toMatchObject({ load: 1, update: 1 });
    expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
  });

  it('saves one whose backend answers at once', async () => {
    const site = await startWithSession(touchAll);
    site.clock.now = new Date(site.clock.now.getTime() + 60_000);
    expect(keyOf(await site.request({ key: KEY }))).toBe(KEY);
    expect(site.database.prepare('SELECT expire_date FROM django_session').all()).toEqual([
      { expire_date: '2023-11-28 22:14:20' },
    ]);
  });

  it.each([undefined, OTHER_KEY])('creates nothing where there is no session (%s)', async (key) => {
    const site = await startSite(touchAll);
    const answer = await site.request(key === undefined ? {} : { key });
    expect(answer).toMatchObject({ status: 200, setCookie: [] });
    expect(site.rows()).toEqual({});
  });
});
