import { inspect } from 'node:util';
import {
  createSessions,
  ImproperlyConfigured,
  type SessionsOptions,
  settingsOf,
} from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { SECRET_KEY } from './support/sqlite-sessions.ts';

const { now } = createClock();
const create = (options: object = {}) =>
  createSessions({
    backend: new MemoryBackend({ now }),
    secretKey: SECRET_KEY,
    ...options,
  } as SessionsOptions);

describe('the settings', () => {
  it("have Django's defaults", () => {
    expect(create().settings).toMatchObject({
      secretKey: SECRET_KEY,
      secretKeyFallbacks: [],
      cookie: { name: 'sessionid', age: 1_209_600, path: '/', httpOnly: true, sameSite: 'Lax' },
      expireAtBrowserClose: false,
      saveEveryRequest: false,
      idleTimeout: undefined,
      absoluteTimeout: undefined,
      hashKeys: false,
      timeZone: undefined,
      django: undefined,
      bigInts: false,
      operationTimeoutMs: 1000,
      maxDataBytes: 65_536,
      maxDepth: 64,
      maxEntries: 10_000,
      onInterrupted: 'error',
      onUnavailable: 'error',
    });
  });

  it('take undefined for what is left out', () => {
    const names = Object.keys(create().settings);
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(create(options).settings).toMatchObject({ operationTimeoutMs: 1000, maxDepth: 64 });
  });

  it('renew an idle timeout every tenth of it, unless told otherwise', () => {
    expect(create({ idleTimeout: 600 }).settings.touchEvery).toBe(60);
    expect(create({ idleTimeout: 600, touchEvery: 5 }).settings.touchEvery).toBe(5);
  });

  it('are a copy that the application cannot change afterwards', () => {
    const fallbacks = ['former'];
    const { settings } = create({ secretKeyFallbacks: fallbacks });
    fallbacks.push('another');
    expect(settings.secretKeyFallbacks).toEqual(['former']);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it.each<[string, object, RegExp]>([
    ['an unknown name', { secret: 'x' }, /no setting secret; see docs\/settings\.md/],
    ['a cookie that is none', { cookie: 5 }, /^cookie must be an object/],
    ['an unknown cookie option', { cookie: { ttl: 5 } }, /^cookie\.ttl does not exist/],
    [
      'fallbacks that are no list',
      { secretKeyFallbacks: 'x' },
      /^secretKeyFallbacks must be a list/,
    ],
    ['an empty fallback', { secretKeyFallbacks: [''] }, /^secretKeyFallbacks must be a list/],
    [
      'a serializer without loads',
      { serializer: { dumps: () => '' } },
      /^serializer must have two/,
    ],
    ['a serializer that is null', { serializer: null }, /^serializer must have two/],
    ['an unknown time zone', { timeZone: 'Mars/Olympus' }, /^timeZone must be the name/],
    ['a time zone that is no text', { timeZone: 5 }, /^timeZone must be the name/],
    [
      'a Django without a form of its own',
      { django: '4.2' },
      /^django must be '3\.2' where a Django/,
    ],
    ['a Django that is a number', { django: 3.2 }, /^django must be '3\.2' .*, not 3\.2\.$/],
    ['BigInts that are no flag', { bigInts: 'yes' }, /^bigInts must be true or false/],
    ['a clock that is a Date', { now: new Date() }, /^now must be a function/],
    [
      'a flag that is text',
      { expireAtBrowserClose: 'yes' },
      /^expireAtBrowserClose must be true or false, not the text "yes"/,
    ],
    [
      'a flag that is null',
      { saveEveryRequest: null },
      /^saveEveryRequest must be true or false, not null/,
    ],
    ['a flag that is a number', { hashKeys: 1 }, /^hashKeys must be true or false, not 1/],
    [
      'a timeout of 0',
      { idleTimeout: 0 },
      /^idleTimeout must be a positive number of seconds, not 0/,
    ],
    [
      'a timeout that is text',
      { absoluteTimeout: '60' },
      /^absoluteTimeout must be a positive number of seconds, not the text "60"/,
    ],
    [
      'a timeout that is no number',
      { operationTimeoutMs: Number.NaN },
      /^operationTimeoutMs must be a positive number, not NaN/,
    ],
    [
      'a limit without end',
      { maxDataBytes: Number.POSITIVE_INFINITY },
      /^maxDataBytes must be a positive number, not Infinity/,
    ],
    ['a negative limit', { maxDepth: -1 }, /^maxDepth must be a positive number/],
    [
      'a limit that is an object',
      { maxEntries: {} },
      /^maxEntries must be a positive number, not a value of type object/,
    ],
    [
      'a timeout beyond those that Node has',
      { operationTimeoutMs: 3e9 },
      /^operationTimeoutMs must be a positive number, 2147483647 at most, not 3000000000/,
    ],
    [
      'a timeout beyond what dates have',
      { idleTimeout: 1e300 },
      /^idleTimeout must be a positive number of seconds, 315360000000 at most, not 1e\+300/,
    ],
    [
      'an age beyond what dates have',
      { cookie: { age: 1e300 } },
      /^cookie\.age must be a number of seconds/,
    ],
    [
      'renewals as rare as the timeout itself',
      { idleTimeout: 60, touchEvery: 60 },
      /^touchEvery must be less than idleTimeout/,
    ],
    [
      'renewals rarer than the timeout',
      { idleTimeout: 60, touchEvery: 61 },
      /^touchEvery must be less than idleTimeout/,
    ],
    ['renewals of no timeout', { touchEvery: 5 }, /^touchEvery must be less than idleTimeout/],
    [
      'a depth that is a fraction',
      { maxDepth: 0.5 },
      /^maxDepth must be a positive whole number, not 0\.5/,
    ],
    [
      'a depth that no parser has',
      { maxDepth: 5000 },
      /^maxDepth must be a positive number, 1000 at most, not 5000/,
    ],
    [
      'entries that are a fraction',
      { maxEntries: 1.5 },
      /^maxEntries must be a positive whole number, not 1\.5/,
    ],
    [
      'a weak secret allowed by text',
      { secretKey: 'weak', allowWeakSecret: 'false' },
      /^allowWeakSecret must be true or false, not the text "false"/,
    ],
    [
      'a weak secret allowed by a number',
      { secretKey: 'weak', allowWeakSecret: 1 },
      /^allowWeakSecret must be true or false, not 1/,
    ],
    [
      'an unknown choice',
      { onInterrupted: 'ignore' },
      /^onInterrupted must be 'error' or 'discard', not the text "ignore"/,
    ],
    [
      'another unknown choice',
      { onUnavailable: false },
      /^onUnavailable must be 'error' or 'anonymous', not false/,
    ],
  ])('refuse %s', (_, options, message) => {
    expect(() => create(options)).toThrow(ImproperlyConfigured);
    expect(() => create(options)).toThrow(message);
    // One sentence.
    expect(() => create(options)).toThrow(/^[^\n]{10,300}\.$/);
  });

  it('refuse a backend that is none, naming what it lacks', () => {
    for (const backend of [undefined, null, {}, 'db', () => {}]) {
      expect(() => create({ backend })).toThrow(
        /^backend must be a session backend.*; load is missing/,
      );
    }
    const halfway = Object.assign(new MemoryBackend({ now }), { encoding: undefined });
    expect(() => create({ backend: halfway })).toThrow(/; encoding is missing/);
    for (const answers of [undefined, 'soon', true]) {
      const mute = Object.assign(new MemoryBackend({ now }), { answers });
      expect(() => create({ backend: mute })).toThrow(/^backend must say how it answers: /);
    }
  });

  it('refuse to be nothing', () => {
    for (const options of [undefined, null, 'x']) {
      expect(() => createSessions(options as unknown as SessionsOptions)).toThrow(
        ImproperlyConfigured,
      );
    }
  });
});

describe('the secret key', () => {
  it.each<[string, unknown, RegExp]>([
    ['is missing', undefined, /must not be empty/],
    ['is empty', '', /must not be empty/],
    ['is no text', 5, /must not be empty/],
    ['is short', 'Zx8!kQ2$mW5', /has fewer than 32 characters/],
    ['has few distinct characters', 'abcd'.repeat(20), /has fewer than 5 distinct characters/],
    ['is a placeholder', 'please-change-me-please-change-me', /looks like a placeholder/],
    [
      'is of a new Django project',
      `django-insecure-${'x7q'.repeat(12)}9z`,
      /looks like a placeholder/,
    ],
    ['is of a tutorial', 'keyboard cat and thirty more letters', /looks like a placeholder/],
  ])('is refused when it %s, with a command that makes one', (_, secretKey, message) => {
    const start = () => create({ secretKey });
    expect(start).toThrow(ImproperlyConfigured);
    expect(start).toThrow(message);
    expect(start).toThrow(/^secretKey \(SECRET_KEY\).*node -p/);
    if (typeof secretKey === 'string' && secretKey) expect(start).not.toThrow(secretKey);
  });

  it('may be weak where that is allowed, but not empty', () => {
    expect(create({ secretKey: 'weak', allowWeakSecret: true }).settings.secretKey).toBe('weak');
    expect(() => create({ secretKey: '', allowWeakSecret: true })).toThrow(/must not be empty/);
  });

  it('is not shown when the framework object is inspected or turned into JSON', () => {
    const fallback = 'former-only-for-tests-V7q2Lr9Xw4Zt';
    const sessions = create({ secretKeyFallbacks: [fallback] });
    const session = sessions.open();
    for (const value of [
      sessions,
      sessions.settings,
      sessions.events,
      session,
      settingsOf(session),
      { ...settingsOf(session) },
    ]) {
      const shown = inspect(value, { depth: Infinity }) + JSON.stringify(value);
      expect(shown).not.toContain(SECRET_KEY);
      expect(shown).not.toContain(fallback);
    }
  });
});

describe('the settings of a session', () => {
  it('are those that it was opened with, secrets included', () => {
    const sessions = create({ secretKeyFallbacks: ['former'], django: '3.2', now });
    const settings = settingsOf(sessions.open());
    expect(settings).toBe(sessions.settings);
    expect(settings.secretKey).toBe(SECRET_KEY);
    expect(settings.secretKeyFallbacks).toEqual(['former']);
    expect(settings.django).toBe('3.2');
    expect(settings.now()).toEqual(now());
  });

  it('are known of a session that is not loaded', () => {
    const sessions = create();
    expect(settingsOf(sessions.open('k'.repeat(32)))).toBe(sessions.settings);
  });

  it('are nothing that another object has', () => {
    expect(() => settingsOf({} as ReturnType<ReturnType<typeof create>['open']>)).toThrow(
      TypeError,
    );
  });
});
