import { BackendUnavailable, createSessions, SessionClosed, type Sessions } from '@coatcheck/core';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { describe, expect, it } from '@jest/globals';
import { createClock } from '../../core/test/support/clock.ts';
import { MemoryBackend } from '../../core/test/support/memory-backend.ts';
import {
  type Entries,
  memorySessions,
  putRaw,
  SECRET_KEY,
  signed,
} from '../../core/test/support/sqlite-sessions.ts';
import {
  type AuthUser,
  getUser,
  login,
  logout,
  MODEL_BACKEND,
  sessionAuthHash,
  updateSessionAuthHash,
  userId,
  verifySessionHash,
} from '../src/auth.ts';
import { getToken, verifyCsrf } from '../src/csrf.ts';
import { ann, bob, loader } from './users.ts';

const OLD_KEY = 'test-only:former-4Wq9!zRk2LmVt8Xc6Jy1';

/** A session with these entries, as a later request opens it. */
async function stored(sessions: Sessions<Entries>, entries: Entries) {
  const session = sessions.open();
  await session.update(entries).save();
  return sessions.open(session.sessionKey);
}

/** A session in which the user is logged in, as a later request opens it. */
async function loggedIn(sessions: Sessions<Entries>, user: AuthUser) {
  const session = sessions.open();
  await login(session, user);
  return sessions.open(session.sessionKey);
}

describe('login', () => {
  it('is stored when it resolves, in one write where there was no session', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    await login(session, ann);
    expect(backend.calls).toEqual(['create']);
    const later = sessions.open(session.sessionKey);
    expect(await getUser(later, loader(ann))).toBe(ann);
    expect(later.get('_auth_user_backend')).toBe(MODEL_BACKEND);
  });

  it('begins a session where the key was cycled by a login whose response was lost', async () => {
    const { sessions } = memorySessions<Entries>();
    const { sessionKey: key } = await stored(sessions, { cart: ['lamp'] });
    const first = sessions.open(key);
    await login(first, ann);
    const again = sessions.open(key);
    await login(again, ann);
    expect(again.sessionKey).not.toBe(first.sessionKey);
    const later = sessions.open(again.sessionKey);
    expect(await getUser(later, loader(ann))).toBe(ann);
    expect(later.has('cart')).toBe(false);
    expect(sessions.open(first.sessionKey).get('cart')).toEqual(['lamp']);
    // The marker is still there for requests that log nobody in.
    const late = sessions.open(key).set('cart', []);
    await expect(late.save()).rejects.toMatchObject({ name: 'SessionInterrupted', isCycled: true });
  });

  it('logs nobody in where the session was ended meanwhile', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await stored(sessions, { cart: ['lamp'] });
    await session.load();
    await sessions.delete(String(session.sessionKey));
    const refusal = { name: 'SessionInterrupted', isCycled: false };
    await expect(login(session, ann)).rejects.toMatchObject(refusal);
    expect(userId(session)).toBeUndefined();
  });

  it('moves an anonymous session to a new key and keeps its entries', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await stored(sessions, { cart: ['lamp'] });
    const anonymousKey = String(session.sessionKey);
    await login(session, ann);
    expect(session.sessionKey).not.toBe(anonymousKey);
    expect(await sessions.exists(anonymousKey)).toBe(false);
    expect(session.get('cart')).toEqual(['lamp']);
    expect(userId(session)).toBe('1');
  });

  it('keeps the key and the entries of a user who logs in again', async () => {
    const { sessions } = memorySessions<Entries>();
    for (const user of [ann, { id: 'key-1', passwordHash: null }]) {
      const session = await loggedIn(sessions, user);
      const key = session.sessionKey;
      await session.set('cart', ['lamp']).save();
      await login(session, user);
      expect([session.sessionKey, session.get('cart')]).toEqual([key, ['lamp']]);
    }
  });

  it.each<[string, AuthUser]>([
    ['another user', bob],
    ['the same user with another password', { ...ann, passwordHash: 'changed' }],
    ['the same user without a password', { id: 1, passwordHash: null }],
  ])('ends the session of another login: %s', async (_, user) => {
    const { sessions } = memorySessions<Entries>();
    const session = await loggedIn(sessions, ann);
    const key = String(session.sessionKey);
    await session.set('cart', ['lamp']).save();
    await login(session, user);
    expect(session.has('cart')).toBe(false);
    expect(session.sessionKey).not.toBe(key);
    expect(await sessions.exists(key)).toBe(false);
    expect(userId(sessions.open(session.sessionKey))).toBe(String(user.id));
  });

  it('changes the CSRF secret, if there is one', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    const before = getToken(session);
    await session.save();
    const request = (formToken: string) => ({
      method: 'POST',
      headers: {},
      secure: false,
      formToken,
    });
    verifyCsrf(session, request(before));
    await login(session, ann);
    expect(() => verifyCsrf(session, request(before))).toThrow('incorrect');
    verifyCsrf(session, request(getToken(session)));

    const without = await loggedIn(sessions, bob);
    expect(without.has('_csrftoken')).toBe(false);
  });

  it('stores the backend path that a Django lists', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    await login(session, ann, { backend: 'shop.LdapBackend' });
    expect(await getUser(session, loader(ann))).toBeUndefined();
    expect(await getUser(session, loader(ann), { backends: ['shop.LdapBackend'] })).toBe(ann);
  });

  it.each([['', Number.NaN, 1.5, 2 ** 53, null, undefined, {}, true]])(
    'refuses an id that would be stored as something else',
    async (...ids) => {
      const { sessions } = memorySessions<Entries>();
      for (const id of ids) {
        const session = sessions.open();
        const user = { id: id as number, passwordHash: 'x' };
        await expect(login(session, user)).rejects.toThrow(/^A user's id must be text/);
        expect(session.sessionKey).toBeNull();
      }
    },
  );

  it('leaves nothing under the old key when the new one cannot be stored', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = await stored(sessions, { cart: ['lamp'] });
    backend.before = (operation) => {
      if (operation === 'create') throw new Error('no answer');
    };
    await expect(login(session, ann)).rejects.toBeInstanceOf(BackendUnavailable);
    backend.before = () => {};
    // As at the end of a request that has caught the error.
    await session.set('note', 'failed').save();
    expect(Object.fromEntries(sessions.open(session.sessionKey))).toEqual({
      cart: ['lamp'],
      note: 'failed',
    });
  });
});

