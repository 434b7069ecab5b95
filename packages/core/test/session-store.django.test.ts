import { createSessions, ImproperlyConfigured, type SessionBackend } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { describeDjangoSessionTests } from './support/django-session-tests.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { memorySessions, SECRET_KEY } from './support/sqlite-sessions.ts';

describeDjangoSessionTests('SQLite in memory', ({ now }) =>
  sqliteBackend({ path: ':memory:', now }),
);

describeDjangoSessionTests(
  'a backend that answers later',
  ({ now }) => new MemoryBackend({ now, answers: 'later' }),
);

describeDjangoSessionTests(
  'a backend that keeps serialized data, with a cookie age of one day',
  ({ now }) => new MemoryBackend({ now, encoding: 'serialized' }),
  { settings: { cookie: { age: 86_400 } }, cookieAge: 86_400 },
);

describe("Django's SessionBaseTests", () => {
  const methods = {
    test_create: ['create'],
    test_delete: ['delete'],
    test_exists: ['load'],
    test_load: ['load'],
    test_save: ['update', 'touch'],
  };

  for (const [title, names] of Object.entries(methods)) {
    it(`${title} and its asynchronous twin: a backend without ${names.join(' or ')} is refused by name`, () => {
      for (const name of names) {
        const backend: Partial<SessionBackend> = new MemoryBackend({ now: createClock().now });
        Object.defineProperty(backend, name, { value: undefined });
        const create = () =>
          createSessions({ backend: backend as SessionBackend, secretKey: SECRET_KEY });
        expect(create).toThrow(ImproperlyConfigured);
        expect(create).toThrow(`; ${name} is missing`);
      }
    });
  }

  it('test_test_cookie and test_atest_cookie', () => {
    const session = memorySessions().sessions.open();
    expect(session.has('testcookie')).toBe(false);
    session.setTestCookie();
    expect(session.testCookieWorked()).toBe(true);
    session.deleteTestCookie();
    expect(session.has('testcookie')).toBe(false);
  });

  it('test_is_empty', () => {
    expect(memorySessions().sessions.open().isEmpty()).toBe(true);
  });

  it('test_bool: isEmpty() instead, since every JavaScript object is truthy', async () => {
    const { sessions } = memorySessions();
    const session = sessions.open();
    expect(session.isEmpty()).toBe(true);
    session.set('foo', 'bar');
    expect(session.isEmpty()).toBe(false);
    session.clear();
    await session.save();
    expect(session.isEmpty()).toBe(false);
    expect(sessions.open(session.sessionKey).isEmpty()).toBe(false);
  });
});
