import type { CacheEntry } from './cache.ts';

/** An entry and its key. */
export interface ListedEntry {
  readonly key: string;
  readonly entry: CacheEntry;
}

/** A cache that can go through its entries: what `CacheBackend` needs to be a `SessionScanner`. */
export interface EntryLister {
  /**
   * The live entries whose keys may be session keys, each with its `expiresAt`, in no order and perhaps twice, at most
   * `batchSize` at once.
   */
  listEntries(batchSize: number): AsyncIterable<readonly ListedEntry[]>;
}

/** Whether the cache is an `EntryLister`. */
export function listsEntries<Cache extends object>(cache: Cache): cache is Cache & EntryLister {
  return typeof (cache as Partial<EntryLister>).listEntries === 'function';
}