describe('a user without a password column', () => {
  it('is refused, by login and on reading, unless it says so', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await loggedIn(sessions, ann);
    const forgotten = { id: 1 } as unknown as AuthUser;
    const empty = { id: 1, sessionAuthHash: '' };
    for (const user of [forgotten, empty]) {
      await expect(login(sessions.open(), user)).rejects.toThrow(/^A user must have passwordHash/);
      await expect(getUser(session, () => user)).rejects.toThrow(/^A user must have passwordHash/);
    }
    expect(userId(session)).toBe('1');
  });

  it('has no hash in the session, and verification says that there was none', async () => {
    const { sessions } = memorySessions<Entries>();
    const user = { id: 'passkey-1', passwordHash: null };
    const session = await loggedIn(sessions, user);
    expect(session.has('_auth_user_hash')).toBe(false);
    expect(verifySessionHash(session, user)).toBe('none');
    expect(await getUser(session, () => user)).toBe(user);
  });

  it('is logged out everywhere by its first password, and by the loss of its last', async () => {
    const { sessions } = memorySessions<Entries>();
    const without = await loggedIn(sessions, { id: 1, passwordHash: null });
    expect(await getUser(without, loader(ann))).toBeUndefined();
    expect(without.sessionKey).toBeNull();

    const having = await loggedIn(sessions, ann);
    expect(await getUser(having, () => ({ id: 1, passwordHash: null }))).toBeUndefined();
    expect(having.sessionKey).toBeNull();
  });

  it('may bring a hash of its own', async () => {
    const { sessions } = memorySessions<Entries>();
    const user = (sessionAuthHash: string) => ({ id: 7n, sessionAuthHash });
    const session = await loggedIn(sessions, user('3 changes'));
    expect(session.get('_auth_user_hash')).toBe('3 changes');
    expect(await getUser(session, () => user('3 changes'))).toEqual(user('3 changes'));
    expect(verifySessionHash(session, user('4 changes'))).toBe('wrong');
    expect(await getUser(session, () => user('4 changes'))).toBeUndefined();
  });
});

