import type { CookieOptions, SessionsOptions } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeSites, type Handler, KEY, keyOf, type Site, startSite } from './test-site.ts';

afterEach(closeSites);

interface Case {
  readonly label: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly request_cookie: string | null;
  readonly stored_before: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly set_cookie: readonly string[];
  readonly vary: string | null;
  readonly error: string | null;
  readonly message: string | null;
  readonly stored_after: Readonly<Record<string, unknown>>;
}

interface Fixture {
  readonly secret_key: string;
  readonly new_key: string;
  readonly cases: readonly Case[];
}

const { secret_key: secretKey, new_key: newKey, cases } = djangoFixture<Fixture>('middleware.json');
const old = djangoFixture<Fixture>('middleware.django-3.2.json');

const NOTHING = { set_cookie: [], vary: null, stored_after: {} };
const COOKIE = `sessionid=${KEY}; expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax`;

/** Where our outcome is another one on purpose: the name of the departure, and what is different. */
const departures: Readonly<Record<string, readonly [string, Partial<Case>]>> = {
  'unknown cookie, read': ['an unknown cookie deletes nothing', { set_cookie: [] }],
  'short cookie, not used': ['a malformed cookie deletes nothing', NOTHING],
  'empty cookie, not used': ['an empty cookie deletes nothing', NOTHING],
  'known cookie, nested value changed in place': [
    'nested changes are saved',
    { set_cookie: [COOKIE], stored_after: { [KEY]: { n: { x: 2 } } } },
  ],
  'save every request, unknown cookie, not used': [
    'save-every-request creates nothing for an unknown cookie',
    NOTHING,
  ],
  'row deleted meanwhile': ['errors vary by cookie too', { vary: 'Cookie' }],
};

/** Where the case cannot be run as it is. */
const adapted: Readonly<Record<string, string>> = {
  'delete __Host- name': 'with secure: true, without which the name is refused',
  'expiry timedelta 60': 'with a Date',
};

const read: Handler = (ctx) => {
  ctx.session.get('a');
};
const write: Handler = (ctx) => {
  ctx.session.set('b', 2);
};
const flush: Handler = (ctx) => ctx.session.flush();
const writeWith =
  (also: Handler): Handler =>
  async (ctx) => {
    await write(ctx);
    await also(ctx);
  };
const expireIn = (value: number | Date): Handler =>
  writeWith((ctx) => ctx.session.setExpiry(value));
const vary = (value: string): Handler => writeWith((ctx) => ctx.set('Vary', value));

/** What the view did, where the label does not end in `written` or `not used`. */
const views: Readonly<Record<string, Handler>> = {
  'no cookie, session not used': () => {},
  'no cookie, session read': read,
  'no cookie, written then emptied': (ctx) => {
    ctx.session.set('b', 2);
    ctx.session.delete('b');
  },
  'no cookie, flushed': flush,
  'known cookie, read': read,
  'known cookie, nested value changed in place': (ctx) => {
    (ctx.session.get('n') as { x: number }).x = 2;
  },
  'known cookie, cleared': (ctx) => ctx.session.clear(),
  'known cookie, flushed': flush,
  'known cookie, key cycled': (ctx) => ctx.session.cycleKey(),
  'unknown cookie, read': read,
  'browser close by setting': write,
  'browser close by setting, expiry 60': expireIn(60),
  'expiry 0': expireIn(0),
  'expiry 60': expireIn(60),
  'expiry 1.5': expireIn(1.5),
  'expiry -5': expireIn(-5),
  'expiry timedelta 60': expireIn(new Date(1_700_000_060_000)),
  'session attribute removed': (ctx) => {
    delete (ctx as { session?: unknown }).session;
  },
  'vary already has Cookie': vary('cookie'),
  'vary already has others': vary('Accept-Language, Accept-Encoding'),
  'vary is *': vary('*'),
  'all cookie settings': write,
  'delete with all cookie settings': flush,
  'SameSite None': write,
  'delete with SameSite None': flush,
  'SameSite off': write,
  'delete with SameSite off': flush,
  '__Host- name': write,
  'delete __Host- name': flush,
  'cookie age 0': write,
};

