import {
  type Awaitable,
  cycleKeyAtLogin,
  SessionClosed,
  SessionInterrupted,
  type SessionStore,
  settingsOf,
} from '@coatcheck/core';
import { rotateToken } from './csrf.ts';
import { reservedEntries } from './reserved-entries.ts';
import {
  type AuthUser,
  compareSessionHash,
  type SessionHashVerdict,
  sessionAuthHash,
} from './session-auth-hash.ts';

export {
  isSafeRedirect,
  type SafeRedirectOptions,
  safeNext,
  urlOfLogin,
} from './safe-redirect.ts';
export {
  type AuthUser,
  type HashedUser,
  type PasswordUser,
  type SessionHashVerdict,
  sessionAuthHash,
} from './session-auth-hash.ts';

/** The backend path that a Django accepts unless its `AUTHENTICATION_BACKENDS` names others. */
export const MODEL_BACKEND = 'django.contrib.auth.backends.ModelBackend';

const ID_ENTRY = '_auth_user_id';
const BACKEND_ENTRY = '_auth_user_backend';
const HASH_ENTRY = '_auth_user_hash';

/** How a user is logged in. */
export interface LoginOptions {
  /** Stored with the login; a Django peer must list it in `AUTHENTICATION_BACKENDS`. @default {@link MODEL_BACKEND} */
  readonly backend?: string | undefined;
}

/** How a login is recognised. */
export interface GetUserOptions {
  /** Logins by any other backend count as none. Django: `AUTHENTICATION_BACKENDS`. @default [{@link MODEL_BACKEND}] */
  readonly backends?: readonly string[] | undefined;
}

/**
 * Logs the user in, and has stored it when it resolves. An anonymous session moves to a new key and keeps its
 * entries; the session of another user, or of this one with another password, is ended first; the CSRF secret, if
 * there is one, changes. Django: `login`
 *
 * @throws {TypeError} when the user has no usable id, or neither `passwordHash` nor `sessionAuthHash`
 * @throws {SessionInterrupted} when the session was ended meanwhile, or that of another user cycled: nobody was logged
 *   in
 */
export async function login<Data extends object>(
  session: SessionStore<Data>,
  user: AuthUser,
  { backend = MODEL_BACKEND }: LoginOptions = {},
): Promise<void> {
  const id = textOfId(user.id);
  if (id === undefined) throw unusableId();
  const hash = sessionAuthHash(user, settingsOf(session));
  await session.load();
  const entries = reservedEntries(session);
  if (!entries.has(ID_ENTRY)) {
    // The key first: should that fail, nothing may be left that a later commit would put under the old one.
    await cycleKeyAtLogin(session);
  } else {
    const verdict = verifySessionHash(session, user);
    const isSame = userId(session) === id && (verdict === 'current' || verdict === 'none');
    if (!isSame) await session.flush();
  }
  entries.update({ [ID_ENTRY]: id, [BACKEND_ENTRY]: backend });
  setHash(session, hash);
  rotateToken(session);
  await session.save();
}

/** Ends the session, whoever's it is; all of its entries are gone. Django: `logout` */
export function logout<Data extends object>(session: SessionStore<Data>): Promise<void> {
  return session.flush();
}

/**
 * The id that the session says is logged in, as text; `undefined` for nobody. Nothing is verified: whether the user
 * still exists, and has not changed the password since, is what {@link getUser} finds out.
 *
 * @throws {SessionNotLoaded} as every reading method does
 */
export function userId<Data extends object>(session: SessionStore<Data>): string | undefined {
  return textOfId(reservedEntries(session).get(ID_ENTRY));
}

/**
 * The user who is logged in, after one call of `loadUser`; `undefined` for nobody. What an application calls once per
 * request. Ends the session when its hash is not the user's; where only a former secret key made the hash, the
 * session moves to a new key and gets a new one. Django: `get_user`
 *
 * @param loadUser the user with this id; `undefined` or `null` where there is none, or none who may log in (Django:
 *   `is_active`). The anonymous session is left as it is then.
 * @throws {TypeError} when the user has neither `passwordHash` nor `sessionAuthHash`
 * @throws {SessionInterrupted} when a session to be ended was cycled meanwhile
 */
export async function getUser<Data extends object, User extends AuthUser>(
  session: SessionStore<Data>,
  loadUser: (id: string, backend: string) => Awaitable<User | null | undefined>,
  { backends = [MODEL_BACKEND] }: GetUserOptions = {},
): Promise<User | undefined> {
  await session.load();
  const id = userId(session);
  const backend = reservedEntries(session).get(BACKEND_ENTRY);
  if (id === undefined || typeof backend !== 'string' || !backends.includes(backend)) {
    return undefined;
  }
  const user = (await loadUser(id, backend)) ?? undefined;
  if (user === undefined) return undefined;
  const verdict = verifySessionHash(session, user);
  if (verdict === 'wrong') {
    await unlessClosed(session.flush());
    return undefined;
  }
  if (verdict === 'fallback') await renewHash(session, user);
  return user;
}

/** Compares the hash in the session with the user's, in constant time; changes nothing. */
export function verifySessionHash<Data extends object>(
  session: SessionStore<Data>,
  user: AuthUser,
): SessionHashVerdict {
  const stored = reservedEntries(session).get(HASH_ENTRY);
  return compareSessionHash(stored, user, settingsOf(session));
}

/**
 * Keeps this session logged in after its user changed the password, which ends all others; under a new key. Call it
 * with the new password stored. Django: `update_session_auth_hash`
 *
 * @param user another user than the session's leaves the login as it is
 */
export async function updateSessionAuthHash<Data extends object>(
  session: SessionStore<Data>,
  user: AuthUser,
): Promise<void> {
  const hash = sessionAuthHash(user, settingsOf(session));
  await session.load();
  if (session.sessionKey === null) return;
  await session.cycleKey();
  const id = userId(session);
  if (id === undefined || id !== textOfId(user.id)) return;
  setHash(session, hash);
  await session.save();
}

/** Signs the login anew with the current secret key, unless another request is doing so. */
async function renewHash<Data extends object>(
  session: SessionStore<Data>,
  user: AuthUser,
): Promise<void> {
  try {
    await session.cycleKey();
  } catch (error) {
    // The login was right when this request read it, as for any other request under way.
    if (error instanceof SessionInterrupted || error instanceof SessionClosed) return;
    throw error;
  }
  setHash(session, sessionAuthHash(user, settingsOf(session)));
  await session.save();
}

/** Where nothing can be changed any more, the next request will. */
async function unlessClosed(ending: Promise<void>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!(error instanceof SessionClosed)) throw error;
  }
}

function setHash<Data extends object>(session: SessionStore<Data>, hash: string | undefined): void {
  const entries = reservedEntries(session);
  if (hash === undefined) entries.delete(HASH_ENTRY);
  else entries.set(HASH_ENTRY, hash);
}

/** An id as it is stored and compared; a number that JavaScript rounds would be somebody else's. */
function textOfId(id: unknown): string | undefined {
  const isUsable =
    (typeof id === 'string' && id !== '') || typeof id === 'bigint' || Number.isSafeInteger(id);
  return isUsable ? String(id) : undefined;
}

function unusableId(): TypeError {
  return new TypeError(
    "A user's id must be text that is not empty, a safe integer or a BigInt; give larger numbers as text.",
  );
}