describe('getUser', () => {
  it('asks for the user once, and not at all where nobody is logged in', async () => {
    const { sessions } = memorySessions<Entries>();
    const load = loader(ann);
    expect(await getUser(sessions.open(), load)).toBeUndefined();
    expect(await getUser(await stored(sessions, { cart: [] }), load)).toBeUndefined();
    expect(load.calls).toEqual([]);
    const session = await loggedIn(sessions, ann);
    expect(await getUser(session, load)).toBe(ann);
    expect(load.calls).toEqual(['1']);
    expect(session.modified).toBe(false);
  });

  it('loads the session itself where the backend answers later', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'later' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = await loggedIn(sessions, ann);
    expect(await getUser(session, async (id) => loader(ann)(id))).toBe(ann);
  });

  it('takes no id that JavaScript rounds for that of somebody else', async () => {
    const { sessions, backend, clock } = memorySessions<Entries>();
    const read = async (id: string) => {
      const json = `{"_auth_user_id":${id},"_auth_user_backend":"${MODEL_BACKEND}"}`;
      const session = sessions.open(await putRaw(backend, signed(json, clock.now()), clock.now()));
      return getUser(session, (found) => ({ id: found, passwordHash: null }));
    };
    expect(await read('9007199254740991')).toMatchObject({ id: '9007199254740991' });
    expect(await read('"9007199254740993"')).toMatchObject({ id: '9007199254740993' });
    for (const id of ['9007199254740993', '1.5', 'true', 'null', '[1]', '{}', '""', 'NaN']) {
      expect(await read(id)).toBeUndefined();
    }
  });

  it('ends the session of a password that has been changed', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await loggedIn(sessions, ann);
    const key = String(session.sessionKey);
    expect(await getUser(session, loader({ ...ann, passwordHash: 'changed' }))).toBeUndefined();
    expect(await sessions.exists(key)).toBe(false);
    expect(userId(session)).toBeUndefined();
  });

  it('moves a login under a former secret key to the current one, once', async () => {
    const { sessions: former, backend, clock } = memorySessions<Entries>({ secretKey: OLD_KEY });
    const options = { secretKeyFallbacks: [OLD_KEY], now: clock.now, operationTimeoutMs: 30_000 };
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, ...options });
    const { sessionKey } = await loggedIn(former, ann);
    const requests = Array.from({ length: 100 }, () => sessions.open(sessionKey));
    for (const request of requests) request.get('cart');

    const found = await Promise.all(requests.map((request) => getUser(request, loader(ann))));

    expect(found).toEqual(Array(100).fill(ann));
    // Those that lost the race have nothing to write, and so no reason to fail.
    expect(requests.filter((request) => request.modified)).toHaveLength(1);
    const successor = requests.find((request) => request.modified);
    const later = sessions.open(successor?.sessionKey);
    expect(verifySessionHash(later, ann)).toBe('current');
    expect(later.get('_auth_user_hash')).toBe(sessionAuthHash(ann, { secretKey: SECRET_KEY }));
  });

  it('says who it is, or nobody, in a request that may change nothing', async () => {
    const { sessions: former, backend, clock } = memorySessions<Entries>({ secretKey: OLD_KEY });
    const options = { secretKeyFallbacks: [OLD_KEY], now: clock.now };
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, ...options });
    const { sessionKey } = await loggedIn(former, ann);
    const response = {
      headersSent: false,
      getHeader: () => undefined,
      setHeader: () => {},
    };
    const open = () =>
      sessions.openForRequest(`sessionid=${sessionKey}`, response, { readOnly: true }).session;

    expect(await getUser(open(), loader(ann))).toBe(ann);
    expect(await getUser(open(), loader({ ...ann, passwordHash: 'changed' }))).toBeUndefined();
    await expect(login(open(), bob)).rejects.toBeInstanceOf(SessionClosed);
    expect(await sessions.exists(String(sessionKey))).toBe(true);
  });

  it('fails as its loader fails', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await loggedIn(sessions, ann);
    const fail = () => Promise.reject(new Error('no database'));
    await expect(getUser(session, fail)).rejects.toThrow('no database');
    expect(await getUser(session, loader(ann))).toBe(ann);
  });
});

describe('a change of the password', () => {
  it('ends every session of the user but the one that made it', async () => {
    const { sessions } = memorySessions<Entries>();
    const [here, elsewhere] = [await loggedIn(sessions, ann), await loggedIn(sessions, ann)];
    const key = String(here.sessionKey);
    const changed = { ...ann, passwordHash: 'changed' };
    await updateSessionAuthHash(here, changed);
    expect(here.sessionKey).not.toBe(key);
    expect(await sessions.exists(key)).toBe(false);
    expect(await getUser(sessions.open(here.sessionKey), loader(changed))).toBe(changed);
    expect(await getUser(elsewhere, loader(changed))).toBeUndefined();
  });

  it('makes no session where there is none', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    await updateSessionAuthHash(session, ann);
    expect([session.sessionKey, session.modified]).toEqual([null, false]);
  });
});

describe('logout', () => {
  it('ends the session for every request', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = await loggedIn(sessions, ann);
    const late = sessions.open(session.sessionKey);
    expect(userId(late)).toBe('1');
    await logout(session);
    await expect(late.set('cart', ['lamp']).save()).rejects.toMatchObject({ status: 400 });
    expect(userId(sessions.open(late.sessionKey))).toBeUndefined();
  });
});

describe('with signed cookies', () => {
  const { now } = createClock();
  const sessions = createSessions<Entries>({
    backend: signedCookiesBackend(),
    secretKey: SECRET_KEY,
    now,
  });

  it('a login is in the cookie, a changed password ends it, a logout removes it', async () => {
    const session = await stored(sessions, { cart: ['lamp'] });
    await login(session, ann);
    const next = sessions.open(session.sessionKey);
    expect(await getUser(next, loader(ann))).toBe(ann);
    expect(next.get('cart')).toEqual(['lamp']);
    await login(next, bob);
    const later = sessions.open(next.sessionKey);
    expect([await getUser(later, loader(ann, bob)), later.has('cart')]).toEqual([bob, false]);
    const changed = { ...bob, passwordHash: 'changed' };
    expect(await getUser(sessions.open(next.sessionKey), loader(changed))).toBeUndefined();
    await logout(later);
    expect(later.sessionKey).toBeNull();
  });
});
