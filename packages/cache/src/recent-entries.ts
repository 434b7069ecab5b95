import { LRUCache } from 'lru-cache';
import { countedBytes, type KeptEntry } from './kept-entry.ts';
import { PackedEntries } from './packed-entries.ts';

/** Entries that are kept as they are, which is what a process may use at a time. Others are packed. */
const MOST_RECENT = 16_384;
/** The same in bytes, but for the last one, which may be longer. */
const MOST_RECENT_BYTES = 64 * 2 ** 20;
/** So many are packed at a time. Measured over HTTP: a session that is created costs 2 µs more by it, and 8 where each is packed alone. */
const AT_A_TIME = 256;

/** The bounds of `RecentEntries`, and who is told what it drops. */
export interface RecentEntriesOptions {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** An entry is gone: deleted, or the one least recently used when there were too many. Not when it was replaced. */
  readonly dropped: (key: string) => void;
}

/**
 * Entries bounded in number and size, the least recently used dropped first. Those that were used last are objects; those
 * that make room for them are packed, in the same order, and become objects again when they are asked for.
 */
export class RecentEntries {
  readonly #recent: LRUCache<string, KeptEntry>;
  readonly #packed = new PackedEntries();
  /** Pushed out of the recent ones, and not packed yet. */
  readonly #leaving: KeptEntry[] = [];
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #dropped: (key: string) => void;

  constructor({ maxEntries, maxBytes, dropped }: RecentEntriesOptions) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#dropped = dropped;
    this.#recent = new LRUCache({
      max: Math.min(maxEntries, MOST_RECENT + AT_A_TIME),
      maxSize: maxBytes,
      sizeCalculation: bytesOf,
      dispose: (entry, key, reason) => {
        if (reason === 'evict') this.#leaving.push(entry);
        else dropped(key);
      },
      // Another text under the same key is the same session.
      noDisposeOnSet: true,
    });
  }

  get(key: string): KeptEntry | undefined {
    const recent = this.#recent.get(key);
    if (recent || this.#packed.size === 0) return recent;
    const packed = this.#packed.take(key);
    if (packed) this.put(packed);
    return packed;
  }

  /** The same, and the entry does not count as used. */
  peek(key: string): KeptEntry | undefined {
    return this.#recent.peek(key) ?? this.#packed.get(key);
  }

  /** When an entry ends that is there; it does not count as used. */
  endOf(key: string): number | undefined {
    return this.#recent.peek(key)?.endsAt ?? this.#packed.endOf(key);
  }

  /**
   * Puts an entry there as the one used last: one that is not larger than `maxBytes`, and of a key that `get` was asked for
   * just now, so that it is not packed.
   */
  put(entry: KeptEntry): void {
    const recent = this.#recent;
    recent.set(entry.key, entry);
    if (recent.size >= MOST_RECENT + AT_A_TIME) while (recent.size > MOST_RECENT) recent.pop();
    while (recent.calculatedSize > MOST_RECENT_BYTES && recent.size > 1) recent.pop();
    if (this.#leaving.length > 0) this.#packLeaving();
    while (this.#packed.size > 0 && this.#isTooMuch()) this.#dropped(this.#packed.takeOldest());
  }

  delete(key: string): boolean {
    if (this.#recent.delete(key)) return true;
    const found = this.#packed.delete(key);
    if (found) this.#dropped(key);
    return found;
  }

  /** Keys; with `end`, in milliseconds since 1970, only of those that end by then. */
  keys(end?: number): string[] {
    const keys = this.#packed.keys(end);
    for (const entry of this.#recent.rvalues()) {
      if (entry && (end === undefined || entry.endsAt <= end)) keys.push(entry.key);
    }
    return keys;
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  #packLeaving(): void {
    for (const entry of this.#leaving) {
      // Where none is packed, none was used before it.
      if (this.#packed.size === 0 && this.#isTooMuch(entry)) this.#dropped(entry.key);
      else this.#packed.add(entry);
    }
    this.#leaving.length = 0;
  }

  /** @param more that is not among the others any more. */
  #isTooMuch(more?: KeptEntry): boolean {
    const count = this.#recent.size + this.#packed.size + (more ? 1 : 0);
    if (count > this.#maxEntries) return true;
    const bytes = this.#recent.calculatedSize + this.#packed.countedBytes;
    return bytes + (more ? bytesOf(more) : 0) > this.#maxBytes;
  }
}

function bytesOf({ key, text }: KeptEntry): number {
  return countedBytes(key.length, text.length);
}
