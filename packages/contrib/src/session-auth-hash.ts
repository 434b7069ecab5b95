import { type Settings, saltedHmac } from '@coatcheck/core';
import { constantTimeEqual } from './constant-time.ts';

const KEY_SALT = 'django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash';

/** A user whose sessions end when the password changes. */
export interface PasswordUser {
  /** The primary key; stored as text. */
  readonly id: string | number | bigint;
  /**
   * The password column as it is stored (Django: `user.password`, `pbkdf2_sha256$…`). `null`: an account without a
   * password (passkeys, OAuth), so that nothing but a logout ends its sessions.
   */
  readonly passwordHash: string | null;
  readonly sessionAuthHash?: undefined;
}

/** A user with a value of its own that changes when its sessions are to end. Django: `get_session_auth_hash`. */
export interface HashedUser {
  /** The primary key; stored as text. */
  readonly id: string | number | bigint;
  /** Stored as it is, so nothing secret: a counter of credential changes, an HMAC. Not empty. */
  readonly sessionAuthHash: string;
}

/** What a login has to know of a user. */
export type AuthUser = PasswordUser | HashedUser;

/**
 * What the hash in the session says: `current`; `fallback`: right under a former secret key; `legacy`: SHA-1, as
 * Django 3.0 wrote it and 3.2 still reads it; `none`: neither user nor session has one, so nothing was verified;
 * `wrong`: anything else.
 */
export type SessionHashVerdict = 'current' | 'fallback' | 'legacy' | 'none' | 'wrong';

type Secrets = Pick<Settings, 'secretKey' | 'secretKeyFallbacks' | 'django'>;

/**
 * What the session of a user carries, so that a change of the password ends it: 64 hex digits; `undefined` for a user
 * who has no password. Django: `get_session_auth_hash`
 *
 * @throws {TypeError} when the user says nothing of a password: a column that was not selected must not pass for none.
 */
export function sessionAuthHash(
  user: AuthUser,
  { secretKey }: Pick<Settings, 'secretKey'>,
): string | undefined {
  const password = passwordOf(user);
  if (password === undefined) return user.sessionAuthHash;
  return password === null ? undefined : saltedHmac(KEY_SALT, secretKey, password);
}

/** Compares, in constant time, what the session carries with what its user's would. */
export function compareSessionHash(
  stored: unknown,
  user: AuthUser,
  { secretKey, secretKeyFallbacks, django }: Secrets,
): SessionHashVerdict {
  const expected = sessionAuthHash(user, { secretKey });
  const given = stored ?? '';
  if (expected === undefined) return given === '' ? 'none' : 'wrong';
  if (typeof given !== 'string' || given === '') return 'wrong';
  if (constantTimeEqual(given, expected)) return 'current';
  const password = passwordOf(user);
  if (typeof password !== 'string') return 'wrong';
  const isUnder = (key: string): boolean =>
    constantTimeEqual(given, saltedHmac(KEY_SALT, key, password));
  if (secretKeyFallbacks.some(isUnder)) return 'fallback';
  const isLegacy =
    django === '3.2' && constantTimeEqual(given, saltedHmac(KEY_SALT, secretKey, password, 'sha1'));
  return isLegacy ? 'legacy' : 'wrong';
}

/** The password column; `undefined` where the user brings a hash instead. @throws {TypeError} for neither. */
function passwordOf(user: AuthUser): string | null | undefined {
  // Not what the types say, but what a row without the column is.
  const { sessionAuthHash: own, passwordHash } = user as {
    readonly sessionAuthHash?: unknown;
    readonly passwordHash?: unknown;
  };
  if (typeof own === 'string' && own !== '') return undefined;
  if (own === undefined && (typeof passwordHash === 'string' || passwordHash === null)) {
    return passwordHash;
  }
  throw new TypeError(
    'A user must have passwordHash (the stored password column) or sessionAuthHash (text that is not empty); for an account without a password say passwordHash: null.',
  );
}
