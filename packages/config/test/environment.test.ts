import { describe, expect, it } from '@jest/globals';
import { overlayEnvironment } from '../src/environment.ts';

describe('overlayEnvironment', () => {
  it('names variables after the path of their setting', () => {
    const environment = {
      SESSION_ENGINE: 'db',
      SESSION_DB_URL: 'sqlite:./x.sqlite3',
      SESSION_COOKIE_NAME: 'shop',
      SESSION_COOKIE_AGE: '3600',
      SESSION_COOKIE_DOMAIN: 'example.com',
      SESSION_COOKIE_PATH: '/shop',
      SESSION_COOKIE_SECURE: 'true',
      SESSION_COOKIE_HTTP_ONLY: '0',
      SESSION_COOKIE_SAME_SITE: 'strict',
      SESSION_EXPIRE_AT_BROWSER_CLOSE: 'yes',
      SESSION_IDLE_TIMEOUT: '0.5',
      SESSION_OPERATION_TIMEOUT_MS: ' 250 ',
      SESSION_TIME_ZONE: 'Europe/Berlin',
      SESSION_DJANGO: '3.2',
      SESSION_DJANGO_CACHE_URL: 'redis://cache',
      SESSION_DJANGO_CACHE_KEY_PREFIX: 'shop',
      SESSION_BIG_INTS: 'true',
      SESSION_ON_UNAVAILABLE: 'anonymous',
      SECRET_KEY: 'a secret',
      SECRET_KEY_FALLBACKS: 'older, oldest,',
    };
    expect(overlayEnvironment({}, environment)).toEqual({
      engine: 'db',
      db: { url: 'sqlite:./x.sqlite3' },
      cookie: {
        name: 'shop',
        age: 3600,
        domain: 'example.com',
        path: '/shop',
        secure: true,
        httpOnly: false,
        sameSite: 'Strict',
      },
      expireAtBrowserClose: true,
      idleTimeout: 0.5,
      operationTimeoutMs: 250,
      timeZone: 'Europe/Berlin',
      django: '3.2',
      djangoCache: { url: 'redis://cache', keyPrefix: 'shop' },
      bigInts: true,
      onUnavailable: 'anonymous',
      secretKey: 'a secret',
      secretKeyFallbacks: ['older', 'oldest'],
    });
  });

  it("knows Django's spelling of the cookie's variables", () => {
    const environment = { SESSION_COOKIE_HTTPONLY: 'False', SESSION_COOKIE_SAMESITE: 'False' };
    expect(overlayEnvironment({}, environment)).toEqual({
      cookie: { httpOnly: false, sameSite: false },
    });
  });

  it('takes an empty variable for one that is not set', () => {
    const environment = { SESSION_COOKIE_DOMAIN: '', SECRET_KEY: '', SESSION_IDLE_TIMEOUT: '' };
    expect(overlayEnvironment({ secretKey: 'kept' }, environment)).toEqual({ secretKey: 'kept' });
  });

  it('leaves alone what has no setting, and what has no text form', () => {
    const environment = {
      SESSION_FLAVOUR: 'mint',
      SESSION_SERIALIZER: 'x',
      SESSION_NOW: 'x',
      HOME: '/',
    };
    expect(overlayEnvironment({}, environment)).toEqual({});
  });

  it('does not change the object that it overlays', () => {
    const config = { cookie: { name: 'shop' } };
    overlayEnvironment(config, { SESSION_COOKIE_NAME: 'other' });
    expect(config).toEqual({ cookie: { name: 'shop' } });
  });

  it.each([
    ['SESSION_COOKIE_AGE', 'two weeks', 'a number'],
    ['SESSION_COOKIE_AGE', '1e3', 'a number'],
    ['SESSION_COOKIE_SECURE', 'maybe', 'true or false'],
    ['SESSION_COOKIE_SAME_SITE', 'loose', '"Lax", "Strict", "None" or false'],
    ['SESSION_COOKIE_SAMESITE', 'loose', '"Lax", "Strict", "None" or false'],
    ['SESSION_DJANGO', '4.2', '"3.2"'],
    ['SESSION_ON_INTERRUPTED', 'ignore', '"error" or "discard"'],
  ])('refuses %s=%s', (variable, text, expected) => {
    expect(() => overlayEnvironment({}, { [variable]: text })).toThrow(
      `The environment variable ${variable} must be ${expected}; correct it or leave it out.`,
    );
  });
});