function viewOf(label: string, site: () => Site): Handler {
  if (label === 'row deleted meanwhile') {
    return writeWith(() => {
      site().database.exec('DELETE FROM django_session');
    });
  }
  const view = views[label];
  if (view) return view;
  const status = /^status (\d+)/.exec(label)?.[1];
  if (status) {
    return writeWith((ctx) => {
      ctx.status = Number(status);
    });
  }
  if (label.endsWith('written')) return write;
  if (label.endsWith('not used')) return () => {};
  throw new Error(`Nobody knows what the view of the case "${label}" did.`);
}

function settingsOf(label: string, settings: Case['settings']): Partial<SessionsOptions> {
  const django: Readonly<Record<string, string>> = {
    SESSION_COOKIE_NAME: 'name',
    SESSION_COOKIE_AGE: 'age',
    SESSION_COOKIE_DOMAIN: 'domain',
    SESSION_COOKIE_PATH: 'path',
    SESSION_COOKIE_SECURE: 'secure',
    SESSION_COOKIE_HTTPONLY: 'httpOnly',
    SESSION_COOKIE_SAMESITE: 'sameSite',
  };
  const cookie: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'SESSION_SAVE_EVERY_REQUEST') others.saveEveryRequest = value;
    else if (name === 'SESSION_EXPIRE_AT_BROWSER_CLOSE') others.expireAtBrowserClose = value;
    else cookie[django[name] ?? name] = value;
  }
  if (label === 'delete __Host- name') cookie.secure = true;
  // The fixture's secret says of itself that it is one, which is refused elsewhere.
  return { secretKey, allowWeakSecret: true, cookie: cookie as CookieOptions, ...others };
}

async function check(example: Case): Promise<void> {
  const { label, settings, request_cookie: sent, stored_before: before, error, message } = example;
  const started: { site?: Site } = {};
  const site = await startSite(
    viewOf(label, () => started.site as Site),
    { settings: settingsOf(label, settings) },
  );
  started.site = site;
  const age = Number(settings.SESSION_COOKIE_AGE ?? 1_209_600);
  for (const [key, data] of Object.entries(before)) {
    site.put(key, data, new Date(site.clock.now.getTime() + age * 1000));
  }
  const name = String(settings.SESSION_COOKIE_NAME ?? 'sessionid');

  const answer = await site.request(
    sent === null ? {} : { headers: { cookie: `${name}=${sent}` } },
  );

  // Keys are random here; a new one stands for the fixture's.
  const key = keyOf(answer, name);
  const isNew = key !== undefined && key !== KEY && key !== '""';
  if (isNew) expect(key).toMatch(/^[a-z0-9]{32}$/);
  const named = (text: string): string => (isNew ? text.replaceAll(key, newKey) : text);

  expect(answer.setCookie.map(named)).toEqual(example.set_cookie);
  expect(answer.vary ?? null).toBe(example.vary);
  expect(JSON.parse(named(JSON.stringify(site.rows())))).toEqual(example.stored_after);
  expect(answer.status).toBe(error === null ? example.status : 400);
  expect(site.errors).toEqual(
    error === null ? [] : [expect.objectContaining({ name: error, message })],
  );
}

describe('the cases of a real Django', () => {
  for (const example of cases) {
    const [departure, ours] = departures[example.label] ?? [];
    const notes = [
      adapted[example.label] && `(${adapted[example.label]})`,
      departure && `(departure: ${departure})`,
    ];
    it([example.label, ...notes].filter(Boolean).join(' '), () => check({ ...example, ...ours }));
  }
});

describe('the cases of Django 3.2', () => {
  for (const { label, ...outcome } of old.cases) {
    const current = cases.find((example) => example.label === label);
    const differs = JSON.stringify({ label, ...outcome }) !== JSON.stringify(current);
    const [departure, ours] = departures[label] ?? [];
    const notes = [
      adapted[label] && `(${adapted[label]})`,
      departure && `(departure: ${departure})`,
      differs && '(3.2 differs; as in 5.2)',
    ];
    it([label, ...notes].filter(Boolean).join(' '), async () => {
      expect(current).toBeDefined();
      await check({ ...(differs && current ? current : { label, ...outcome }), ...ours });
    });
  }
});

