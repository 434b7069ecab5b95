import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { ImproperlyConfigured } from '../src/errors.ts';
import {
  type CookieOptions,
  cacheControlFor,
  cookieValues,
  deleteCookieText,
  setCookieText,
  validateCookie,
  varyByCookie,
} from '../src/session-cookie.ts';
import { isSessionKey } from '../src/session-key.ts';

const NOW = new Date(1_700_000_000_000);
const KEY = 'abcdefghijklmnopqrstuvwxyz012345';
const set = (options: CookieOptions = {}, maxAge: number | undefined = 1_209_600) =>
  setCookieText(validateCookie(options), KEY, maxAge, NOW);
const remove = (options: CookieOptions = {}) => deleteCookieText(validateCookie(options));

describe('Set-Cookie', () => {
  it('is what Django sends, attributes in the same order', () => {
    expect(set()).toBe(
      `sessionid=${KEY}; expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax`,
    );
    expect(remove()).toBe(
      'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax',
    );
  });

  it('has neither expires nor Max-Age when the cookie ends with the browser', () => {
    expect(setCookieText(validateCookie({}), KEY, undefined, NOW)).toBe(
      `sessionid=${KEY}; HttpOnly; Path=/; SameSite=Lax`,
    );
  });

  it('has every attribute that is configured, also where the deletion has it', () => {
    const options: CookieOptions = {
      name: 'sid',
      domain: '.example.com',
      path: '/shop',
      secure: true,
      sameSite: 'None',
      partitioned: true,
      priority: 'High',
    };
    expect(set(options, 60)).toBe(
      `sid=${KEY}; Domain=.example.com; expires=Tue, 14 Nov 2023 22:14:20 GMT; HttpOnly; Max-Age=60; Path=/shop; SameSite=None; Secure; Partitioned; Priority=High`,
    );
    expect(remove(options)).toBe(
      'sid=""; Domain=.example.com; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/shop; SameSite=None; Secure; Partitioned',
    );
  });

  it('leaves out what is switched off', () => {
    expect(set({ httpOnly: false, sameSite: false })).not.toMatch(/HttpOnly|SameSite/);
    expect(remove({ sameSite: false })).not.toMatch(/SameSite/);
  });

  it('has Secure in a deletion only where the browser would refuse it without', () => {
    expect(remove({ secure: true })).not.toMatch(/Secure/);
    expect(remove({ secure: true, name: '__Secure-sid' })).toMatch(/; Secure$/);
    expect(remove({ secure: true, name: '__Host-sid' })).toMatch(/; Secure$/);
    expect(remove({ secure: true, sameSite: 'None' })).toMatch(/; Secure$/);
  });

  it('truncates Max-Age, and is not troubled by ages that no date has', () => {
    expect(set({}, 1.5)).toContain('; Max-Age=1;');
    expect(set({}, -5.5)).toContain('; Max-Age=-5;');
    expect(set({}, -0.5)).toContain('; Max-Age=0;');
    expect(set({}, 1e15)).toContain('expires=Sat, 13 Sep 275760 00:00:00 GMT');
  });
});

describe('validateCookie', () => {
  it("fills in Django's defaults", () => {
    expect(validateCookie({})).toEqual({
      name: 'sessionid',
      age: 1_209_600,
      domain: undefined,
      path: '/',
      secure: false,
      httpOnly: true,
      sameSite: 'Lax',
      partitioned: false,
      priority: undefined,
    });
  });

  it.each<[unknown, RegExp]>([
    [null, /^cookie must be an object/],
    [{ maxAge: 5 }, /^cookie\.maxAge does not exist; it has name, age/],
    [{ name: '' }, /^cookie\.name/],
    [{ name: 'a b' }, /^cookie\.name/],
    [{ name: 'a=b' }, /^cookie\.name/],
    [{ name: 'a;b' }, /^cookie\.name/],
    [{ name: 'é' }, /^cookie\.name/],
    [{ age: '60' }, /^cookie\.age/],
    [{ age: -1 }, /^cookie\.age/],
    [{ age: Number.NaN }, /^cookie\.age/],
    [{ age: Number.POSITIVE_INFINITY }, /^cookie\.age/],
    [{ domain: '' }, /^cookie\.domain/],
    [{ domain: 'a.example; Secure' }, /^cookie\.domain/],
    [{ domain: 'https://a.example' }, /^cookie\.domain/],
    [{ path: 'shop' }, /^cookie\.path/],
    [{ path: '/a;b' }, /^cookie\.path/],
    [{ path: '/a\r\nSet-Cookie: x=y' }, /^cookie\.path/],
    [{ secure: 'yes' }, /^cookie\.secure must be true or false/],
    [{ httpOnly: 1 }, /^cookie\.httpOnly/],
    [{ partitioned: null }, /^cookie\.partitioned/],
    [{ sameSite: 'lax' }, /^cookie\.sameSite/],
    [{ sameSite: true }, /^cookie\.sameSite/],
    [{ sameSite: 'None' }, /^cookie\.sameSite 'None' needs cookie\.secure: true/],
    [{ partitioned: true }, /^cookie\.partitioned needs cookie\.secure: true/],
    [{ priority: 'high' }, /^cookie\.priority/],
    [{ name: '__Secure-sid' }, /^cookie\.name __Secure-sid needs cookie\.secure: true/],
    [{ name: '__Host-sid', secure: true, domain: 'a.example' }, /^cookie\.name __Host-sid allows/],
    [{ name: '__Host-sid', secure: true, path: '/a' }, /^cookie\.name __Host-sid allows/],
    [{ name: '__host-sid' }, /^cookie\.name __host-sid needs/],
  ])('refuses %j', (options, message) => {
    const validate = () => validateCookie(options as CookieOptions);
    expect(validate).toThrow(ImproperlyConfigured);
    expect(validate).toThrow(message);
  });

  it('takes 0 as an age, and a domain with or without a leading dot', () => {
    expect(validateCookie({ age: 0 }).age).toBe(0);
    expect(validateCookie({ domain: '.example.com' }).domain).toBe('.example.com');
    expect(validateCookie({ domain: 'localhost' }).domain).toBe('localhost');
  });
});

