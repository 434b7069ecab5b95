import {
  createSessions,
  type SessionBackend,
  type SessionsOptions,
  TimestampSigner,
  UpdateError,
} from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, createClock } from './clock.ts';
import { SECRET_KEY } from './sqlite-sessions.ts';

/** The 37 tests that every store shares; Django: `SessionTestsMixin`. */
export type DjangoSessionTest =
  | 'test_new_session'
  | 'test_get_empty'
  | 'test_store'
  | 'test_pop'
  | 'test_pop_default'
  | 'test_pop_default_named_argument'
  | 'test_pop_no_default_keyerror_raised'
  | 'test_setdefault'
  | 'test_update'
  | 'test_has_key'
  | 'test_values'
  | 'test_keys'
  | 'test_items'
  | 'test_clear'
  | 'test_save'
  | 'test_delete'
  | 'test_flush'
  | 'test_cycle'
  | 'test_cycle_with_no_session_cache'
  | 'test_save_doesnt_clear_data'
  | 'test_invalid_key'
  | 'test_session_key_empty_string_invalid'
  | 'test_session_key_too_short_invalid'
  | 'test_session_key_valid_string_saved'
  | 'test_session_key_is_read_only'
  | 'test_default_expiry'
  | 'test_custom_expiry_seconds'
  | 'test_custom_expiry_timedelta'
  | 'test_custom_expiry_datetime'
  | 'test_custom_expiry_reset'
  | 'test_get_expire_at_browser_close'
  | 'test_decode'
  | 'test_decode_failure_logged_to_security'
  | 'test_decode_serializer_exception'
  | 'test_actual_expiry'
  | 'test_session_load_does_not_create_record'
  | 'test_session_save_does_not_resurrect_session_logged_out_in_other_context';

/** What a backend may ask for. */
export interface DjangoSessionContext {
  readonly now: () => Date;
}

/** What is different for one backend. */
export interface DjangoSessionOverrides {
  /** Tests that cannot apply, each with the reason. */
  readonly skip?: Partial<Record<DjangoSessionTest, string>>;
  readonly settings?: Partial<Omit<SessionsOptions, 'backend'>>;
  /** Seconds; Django's custom model overrides `get_session_cookie_age`. @default 1209600 */
  readonly cookieAge?: number;
}

type Entries = Record<string, unknown>;

/**
 * Django's tests of a session store (`sessions_tests`, `SessionTestsMixin`), under their own names, for one backend.
 * Where Django has an asynchronous twin both are one here; a KeyError is `undefined` or `false`.
 *
 * @param createBackend makes an empty place for one test.
 */