describe('SessionMiddlewareTests of Django', () => {
  it('test_secure_session_cookie', async () => {
    const site = await startSite(write, { settings: { cookie: { secure: true } } });
    const answer = await site.request();
    expect(answer.setCookie).toEqual([expect.stringMatching(/; Secure$/)]);
    expect(answer.vary).toBe('Cookie');
  });

  it('test_httponly_session_cookie', async () => {
    const site = await startSite(write, { settings: { cookie: { httpOnly: true } } });
    expect((await site.request()).setCookie).toEqual([expect.stringContaining('; HttpOnly;')]);
  });

  it('test_samesite_session_cookie', async () => {
    const site = await startSite(write, { settings: { cookie: { sameSite: 'Strict' } } });
    expect((await site.request()).setCookie).toEqual([expect.stringMatching(/; SameSite=Strict$/)]);
  });

  it('test_no_httponly_session_cookie', async () => {
    const site = await startSite(write, { settings: { cookie: { httpOnly: false } } });
    expect((await site.request()).setCookie).toEqual([expect.not.stringMatching(/httponly/i)]);
  });

  it.each([
    ['test_session_save_on_500', 500],
    ['test_session_save_on_5xx', 503],
  ])('%s', async (_, status) => {
    const site = await startSite((ctx) => {
      ctx.session.set('hello', 'world');
      ctx.status = status;
    });
    expect(await site.request()).toMatchObject({ status, setCookie: [] });
    expect(site.rows()).toEqual({});
  });

  it('test_session_update_error_redirect', async () => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('hello', 'world');
      await site.sessions.delete(KEY);
    });
    site.put(KEY, {});
    expect(await site.request({ key: KEY })).toMatchObject({
      status: 400,
      body: "The request's session was deleted before the request completed. The user may have logged out in a concurrent request, for example.",
    });
    expect(site.errors).toEqual([expect.objectContaining({ name: 'SessionInterrupted' })]);
  });

  it('test_session_delete_on_end', async () => {
    const site = await startSite(flush);
    site.put(KEY, { a: 1 });
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax',
    ]);
    expect(answer.vary).toBe('Cookie');
  });

  it('test_session_delete_on_end_with_custom_domain_and_path', async () => {
    const cookie = { domain: '.example.local', path: '/example/' };
    const site = await startSite(flush, { settings: { cookie } });
    site.put(KEY, { a: 1 });
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([
      'sessionid=""; Domain=.example.local; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/example/; SameSite=Lax',
    ]);
    expect(answer.vary).toBe('Cookie');
  });

  it('test_flush_empty_without_session_cookie_doesnt_set_cookie', async () => {
    const site = await startSite(flush);
    const answer = await site.request();
    expect(answer.setCookie).toEqual([]);
    expect(answer.vary).toBe('Cookie');
  });

  it('test_save_every_request_with_non_empty_session_renews_session_cookie', async () => {
    const site = await startSite(() => {}, { settings: { saveEveryRequest: true } });
    site.put(KEY, { foo: 'bar' });
    const answer = await site.request({ key: KEY });
    expect(answer.setCookie).toEqual([COOKIE]);
    expect(answer.vary).toBe('Cookie');
  });

  it('test_empty_session_saved', async () => {
    const site = await startSite((ctx) => {
      if (ctx.path === '/set') ctx.session.set('foo', 'bar');
      else ctx.session.delete('foo');
    });
    const key = keyOf(await site.request({ path: '/set' })) ?? '';
    const answer = await site.request({ key, path: '/empty' });
    expect(answer.setCookie).toEqual([COOKIE.replace(KEY, key)]);
    expect(answer.vary).toBe('Cookie');
    expect(site.rows()).toEqual({ [key]: {} });
  });
});
