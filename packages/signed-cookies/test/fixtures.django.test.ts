import { loads } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeCookieSites,
  cookieSessions,
  type Handler,
  startCookieSite,
  THEN,
} from './support/cookie-site.ts';

afterEach(closeCookieSites);

interface Visit {
  readonly label: string;
  readonly request_cookie: string | null;
  readonly now: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly set_cookie: readonly string[];
  readonly vary: string | null;
}

interface Fixture {
  readonly secret_key: string;
  readonly salt: string;
  readonly timestamp: number;
  readonly session_cookie_age: number;
  readonly cases: readonly {
    readonly name: string;
    readonly json: string;
    readonly cookie: string;
    readonly loads_at_max_age: boolean | null;
    readonly load_one_second_later: object;
  }[];
  readonly bad_cookies: readonly {
    readonly label: string;
    readonly cookie: string;
    readonly data: object;
  }[];
  readonly behaviour: Readonly<Record<string, unknown>>;
  readonly middleware: readonly Visit[];
}

const fixture = djangoFixture<Fixture>('signed-cookies.json');
const { salt, session_cookie_age: age } = fixture;
// The fixture's secret says of itself that it is one, which is refused elsewhere.
const settings = { secretKey: fixture.secret_key, allowWeakSecret: true };
const ONE = 'eyJhIjoxfQ:1r31eq:IVd9lAFhq_vdyDuaWfwyhJ1y__uHjHGxC2eah7fF6Mc';

const NAN = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, ninf: Number.NEGATIVE_INFINITY };
/** The entries that the JSON of a case has. */
const entriesOf = (json: string): Record<string, unknown> =>
  json.includes('NaN') ? NAN : JSON.parse(json);

describe.each(fixture.cases)('a cookie that Django made: $name', ({ name, json, cookie }) => {
  it(
    name === 'expiry seconds'
      ? 'loads until its custom expiry (departure: custom expiry is enforced)'
      : 'loads at the last valid second, and not one second later',
    () => {
      const last = name === 'expiry seconds' ? 300 : age;
      const { clock, read, rejected } = cookieSessions(settings);
      for (const passed of [0, last]) {
        clock.now = THEN + passed;
        expect(read(cookie)).toEqual(entriesOf(json));
      }
      expect(rejected).toEqual([]);
      clock.now = THEN + last + 1;
      expect(read(cookie)).toEqual({});
      expect(rejected).toEqual(['expired']);
    },
  );

  it('is written again as it was, as far as it is not compressed', async () => {
    const { sessions, cookieOf } = cookieSessions(settings);
    const session = sessions.open(cookie);
    session.modified = true;
    await session.save();
    expectSameCookie(String(session.sessionKey), cookie);
    // Written from scratch, too, where JavaScript writes the same JSON.
    const again = JSON.stringify(entriesOf(json));
    if (again === json) expectSameCookie(await cookieOf(entriesOf(json)), cookie);
  });
});

it('has the default age of Django', () => {
  expect(cookieSessions().sessions.settings.cookie.age).toBe(age);
});

describe('a cookie that Django would not take', () => {
  it.each(fixture.bad_cookies)(
    '$label: reads as empty and is forgotten (departure: sends and replaces nothing)',
    async ({ label, cookie, data }) => {
      const { sessions } = cookieSessions(settings);
      const session = sessions.open(cookie);
      expect(Object.fromEntries(session.entries())).toEqual(data);
      expect(session.modified).toBe(false);
      expect(session.sessionKey).toBeNull();
      expect(session.isEmpty()).toBe(true);
      const site = await startCookieSite((ctx) => ctx.session.get('a'), settings);
      expect(await site.visit(cookie)).toMatchObject({ status: 200, setCookie: [] });
      expect(site.rejected).toEqual([label === 'short' ? 'malformed' : 'tampered']);
    },
  );
});