export function describeDjangoSessionTests(
  name: string,
  createBackend: (context: DjangoSessionContext) => SessionBackend,
  { skip = {}, settings = {}, cookieAge = 1_209_600 }: DjangoSessionOverrides = {},
): void {
  describe(`Django's session tests on ${name}`, () => {
    let clock: Clock;
    let backend: SessionBackend;
    const create = (more: typeof settings = {}) =>
      createSessions<Entries>({
        backend,
        secretKey: SECRET_KEY,
        now: clock.now,
        ...settings,
        ...more,
      });
    const open = async (key: string | null = null, more: typeof settings = {}) => {
      const session = create(more).open(key);
      await session.load();
      return session;
    };
    /** As the store encodes JSON, be it right or wrong. */
    const encode = (json: string): string =>
      backend.encoding === 'serialized'
        ? json
        : new TimestampSigner({ key: SECRET_KEY, salt: backend.encoding.salt }).signText(json, {
            compress: false,
            now: clock.now(),
          });
    const put = async (key: string, data: string): Promise<void> => {
      const expiresAt = new Date(clock.now().getTime() + 1_000_000);
      await backend.create({ key, data, expiresAt, attributes: {} });
    };
    const test = (title: DjangoSessionTest, run: () => Promise<void>, departure = ''): void => {
      const reason = skip[title];
      if (reason === undefined) it(`${title}${departure && `: ${departure}`}`, run);
      else it.skip(`${title}: ${reason}`, run);
    };

    beforeEach(() => {
      clock = createClock();
      backend = createBackend({ now: clock.now });
    });
    afterEach(() => backend.close());

    test('test_new_session', async () => {
      const session = await open();
      expect(session.modified).toBe(false);
      expect(session.accessed).toBe(false);
    });

    test('test_get_empty', async () => {
      expect((await open()).get('cat')).toBeUndefined();
    });

    test('test_store', async () => {
      const session = await open();
      session.set('cat', 'dog');
      expect(session.modified).toBe(true);
      expect(session.pop('cat')).toBe('dog');
    });

    /** A store with an entry, as if nothing had been done with it yet. */
    const withEntry = async () => {
      const session = await open();
      session.set('some key', 'exists');
      await session.save();
      return open(session.sessionKey);
    };

    test('test_pop', async () => {
      const session = await withEntry();
      expect(session.accessed).toBe(false);
      expect(session.modified).toBe(false);
      expect(session.pop('some key')).toBe('exists');
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(true);
      expect(session.get('some key')).toBeUndefined();
    });

    test('test_pop_default', async () => {
      const session = await open();
      expect(session.pop('some key', 'does not exist')).toBe('does not exist');
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(false);
    });

    test(
      'test_pop_default_named_argument',
      async () => {
        const session = await open();
        const options = { default: 'does not exist' };
        expect(session.pop('some key', options.default)).toBe('does not exist');
        expect(session.accessed).toBe(true);
        expect(session.modified).toBe(false);
      },
      'JavaScript names no arguments',
    );

    test(
      'test_pop_no_default_keyerror_raised',
      async () => {
        expect((await open()).pop('some key')).toBeUndefined();
      },
      'undefined instead of a KeyError',
    );

    test('test_setdefault', async () => {
      const session = await open();
      expect(session.setDefault('foo', 'bar')).toBe('bar');
      expect(session.setDefault('foo', 'baz')).toBe('bar');
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(true);
    });

    test('test_update', async () => {
      const session = await open();
      session.update({ 'update key': 1 });
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(true);
      expect(session.get('update key')).toBe(1);
    });

    test('test_has_key', async () => {
      const session = await withEntry();
      expect(session.has('some key')).toBe(true);
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(false);
    });

    test('test_values', async () => {
      const empty = await open();
      expect(empty.values()).toEqual([]);
      expect(empty.accessed).toBe(true);
      const session = await withEntry();
      expect(session.values()).toEqual(['exists']);
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(false);
    });

    test('test_keys', async () => {
      const session = await withEntry();
      expect(session.keys()).toEqual(['some key']);
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(false);
    });

    test('test_items', async () => {
      const session = await withEntry();
      expect(session.entries()).toEqual([['some key', 'exists']]);
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(false);
    });

    test('test_clear', async () => {
      const session = await withEntry();
      expect(session.accessed).toBe(false);
      expect(session.modified).toBe(false);
      session.clear();
      expect(session.entries()).toEqual([]);
      expect(session.accessed).toBe(true);
      expect(session.modified).toBe(true);
    });

    test('test_save', async () => {
      const session = await open();
      await session.save();
      expect(await create().exists(String(session.sessionKey))).toBe(true);
    });

    test('test_delete', async () => {
      const session = await open();
      await session.save();
      const key = String(session.sessionKey);
      expect(await create().delete(key)).toBe(true);
      expect(await create().exists(key)).toBe(false);
    });

    test('test_flush', async () => {
      const session = await open();
      session.set('foo', 'bar');
      await session.save();
      const key = String(session.sessionKey);
      await session.flush();
      expect(await create().exists(key)).toBe(false);
      expect(session.sessionKey).toBeNull();
      expect(session.get('foo')).toBeUndefined();
      expect(session.modified).toBe(true);
      expect(session.accessed).toBe(true);
    });

    test('test_cycle', async () => {
      const session = await open();
      session.update({ a: 'c', b: 'd' });
      await session.save();
      const key = String(session.sessionKey);
      const entries = session.entries();
      await session.cycleKey();
      expect(await create().exists(key)).toBe(false);
      expect(session.sessionKey).not.toBe(key);
      expect(session.entries()).toEqual(entries);
      expect((await open(session.sessionKey)).entries()).toEqual(entries);
    });

    test('test_cycle_with_no_session_cache', async () => {
      const first = await open();
      first.update({ a: 'c', b: 'd' });
      await first.save();
      const entries = first.entries();
      // Neither read nor loaded.
      const session = create().open(first.sessionKey);
      await session.cycleKey();
      expect(session.entries()).toEqual(entries);
    });

    test('test_save_doesnt_clear_data', async () => {
      const session = await open();
      session.set('a', 'b');
      await session.save();
      expect(session.get('a')).toBe('b');
    });

    test('test_invalid_key', async () => {
      const session = await open('1');
      await session.save();
      expect(session.sessionKey).not.toBe('1');
      expect(session.get('cat')).toBeUndefined();
    });

    test('test_session_key_empty_string_invalid', async () => {
      expect(create().open('').sessionKey).toBeNull();
    });

    test('test_session_key_too_short_invalid', async () => {
      expect(create().open('1234567').sessionKey).toBeNull();
    });

    test(
      'test_session_key_valid_string_saved',
      async () => {
        const key = '0123456789abcdefghijklmnopqrstuv';
        expect(create().open('12345678').sessionKey).toBeNull();
        expect(create().open(key).sessionKey).toBe(key);
      },
      'departure, 32 characters of a-z0-9 and not any 8',
    );

    test('test_session_key_is_read_only', async () => {
      const session = await open();
      expect(() => {
        (session as { sessionKey: string | null }).sessionKey = 'a'.repeat(32);
      }).toThrow(TypeError);
      expect(session.sessionKey).toBeNull();
    });

    test('test_default_expiry', async () => {
      const session = await open();
      expect(session.getExpiryAge()).toBe(cookieAge);
      session.setExpiry(0);
      expect(session.getExpiryAge()).toBe(cookieAge);
    });

    test('test_custom_expiry_seconds', async () => {
      const modification = clock.now();
      const session = await open();
      session.setExpiry(10);
      expect(session.getExpiryDate({ modification })).toEqual(secondsFrom(modification, 10));
      expect(session.getExpiryAge({ modification })).toBe(10);
    });

    test(
      'test_custom_expiry_timedelta',
      async () => {
        const modification = clock.now();
        const session = await open();
        session.setExpiry(secondsFrom(modification, 10));
        expect(session.getExpiryDate({ modification })).toEqual(secondsFrom(modification, 10));
        expect(session.getExpiryAge({ modification })).toBe(10);
      },
      'a duration is a Date from now on',
    );

    test('test_custom_expiry_datetime', async () => {
      const modification = clock.now();
      const session = await open();
      session.setExpiry(secondsFrom(modification, 10));
      expect(session.getExpiryDate({ modification })).toEqual(secondsFrom(modification, 10));
      expect(session.getExpiryAge({ modification })).toBe(10);
    });

    test('test_custom_expiry_reset', async () => {
      const session = await open();
      session.setExpiry(null);
      session.setExpiry(10);
      session.setExpiry(null);
      expect(session.getExpiryAge()).toBe(cookieAge);
    });

    test('test_get_expire_at_browser_close', async () => {
      for (const expireAtBrowserClose of [false, true]) {
        const session = await open(null, { expireAtBrowserClose });
        session.setExpiry(10);
        expect(session.getExpireAtBrowserClose()).toBe(false);
        session.setExpiry(0);
        expect(session.getExpireAtBrowserClose()).toBe(true);
        session.setExpiry(null);
        expect(session.getExpireAtBrowserClose()).toBe(expireAtBrowserClose);
      }
    });

    test('test_decode', async () => {
      const data = { 'a test key': 'a test value' };
      await put('d'.repeat(32), encode(JSON.stringify(data)));
      expect((await open('d'.repeat(32))).entries()).toEqual(Object.entries(data));
    });

    test(
      'test_decode_failure_logged_to_security',
      async () => {
        const texts = { a: 'flaskdj:alkdjf', b: 'bad:encoded:value' };
        for (const [letter, text] of Object.entries(texts)) {
          const key = letter.repeat(32);
          await put(key, text);
          const sessions = create();
          const reasons: string[] = [];
          sessions.events.on('rejected', ({ reason }) => reasons.push(reason));
          const session = sessions.open(key);
          await session.load();
          expect(session.entries()).toEqual([]);
          expect(reasons).toEqual([backend.encoding === 'serialized' ? 'corrupt' : 'tampered']);
        }
      },
      'the event rejected is the log line',
    );

    test('test_decode_serializer_exception', async () => {
      await put('e'.repeat(32), encode('invalid data'));
      const session = await open('e'.repeat(32));
      expect(session.entries()).toEqual([]);
    });

    test('test_actual_expiry', async () => {
      const old = await open();
      old.set('foo', 'bar');
      old.setExpiry(secondsFrom(clock.now(), -10));
      await old.save();
      expect(old.sessionKey).not.toBeNull();
      expect((await open(old.sessionKey)).has('foo')).toBe(false);
    });

    test('test_session_load_does_not_create_record', async () => {
      const session = await open('z'.repeat(32));
      expect(session.get('foo')).toBeUndefined();
      expect(session.sessionKey).toBeNull();
      expect(await create().exists('z'.repeat(32))).toBe(false);
    });

    test('test_session_save_does_not_resurrect_session_logged_out_in_other_context', async () => {
      const first = await open();
      first.set('test_data', 'value1');
      await first.save();
      const key = first.sessionKey;
      const second = await open(key);
      second.set('test_data', 'value2');
      await (await open(key)).flush();
      await expect(second.save()).rejects.toBeInstanceOf(UpdateError);
      expect((await open(key)).entries()).toEqual([]);
      expect(await create().exists(String(key))).toBe(false);
    });
  });
}

function secondsFrom(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}
