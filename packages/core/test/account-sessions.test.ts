import {
  BackendUnavailable,
  createSessions,
  ImproperlyConfigured,
  type Sessions,
} from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  type Options,
  SECRET_KEY,
} from './support/sqlite-sessions.ts';

const account = { account: true } as const;

/** A session of the account, stored. */
async function logIn(
  sessions: Sessions<Entries>,
  user: string,
  more: Record<string, unknown> = {},
) {
  const session = sessions.open();
  session.update({ _auth_user_id: user, ...more });
  await session.save();
  return session;
}

describe('sessions.of(account)', () => {
  it('lists the live sessions of the account and of nobody else, the one seen last first', async () => {
    const { sessions, clock } = memorySessions(account);
    await logIn(sessions, '7');
    clock.advance(5);
    const second = await logIn(sessions, '7');
    await logIn(sessions, '8');
    const anonymous = sessions.open();
    anonymous.set('cart', []);
    await anonymous.save();
    const list = await sessions.of(7).list(second.sessionKey);
    expect(list.map(({ isCurrent }) => isCurrent)).toEqual([true, false]);
    expect(list[0]).toEqual({
      handle: expect.stringMatching(/^[\w-]{22}$/),
      isCurrent: true,
      createdAt: clock.now(),
      lastSeenAt: clock.now(),
      expiresAt: second.getExpiryDate(),
      address: null,
      userAgent: null,
    });
    expect(JSON.stringify(list)).not.toContain(String(second.sessionKey));
    expect(await sessions.of('9').list()).toEqual([]);
  });

  it('ends one by its handle', async () => {
    const { sessions } = memorySessions(account);
    const first = await logIn(sessions, '7');
    const second = await logIn(sessions, '7');
    const [one] = (await sessions.of('7').list(first.sessionKey)).filter((s) => !s.isCurrent);
    expect(await sessions.of('8').revoke(String(one?.handle))).toBe(false);
    expect(await sessions.of('7').revoke(String(one?.handle))).toBe(true);
    expect(await sessions.of('7').revoke(String(one?.handle))).toBe(false);
    expect(await sessions.exists(String(second.sessionKey))).toBe(false);
    expect(await sessions.exists(String(first.sessionKey))).toBe(true);
  });

  it('ends all others, and all', async () => {
    const { sessions } = memorySessions(account);
    const mine = await logIn(sessions, '7');
    const others = [await logIn(sessions, '7'), await logIn(sessions, '7')];
    expect(await sessions.of('7').revokeOthers(mine.sessionKey)).toBe(2);
    for (const other of others) expect(await sessions.exists(String(other.sessionKey))).toBe(false);
    expect(await sessions.exists(String(mine.sessionKey))).toBe(true);
    expect(await sessions.of('7').revokeAll()).toBe(1);
    expect(await sessions.of('7').list()).toEqual([]);
  });

  it('interrupts a request whose session is ended meanwhile', async () => {
    const { sessions } = memorySessions(account);
    const slow = await logIn(sessions, '7');
    slow.set('late', true);
    await sessions.of('7').revokeAll();
    await expect(slow.save()).rejects.toThrow('deleted before the request completed');
    expect(await sessions.exists(String(slow.sessionKey))).toBe(false);
  });

  it('follows a session to its new key, and forgets it when it is logged out', async () => {
    const { sessions } = memorySessions(account);
    const session = await logIn(sessions, '7');
    const [before] = await sessions.of('7').list();
    await session.cycleKey();
    const after = await sessions.of('7').list(session.sessionKey);
    expect(after).toHaveLength(1);
    expect(after[0]).toMatchObject({ isCurrent: true });
    expect(after[0]?.handle).not.toBe(before?.handle);
    await session.flush();
    expect(await sessions.of('7').list()).toEqual([]);
  });

  it('moves a session with its login to another account', async () => {
    const { sessions, clock } = memorySessions(account);
    const session = await logIn(sessions, '7');
    clock.advance(10);
    session.set('_auth_user_id', '8');
    await session.save();
    expect(await sessions.of('7').list()).toEqual([]);
    expect(await sessions.of('8').list()).toMatchObject([{ createdAt: clock.now() }]);
    session.delete('_auth_user_id');
    await session.save();
    expect(await sessions.of('8').list()).toEqual([]);
  });

  it('misses none of the sessions that are cycled while all are ended', async () => {
    const { sessions } = memorySessions(account);
    for (let trial = 0; trial < 30; trial += 1) {
      const logins = await Promise.all([1, 2, 3, 4].map(() => logIn(sessions, '7')));
      const cycles = logins.map((session) => session.cycleKey());
      await sessions.of('7').revokeAll();
      await Promise.allSettled(cycles);
      await sessions.of('7').revokeAll();
      for (const { sessionKey } of logins) {
        expect(sessionKey && (await sessions.exists(sessionKey))).toBeFalsy();
      }
    }
  });

  it('knows what the visitor said, cut and on one line, and when the session was seen', async () => {
    const { sessions, clock } = memorySessions(account);
    const response = { headersSent: false, getHeader: () => undefined, setHeader: () => {} };
    const client = { address: '::1', userAgent: `Brow\nser${'x'.repeat(300)}` };
    const http = sessions.openForRequest(undefined, response, { client });
    await http.begin();
    http.session.set('_auth_user_id', '7');
    await http.finish(200);
    const createdAt = clock.now();
    clock.advance(60);
    const later = sessions.open(http.session.sessionKey);
    later.set('a', 1);
    await later.save();
    expect(await sessions.of('7').list()).toMatchObject([
      {
        createdAt,
        lastSeenAt: clock.now(),
        address: '::1',
        userAgent: `Brow ser${'x'.repeat(192)}`,
      },
    ]);
  });

  it('costs a note per minute, not per write', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const backend = sqliteBackend({ path: ':memory:', now: () => now });
    let notes = 0;
    const { note } = backend;
    backend.note = (given) => {
      notes += 1;
      return note.call(backend, given);
    };
    const sessions = createSessions<Record<string, unknown>>({
      ...{ backend, secretKey: SECRET_KEY, now: () => now },
      ...account,
    });
    const session = await logIn(sessions, '7');
    for (let n = 0; n < 10; n += 1) {
      session.set('n', n);
      await session.save();
    }
    expect(notes).toBe(1);
    now = new Date(now.getTime() + 60_000);
    session.set('n', -1);
    await session.save();
    expect(notes).toBe(2);
  });

  it.each([
    ['was refused', new Error('down')],
    ['may have been made', new BackendUnavailable('The connection was lost.', { ambiguous: true })],
  ])('stores nothing that nobody could find: where the note %s, no session', async (_, failure) => {
    const backend = sqliteBackend({ path: ':memory:' });
    backend.note = () => Promise.reject(failure);
    const sessions = createSessions<Record<string, unknown>>({
      ...{ backend, secretKey: SECRET_KEY },
      ...account,
    });
    await expect(logIn(sessions, '7')).rejects.toMatchObject({
      name: 'BackendUnavailable',
      ambiguous: false,
    });
    expect(await backend.clearExpired({ dryRun: true, expiresAt: new Date(4e12) })).toBe(0);
  });

  it('takes a function, with hashed keys too', async () => {
    const options: Options = {
      account: (entries) => (entries.get('passport') as { user?: number } | undefined)?.user,
      hashKeys: true,
    };
    const { clock } = memorySessions();
    const sessions = createSessions<Record<string, unknown>>({
      backend: sqliteBackend({ path: ':memory:', hashKeys: true, now: clock.now }),
      secretKey: SECRET_KEY,
      now: clock.now,
      ...options,
    });
    const session = sessions.open();
    session.set('passport', { user: 9 });
    await session.save();
    expect(await sessions.of(9).list(session.sessionKey)).toMatchObject([{ isCurrent: true }]);
    expect(await sessions.of(9).revokeOthers(session.sessionKey)).toBe(0);
    expect(await sessions.of(9).revokeAll()).toBe(1);
    expect(await sessions.exists(String(session.sessionKey))).toBe(false);
  });

  it.each(['', 'x'.repeat(256), 1.5, Number.NaN, 2 ** 60, '\0', '\ud800', {}, null])(
    'refuses %j as an account',
    (value) => {
      expect(() => memorySessions(account).sessions.of(value as string)).toThrow(TypeError);
    },
  );

  it.each([
    ['', null],
    [1.5, null],
    [2 ** 60, null],
    ['x'.repeat(256), null],
    [7, '7'],
    ['7', '7'],
  ])('stores a session whose _auth_user_id is %j, whoever wrote it', async (id, found) => {
    const { sessions } = memorySessions(account);
    await logIn(sessions, id as string);
    expect(found === null || (await sessions.of(found).list()).length === 1).toBe(true);
  });

  it('says what is missing', () => {
    expect(() => memorySessions().sessions.of('7')).toThrow('needs the setting account');
    const create = (backend: MemoryBackend, setting: unknown) =>
      createSessions({ backend, secretKey: SECRET_KEY, account: setting as true });
    const backend = new MemoryBackend({ now: () => new Date() });
    expect(() => create(backend, true)).toThrow(ImproperlyConfigured);
    expect(() => create(backend, true)).toThrow('account needs an engine that can list');
    expect(() => create(backend, 'user')).toThrow("account must be true, for Django's user");
  });

  it('drops what is left of ended sessions, but not at once: a session may be about to be stored', async () => {
    const { sessions, clock, backend } = memorySessions({ ...account, cookie: { age: 100 } });
    await logIn(sessions, '7');
    clock.advance(101);
    expect(await sessions.clearExpired()).toBe(1);
    const index = backend as ReturnType<typeof sqliteBackend>;
    expect(await index.noted('7')).toHaveLength(0);
    await index.note({
      ...{ key: 'a'.repeat(32), account: '7', seenAt: clock.now(), expiresAt: clock.now() },
      ...{ address: null, userAgent: null },
    });
    expect(await sessions.of('7').list()).toEqual([]);
    await sessions.clearExpired();
    expect(await index.noted('7')).toHaveLength(1);
    clock.advance(61);
    expect(await sessions.of('7').list()).toEqual([]);
    expect(await index.noted('7')).toHaveLength(0);
  });
});
