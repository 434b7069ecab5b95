import { BackendUnavailable, createSessions, SessionNotLoaded } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, SECRET_KEY } from './support/sqlite-sessions.ts';

describe('a backend that answers later', () => {
  function createPlace() {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'later' });
    return { backend, sessions: createSessions<Entries>({ backend, secretKey: SECRET_KEY, now }) };
  }

  it('is not asked before load(), and everything that needs the entries throws SessionNotLoaded', async () => {
    const { backend, sessions } = createPlace();
    const first = sessions.open();
    first.set('a', 1);
    await first.save();
    backend.calls.length = 0;
    const session = sessions.open(first.sessionKey);
    const calls = [
      () => session.get('a'),
      () => session.set('a', 1),
      () => session.has('a'),
      () => session.delete('a'),
      () => session.pop('a'),
      () => session.setDefault('a', 1),
      () => session.update({}),
      () => session.keys(),
      () => session.values(),
      () => session.entries(),
      () => [...session],
      () => session.size,
      () => session.clear(),
      () => session.change('a', () => 1),
      () => session.data.a,
      () => session.setExpiry(1),
      () => session.getExpiryAge(),
      () => session.getExpireAtBrowserClose(),
      () => session.testCookieWorked(),
    ];
    for (const call of calls) expect(call).toThrow(SessionNotLoaded);
    expect(session.isEmpty()).toBe(false);
    expect([session.accessed, session.modified]).toEqual([false, false]);
    expect(backend.calls).toEqual([]);
    await session.load();
    await session.load();
    expect(backend.calls).toEqual(['load']);
    expect(session.get('a')).toBe(1);
  });

  it('is not asked for a session without a key, which is loaded from the start', () => {
    const { backend, sessions } = createPlace();
    const session = sessions.open();
    session.set('a', 1);
    expect(session.get('a')).toBe(1);
    expect(backend.calls).toEqual([]);
  });

  it('is asked once by several loads at the same time', async () => {
    const { backend, sessions } = createPlace();
    const session = sessions.open('k'.repeat(32));
    await Promise.all([session.load(), session.load(), session.load()]);
    expect(backend.calls).toEqual(['load']);
    expect(session.sessionKey).toBeNull();
    expect(session.isEmpty()).toBe(true);
  });
});

describe.each(['synchronously', 'later'] as const)('a load that failed, %s', (answers) => {
  it('is told until load() asks the backend again', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const first = sessions.open();
    await first.set('a', 1).save();
    const session = sessions.open(first.sessionKey);
    backend.before = () => {
      throw new Error('connection refused');
    };
    await expect(session.load()).rejects.toBeInstanceOf(BackendUnavailable);
    await expect(session.load()).rejects.toBeInstanceOf(BackendUnavailable);
    backend.before = () => {};
    expect(() => session.get('a')).toThrow(BackendUnavailable);
    expect(() => session.set('a', 2)).toThrow(BackendUnavailable);
    await session.load();
    expect(session.get('a')).toBe(1);
  });

  it('reads as empty where the application chose so, until load() has found the session', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers });
    const options = { secretKey: SECRET_KEY, now, onUnavailable: 'anonymous' } as const;
    const sessions = createSessions<Entries>({ backend, ...options });
    const first = sessions.open();
    await first.set('a', 1).save();
    const session = sessions.open(first.sessionKey);
    backend.before = () => {
      throw new Error('connection refused');
    };
    await session.load();
    backend.before = () => {};
    expect(session.get('a')).toBeUndefined();
    expect(() => session.set('a', 2)).toThrow(BackendUnavailable);
    await session.load();
    expect(session.get('a')).toBe(1);
    await session.set('a', 2).save();
    const after = sessions.open(first.sessionKey);
    await after.load();
    expect(after.get('a')).toBe(2);
  });
});