describe('cookieValues', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    ['other=1', []],
    ['sessionid', []],
    ['xsessionid=a', []],
    ['sessionidx=a', []],
    ['SESSIONID=a', []],
    ['sessionid=a', ['a']],
    ['x=1; sessionid=a; y=2', ['a']],
    ['sessionid=a;x=1', ['a']],
    ['  sessionid  =  a  ', ['a']],
    ['sessionid="a"', ['a']],
    ['sessionid="', ['"']],
    ['sessionid=', ['']],
    ['sessionid=""', ['']],
    ['sessionid=a=b', ['a=b']],
    ['sessionid=a%20b', ['a%20b']],
    ['sessionid=a,sessionid=b', ['a,sessionid=b']],
    ['sessionid=a; sessionid=a', ['a']],
    ['sessionid=a; sessionid=b', ['a', 'b']],
    ['sessionid=a; sessionid="a"', ['a']],
  ])('reads %j as %j', (header, values) => {
    expect(cookieValues(header, 'sessionid')).toEqual(values);
  });

  interface CookieParsing {
    read: { header: string; parsed: Record<string, string> }[];
    written: { value: string; header: string }[];
  }
  const { read, written } = djangoFixture<CookieParsing>('cookie-parsing.json');

  /** Where the value differs from Django's, which is never one that could be a session key. */
  const departures: Record<string, string[]> = {
    'sessionid=abc; sessionid=def': ['abc', 'def'],
  };

  it.each(read)('reads $header as Django does, but for escapes and duplicates', (row) => {
    const values = cookieValues(row.header, 'sessionid');
    const { sessionid } = row.parsed;
    if (departures[row.header]) expect(values).toEqual(departures[row.header]);
    else if (sessionid === undefined || isSessionLike(sessionid)) {
      expect(values).toEqual(sessionid === undefined ? [] : [sessionid]);
    } else {
      // Python decodes escapes in quotes; what needs any is no session of ours.
      expect(values.filter(isSessionLike)).toEqual([]);
    }
  });

  it.each(written)('is what Django makes of $value where a session has such a cookie', (row) => {
    const settings = validateCookie({ httpOnly: false, sameSite: false });
    const isSessionValue = /^[A-Za-z0-9._:-]+$/.test(row.value);
    if (isSessionValue) {
      expect(setCookieText(settings, row.value, undefined, new Date(0))).toBe(row.header);
      expect(cookieValues(row.header.split(';')[0], 'sessionid')).toEqual([row.value]);
    } else if (row.value === '') {
      const [cookie, ...attributes] = deleteCookieText(settings).split('; ');
      expect(`${cookie}; ${attributes.at(-1)}`).toBe(row.header);
    } else {
      // Neither keys nor signed text have such characters, so that nothing is ever quoted.
      expect(isSessionKey(row.value)).toBe(false);
      expect(row.header).toMatch(/^sessionid="/);
    }
  });
});

function isSessionLike(value: string): boolean {
  return /^[a-z0-9]+$/.test(value);
}

describe('varyByCookie', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'Cookie'],
    ['', 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    ['Accept, Accept-Language', 'Accept, Accept-Language, Cookie'],
    ['Cookie', 'Cookie'],
    ['accept, cookie', 'accept, cookie'],
    ['*', '*'],
    ['Accept, *', '*'],
    ['Set-Cookie', 'Set-Cookie, Cookie'],
  ])('makes %j %j', (current, vary) => {
    expect(varyByCookie(current)).toBe(vary);
  });
});

describe('cacheControlFor', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'no-store'],
    ['', 'no-store'],
    ['no-store', 'no-store'],
    ['private', 'private'],
    ['private, max-age=60', 'private, max-age=60'],
    ['private="Set-Cookie"', 'no-store'],
    ['public, private="Set-Cookie"', 'private'],
    ['max-age=60', 'no-store'],
    ['no-cache', 'no-store'],
    ['public', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['PUBLIC, s-maxage=60, max-age=5', 'private, max-age=5'],
    ['s-maxage=60', 'private'],
  ])('makes %j %j', (current, after) => {
    expect(cacheControlFor(current)).toBe(after);
  });
});