describe('the behaviour of the store', () => {
  const { behaviour } = fixture;

  it('custom expiry of 5 s, read 60 s later (departure: custom expiry is enforced)', async () => {
    const { sessions, clock, read } = cookieSessions(settings);
    const session = sessions.open();
    session.set('a', 1);
    session.setExpiry(5);
    await session.save();
    const cookie = String(session.sessionKey);
    expect(read(cookie)).toEqual(behaviour['custom expiry of 5 s, read 60 s later']);
    clock.now += 60;
    expect(read(cookie)).toEqual({});
  });

  it('flush: no key, modified, empty', async () => {
    const { sessions } = cookieSessions(settings);
    const session = sessions.open(ONE);
    await session.flush();
    expect(session.sessionKey).toBe(behaviour.session_key_after_flush);
    expect(session.modified).toBe(behaviour.flush_modified);
    expect(session.isEmpty()).toBe(behaviour.is_empty_after_flush);
  });

  it('exists says no', async () => {
    const { sessions } = cookieSessions(settings);
    expect(await sessions.exists(ONE)).toBe(behaviour.exists_is_always);
  });

  it('cycleKey in the same second gives the same cookie', async () => {
    const { sessions } = cookieSessions(settings);
    const session = sessions.open(ONE);
    await session.cycleKey();
    expect(session.sessionKey === ONE).toBe(behaviour.cycle_key_same_second_gives_same_cookie);
  });
});

describe('what a site answers', () => {
  const read: Handler = (ctx) => ctx.session.get('a');
  const views: Readonly<Record<string, Handler>> = {
    'not used': () => {},
    'save every request': () => {},
    read,
    written: (ctx) => ctx.session.set(ctx.get('cookie') ? 'b' : 'a', ctx.get('cookie') ? 2 : 1),
    flushed: (ctx) => ctx.session.flush(),
    cleared: (ctx) => ctx.session.clear(),
    'key cycled': (ctx) => ctx.session.cycleKey(),
    'expiry 60': (ctx) => ctx.session.setExpiry(60),
  };
  const departures: Readonly<Record<string, string>> = {
    'tampered cookie, read': 'a tampered cookie replaces nothing',
    'old cookie, read': 'an old cookie replaces nothing',
  };

  for (const { label, request_cookie: sent, now, ...expected } of fixture.middleware) {
    const departure = departures[label];
    it(`${label}${departure ? ` (departure: ${departure})` : ''}`, async () => {
      const view = views[label.split(', ')[1] ?? ''];
      if (!view) throw new Error(`Nobody knows what the view of the case "${label}" did.`);
      const saveEveryRequest = expected.settings.SESSION_SAVE_EVERY_REQUEST === true;
      const site = await startCookieSite(view, { ...settings, saveEveryRequest });
      site.clock.now = now;
      const answer = await site.visit(sent ?? undefined);
      expect(answer.status).toBe(200);
      expect(answer.setCookie).toEqual(departure ? [] : expected.set_cookie);
      expect(answer.vary).toBe(expected.vary);
      expect(site.errors).toEqual([]);
    });
  }
});

describe('a cookie under another key', () => {
  interface Fallbacks {
    readonly secret_key: string;
    readonly secret_key_fallbacks: readonly string[];
    readonly cases: readonly {
      readonly signed_with: string;
      readonly signed_cookie: string;
      readonly signed_cookie_load: object;
    }[];
  }
  const { cases, ...keys } = djangoFixture<Fallbacks>('signing-fallbacks.json');

  it.each(cases)('$signed_with: as in Django', ({ signed_cookie, signed_cookie_load }) => {
    const { read } = cookieSessions({
      ...{ secretKey: keys.secret_key, secretKeyFallbacks: keys.secret_key_fallbacks },
      allowWeakSecret: true,
    });
    expect(read(signed_cookie)).toEqual(signed_cookie_load);
  });
});

/** Byte for byte, or the same JSON where it is compressed: zlib differs between implementations. */
function expectSameCookie(ours: string, django: string): void {
  if (!ours.startsWith('.') && !django.startsWith('.')) expect(ours).toBe(django);
  const now = new Date(THEN * 1000);
  const key = fixture.secret_key;
  expect(loads(ours, { key, salt, now, maxAge: age })).toEqual(
    loads(django, { key, salt, now, maxAge: age }),
  );
}
