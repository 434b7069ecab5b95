import { TimestampSigner } from '@coatcheck/core';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { describe, expect, it } from '@jest/globals';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { cookieSessions, SECRET_KEY } from './support/cookie-site.ts';

const OVERRIDDEN = 'the key is the session itself; overridden below';

describeDjangoSessionTests('signed cookies', () => signedCookiesBackend(), {
  skip: {
    test_save: OVERRIDDEN,
    test_delete: OVERRIDDEN,
    test_cycle: OVERRIDDEN,
    test_session_key_valid_string_saved: OVERRIDDEN,
    test_decode: OVERRIDDEN,
    test_decode_failure_logged_to_security: OVERRIDDEN,
    test_decode_serializer_exception: OVERRIDDEN,
    test_session_save_does_not_resurrect_session_logged_out_in_other_context:
      'cookies cannot be revoked, and Django skips it',
  },
});

/** A cookie with this text inside, signed as the engine does. */
function signed(text: string, now: Date): string {
  const salt = signedCookiesBackend().encoding.salt;
  return new TimestampSigner({ key: SECRET_KEY, salt }).signText(text, { compress: false, now });
}

describe("Django's CookieSessionTests", () => {
  it('test_save: nothing exists after it but the cookie', async () => {
    const { sessions, cookieOf, read } = cookieSessions();
    const cookie = await cookieOf({ cat: 'dog' });
    expect(await sessions.exists(cookie)).toBe(false);
    expect(read(cookie)).toEqual({ cat: 'dog' });
  });

  it('test_delete: there is nothing to delete', async () => {
    const { sessions, cookieOf } = cookieSessions();
    const cookie = await cookieOf({ cat: 'dog' });
    expect(await sessions.delete(cookie)).toBe(false);
    expect(await sessions.exists(cookie)).toBe(false);
  });

  it('test_cycle: a new signature, and the same entries', async () => {
    const { sessions, cookieOf, clock, read } = cookieSessions();
    const cookie = await cookieOf({ a: 'c', b: 'd' });
    clock.now += 1;
    const session = sessions.open(cookie);
    await session.cycleKey();
    expect(session.sessionKey).not.toBe(cookie);
    expect(read(String(session.sessionKey))).toEqual({ a: 'c', b: 'd' });
  });

  it('test_session_key_valid_string_saved', () => {
    expect(cookieSessions().sessions.open('12345678').sessionKey).toBe('12345678');
  });

  it('test_decode', () => {
    const { sessions, read } = cookieSessions();
    const cookie = signed('{"a test key":"a test value"}', sessions.settings.now());
    expect(read(cookie)).toEqual({ 'a test key': 'a test value' });
  });

  it('test_decode_failure_logged_to_security: the event rejected is the log line', () => {
    const { read, rejected } = cookieSessions();
    for (const cookie of ['flaskdj:alkdjf', 'bad:encoded:value']) expect(read(cookie)).toEqual({});
    expect(rejected).toEqual(['tampered', 'tampered']);
  });

  it('test_decode_serializer_exception', () => {
    const { sessions, read, rejected } = cookieSessions();
    expect(read(signed('invalid data', sessions.settings.now()))).toEqual({});
    expect(rejected).toEqual(['corrupt']);
  });

  it('test_unpickling_exception: whatever the serializer throws, load does not', async () => {
    const { cookieOf } = cookieSessions();
    const cookie = await cookieOf({ a: 1 });
    for (const failure of [new SyntaxError('no'), new TypeError('no'), 'no']) {
      const { sessions, rejected } = cookieSessions({
        serializer: {
          dumps: String,
          loads: () => {
            throw failure;
          },
        },
      });
      const session = sessions.open(cookie);
      await session.load();
      expect(session.entries()).toEqual([]);
      expect(rejected).toEqual(['corrupt']);
    }
  });
});
