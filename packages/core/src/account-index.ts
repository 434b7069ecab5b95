import type { StoredSession } from './session-backend.ts';

/** What a request tells of the visitor, for a list of sessions; the visitor may have made it up. */
export interface ClientFacts {
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** That a session may belong to an account, from now on. */
export interface AccountNote {
  /** At most 255 characters. */
  readonly account: string;
  /** The session's key, as the backend knows it. */
  readonly key: string;
  /** When the session was seen; the first note of a key also says when it was created. */
  readonly seenAt: Date;
  /** When the session ends, if it is not renewed. */
  readonly expiresAt: Date;
  /** At most 45 characters. */
  readonly address: string | null;
  /** At most 200 characters. */
  readonly userAgent: string | null;
}

/** A session that was noted under an account, and what is stored under its key now. */
export interface NotedSession {
  readonly key: string;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly address: string | null;
  readonly userAgent: string | null;
  /** `undefined`: the session has ended, or is about to be stored for the first time. */
  readonly stored: StoredSession | undefined;
}

/**
 * A backend that can find the sessions of an account. Its notes stand beside the sessions and decide nothing: a note
 * is made before the session is stored, so that none is missed, and whoever lists looks at the sessions themselves.
 */
export interface AccountIndex {
  /** Adds the session to the account, or renews what is known of it; it leaves the account it was in before. */
  note(note: AccountNote): Promise<void>;

  /** Every session noted under the account, with what is stored: one indexed query, or one read of a set. */
  noted(account: string): Promise<readonly NotedSession[]>;

  /** Removes notes, unless the session was seen again at or after `unseenSince`: it may be about to be stored. */
  forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void>;
}

/** Whether the backend is an `AccountIndex`. */
export function indexesAccounts<Backend extends object>(
  backend: Backend,
): backend is Backend & AccountIndex {
  return typeof (backend as Partial<AccountIndex>).noted === 'function';
}
