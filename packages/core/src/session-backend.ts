/** A value, or a promise of it: backends in the process answer at once, others later. */
export type Awaitable<T> = T | Promise<T>;

/** What core computed for an account index or for the extra columns of a custom table; `{}` unless configured. */
export type SessionAttributes = Readonly<Record<string, string | number | null>>;

/** What a backend keeps. */
export interface SessionRecord {
  /** The session key; 64 hexadecimal digits instead where `hashKeys` is set. */
  readonly key: string;
  /** The encoded session, opaque to the backend; printable ASCII. Where `encoding` is `serialized`: a JSON object. */
  readonly data: string;
  /** When the record ends. May lie in the past: the call succeeds and the record is gone. */
  readonly expiresAt: Date;
  readonly attributes: SessionAttributes;
}

/** What a backend found. */
export interface StoredSession {
  readonly data: string;
  /** An opaque token of the stored bytes, usually the data itself; an update names the one it wants to replace. */
  readonly base: string;
  /** When the record ends, where the place keeps that. */
  readonly expiresAt?: Date;
  /** Last save or touch, where the place keeps no expiry (files); core computes the expiry from it. */
  readonly modifiedAt?: Date;
  /**
   * The backend found something that it must not decode: why, in few words and without data, such as "a pickle that
   * needs datetime.datetime". Core takes the record for corrupt, whatever its `data`, which means an empty session whose
   * next write gets a new key; the event `rejected` has the reason as its `detail`.
   */
  readonly refused?: string;
}

/** What a backend wrote. */
export interface Written {
  /** What the cookie carries: the record's key, or the signed data of a session that lives in its cookie. */
  readonly key: string;
  /** The token that the next update has to name. */
  readonly base: string;
}

/** How `clearExpired` goes about it. */
export interface ClearExpiredOptions {
  /** The most records removed in one step, so that other writers get their turn. @default what the place thinks good */
  readonly batchSize?: number | undefined;
  /** Stops between two batches; what was removed stays removed. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the number removed so far; the next batch waits for what it returns. */
  readonly onProgress?: ((cleared: number) => Awaitable<void>) | undefined;
  /** Counts and removes nothing. */
  readonly dryRun?: boolean | undefined;
  /**
   * Records that end at or before this instant are expired.
   *
   * @default now
   */
  readonly expiresAt?: Date | undefined;
}

/**
 * Where sessions live: keeps opaque strings by key. Django: a module of `django.contrib.sessions.backends`.
 *
 * Each call is atomic. An expired record is gone, for every call. A call that the place cannot answer rejects (or
 * throws) with the driver's own error; core turns that into `BackendUnavailable`. `describeSessionBackend` from
 * `@coatcheck/core/testing` checks all of this. Writes may answer without a promise where nothing has to be waited for.
 */
export interface SessionBackend {
  /**
   * How core makes `data`: `serialized` (the cache's form, unsigned), or signed under this salt. `inCookie`: the data
   * is the key, so core also enforces age and expiry when it loads. `sealed`: encrypted as well.
   */
  readonly encoding:
    | 'serialized'
    | { readonly salt: string; readonly inCookie?: true; readonly sealed?: true };

  /** `synchronously`: `load` never returns a promise, so core loads on first access and fetches nothing early. */
  readonly answers: 'synchronously' | 'later';

  /** `undefined`: unknown or expired, for certain. Throws: the place cannot answer. */
  load(key: string): Awaitable<StoredSession | undefined>;

  /**
   * Inserts and never replaces.
   *
   * @param origin the `base` of the record that this one continues under a new key, for a place that keeps more of a
   *   session than `data` says
   * @throws {CreateError} when a live record has the key.
   */
  create(record: SessionRecord, origin?: string): Awaitable<Written>;

  /**
   * Replaces the record while its stored bytes are still `base`, and never inserts.
   *
   * @param origin as for `create`, where the data are newer than those under `base`
   * @throws {UpdateError} with reason `gone`, or with reason `changed` and the `current` record.
   */
  update(record: SessionRecord, base: string, origin?: string): Awaitable<Written>;

  /**
   * Moves the expiry while the stored bytes are still `base`; `record.data` has the same content, signed anew where
   * the old signature is by a fallback key. `undefined`: gone or changed.
   */
  touch(record: SessionRecord, base: string): Promise<Written | undefined>;

  /**
   * Removes the record; `false` when there was none. With `base`: only while the stored bytes are still `base`.
   *
   * @throws {UpdateError} with reason `changed` and the `current` record, only when `base` is given.
   */
  delete(key: string, base?: string): Promise<boolean>;

  /** Removes what has expired, in batches, and returns how many records that were. */
  clearExpired(options?: ClearExpiredOptions): Promise<number>;

  /** Waits for calls under way, then releases what the backend itself opened. */
  close(): Promise<void>;
}

/**
 * A backend whose place keeps no expiry, such as a directory of files: `createSessions` tells it when records end. Its
 * `load` may return an expired record, with `modifiedAt`, since core looks at what it loads; to every other call an
 * expired record is gone.
 */
export interface ExpiryReader {
  /**
   * @param endOf when a record with `modifiedAt` ends; one that is no session, as if it had no expiry of its own. By
   * its key it is recognized, where it was read a short while ago.
   */
  useExpiry(endOf: (stored: StoredSession, key?: string) => Date): void;
}

/**
 * A backend whose `load` may answer from a copy that is out of date after a failure, such as a cache in front of a
 * database. What has to be certain, such as `exists`, is asked here.
 */
export interface OriginalReader {
  /** As `load`, and never from the copy. */
  loadOriginal(key: string): Awaitable<StoredSession | undefined>;
}
