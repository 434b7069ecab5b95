import type { Awaitable, ClearExpiredOptions } from '@coatcheck/core';

/** What a cache holds under a key. */
export interface CacheEntry {
  readonly text: string;
  /** When it ends; left out where it was not asked for and would cost extra. */
  readonly expiresAt?: Date;
}

/** What became of a conditional change: it was done, or this is there instead; `undefined`: nothing is. */
export type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly current: CacheEntry | undefined };

/**
 * Texts by key that end by themselves, as `CacheBackend` and a cache in front of a database need them.
 *
 * Each call is atomic. An expired entry is gone, for every call; one written with an `expiresAt` that is not ahead is
 * gone at once. Entries may vanish before their time (eviction, restart). A cache that cannot answer rejects; where a
 * change may have been made all the same, with `BackendUnavailable` and `ambiguous`.
 */
export interface Cache {
  /** `synchronously`: `get` never returns a promise. */
  readonly answers: 'synchronously' | 'later';

  /** The entry; with `needsExpiry` its `expiresAt` too, which a remote cache is not asked for otherwise. */
  get(key: string, needsExpiry?: boolean): Awaitable<CacheEntry | undefined>;

  /** Inserts and never replaces; `false` when there is an entry. */
  add(key: string, text: string, expiresAt: Date): Awaitable<boolean>;

  /** Puts the entry there, whatever was there before. */
  set(key: string, text: string, expiresAt: Date): Awaitable<void>;

  /** Replaces text and expiry while the text is still `expected`. */
  replace(key: string, expected: string, text: string, expiresAt: Date): Awaitable<Outcome>;

  /** Removes the entry, with `expected` only while that is its text. */
  delete(key: string, expected?: string): Awaitable<Outcome>;

  /** Removes what has expired, where the cache does not do so by itself, and returns how many entries that were. */
  clearExpired(options?: ClearExpiredOptions): Promise<number>;

  /** Waits for calls under way, then releases what the cache itself opened. */
  close(): Promise<void>;
}
