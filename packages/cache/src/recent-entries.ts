import { LRUCache } from 'lru-cache';

/** Entries beyond which those used lately are looked up by themselves first. */
const MANY = 16_384;
/** Places for entries used lately; a power of two. */
const PLACES = 8192;
/** By which part of all entries, by their number, the order of use may be wrong where there are many. */
const INEXACT = 1 / 16;

/** The bounds of `RecentEntries`, and who is told what it drops. */
export interface RecentEntriesOptions<Entry> {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly sizeOf: (entry: Entry, key: string) => number;
  /** An entry is gone: deleted, or the one least recently used when there were too many. Not when it was replaced. */
  readonly dropped: (key: string) => void;
}

/**
 * Entries bounded in number and size, the least recently used dropped first. Where there are many, those used lately
 * have places of their own, close together: looking one up among all of them and moving it to the front of their
 * order touches a dozen places far apart, which the processor does not have at hand. A read of one of 512 visitors
 * among a million takes 2.7 µs instead of 3.5; with 50,000 visitors, 4.8 instead of 4.5.
 */
export class RecentEntries<Entry extends { readonly key: string }> {
  readonly #all: LRUCache<string, Entry>;
  /** By `placeOf` their keys; without places until there are many. What is found here keeps its place in the order. */
  #recent: (Entry | undefined)[] = [];
  /** How many entries at most were moved in front of those in `#recent` since it was empty. */
  #moved = 0;

  constructor({ maxEntries, maxBytes, sizeOf, dropped }: RecentEntriesOptions<Entry>) {
    this.#all = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: sizeOf,
      dispose: (_, key) => {
        this.#forget(key);
        dropped(key);
      },
      // Another text under the same key is the same session.
      noDisposeOnSet: true,
    });
  }

  get(key: string): Entry | undefined {
    if (this.#recent.length === 0) {
      if (this.#all.size > MANY) this.#recent = new Array(PLACES).fill(undefined);
      return this.#all.get(key);
    }
    const place = placeOf(key);
    const recent = this.#recent[place];
    if (recent?.key === key) return recent;
    const entry = this.#all.get(key);
    if (entry) {
      this.#recent[place] = entry;
      this.#countMove();
    }
    return entry;
  }

  /** The same, and the entry does not count as used. */
  peek(key: string): Entry | undefined {
    return this.#all.peek(key);
  }

  set(key: string, entry: Entry): void {
    this.#all.set(key, entry);
    if (this.#recent.length === 0) return;
    const place = placeOf(key);
    if (this.#recent[place]?.key === key) this.#recent[place] = entry;
    this.#countMove();
  }

  delete(key: string): boolean {
    return this.#all.delete(key);
  }

  keys(): Iterable<string> {
    return this.#all.keys();
  }

  entries(): Iterable<[string, Entry]> {
    return this.#all.entries();
  }

  clear(): void {
    this.#all.clear();
    this.#forgetAll();
  }

  /** Lets those that have places move to the front of the order too, before others push them out. */
  #countMove(): void {
    this.#moved += 1;
    if (this.#moved > this.#all.size * INEXACT) this.#forgetAll();
  }

  #forget(key: string): void {
    const place = placeOf(key);
    if (this.#recent[place]?.key === key) this.#recent[place] = undefined;
  }

  #forgetAll(): void {
    this.#moved = 0;
    if (this.#all.size > MANY) this.#recent.fill(undefined);
    else this.#recent = [];
  }
}

/** By the last four characters, which are random in the keys of sessions. */
function placeOf(key: string): number {
  let place = 0;
  for (let i = key.length - 4; i < key.length; i += 1) place = place * 37 + key.charCodeAt(i);
  return place & (PLACES - 1);
}
