import {
  ImproperlyConfigured,
  type SafetyFinding,
  type SafetyReporter,
  type SessionBackend,
  type SessionRecord,
  type StoredSession,
  type Written,
} from '@coatcheck/core';

/** Settings of `signedCookiesBackend`. */
export interface SignedCookiesOptions {
  /**
   * Seals the session with AES-256-GCM under a key derived from the secret, so that the visitor cannot read it. Django
   * cannot read it either.
   *
   * @default false: the visitor can read the session and cannot change it
   */
  readonly encrypt?: boolean | undefined;
}

const SALT = 'django.contrib.sessions.backends.signed_cookies';

/**
 * Sessions that live in their cookie: nothing is stored anywhere, so nothing can be compared, listed or revoked. A
 * copied cookie outlives a logout until it expires, overlapping requests overwrite each other, and the session has
 * to fit into 4,093 bytes. Django: `django.contrib.sessions.backends.signed_cookies`.
 */
export class SignedCookiesBackend implements SessionBackend, SafetyReporter {
  readonly encoding: Exclude<SessionBackend['encoding'], string>;
  readonly answers = 'synchronously';

  constructor({ encrypt = false }: SignedCookiesOptions = {}) {
    if (typeof encrypt !== 'boolean') {
      throw new ImproperlyConfigured('signedCookies.encrypt must be true or false.');
    }
    this.encoding = encrypt
      ? { salt: SALT, inCookie: true, sealed: true }
      : { salt: SALT, inCookie: true };
  }

  /** The key is the session. */
  load(key: string): StoredSession {
    return { data: key, base: key };
  }

  create({ data }: SessionRecord): Written {
    return { key: data, base: data };
  }

  update(record: SessionRecord): Written {
    return this.create(record);
  }

  async touch(record: SessionRecord): Promise<Written> {
    return this.create(record);
  }

  async delete(): Promise<boolean> {
    return false;
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const about = 'Signed cookies';
    const revocation: SafetyFinding = {
      level: 'notice',
      about,
      message:
        'Nothing is stored: a copied cookie outlives a logout until it expires, and overlapping requests overwrite each other.',
    };
    if (this.encoding.sealed) return [revocation];
    return [
      revocation,
      {
        level: 'notice',
        about,
        message: 'Visitors can read their session; signedCookies.encrypt seals it.',
      },
    ];
  }

  async clearExpired(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}
}

/** Sessions in signed cookies. */
export function signedCookiesBackend(options?: SignedCookiesOptions): SignedCookiesBackend {
  return new SignedCookiesBackend(options);
}

/** What a configuration calls for the engine `signed_cookies`. */
export const createBackend: typeof signedCookiesBackend = signedCookiesBackend;
