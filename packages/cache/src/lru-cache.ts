import {
  type AccountNote,
  type ClearExpiredOptions,
  checkedBatchSize,
  ImproperlyConfigured,
  type SafetyFinding,
  type SafetyReporter,
  SessionTooLarge,
} from '@coatcheck/core';
import type { Cache, CacheEntry, Outcome } from './cache.ts';
import { CacheBackend } from './cache-backend.ts';
import type { EntryLister, ListedEntry } from './entry-lister.ts';
import { countedBytes, KeptEntry } from './kept-entry.ts';
import { LruNotes } from './lru-notes.ts';
import type { CacheNote, NoteKeeper } from './note-keeper.ts';
import { RecentEntries } from './recent-entries.ts';

/** Settings of `memoryBackend`. */
export interface MemoryOptions {
  /** Sessions kept; one more ends the one that was used least recently. @default 100,000 */
  readonly maxEntries?: number | undefined;
  /** Bytes kept, counting keys and data and what they cost besides. @default 64 MiB */
  readonly maxBytes?: number | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/**
 * Sessions in this process, bounded in number and size; they end with the process. Django: the cache engine on
 * `LocMemCache`.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong.
 */
export function memoryBackend(options: MemoryOptions = {}): CacheBackend {
  return new CacheBackend(new LruCache(options));
}

const DONE: Outcome = Object.freeze({ done: true });

/** A cache in this process that answers at once; holds strings, starts no timers. */
export class LruCache implements Cache, SafetyReporter, NoteKeeper, EntryLister {
  readonly answers = 'synchronously';
  readonly #entries: RecentEntries;
  readonly #notes = new LruNotes();
  readonly #maxBytes: number;
  readonly #now: () => number;

  constructor({ maxEntries = 100_000, maxBytes = 64 * 1024 * 1024, now }: MemoryOptions = {}) {
    this.#entries = new RecentEntries({
      maxEntries: positive('maxEntries', maxEntries),
      maxBytes: positive('maxBytes', maxBytes),
      dropped: (key) => this.#notes.remove(key),
    });
    this.#maxBytes = maxBytes;
    this.#now = now ? () => now().getTime() : Date.now;
  }

  get(key: string): CacheEntry | undefined {
    return this.#live(key);
  }

  add(key: string, text: string, expiresAt: Date): boolean {
    if (this.#live(key)) return false;
    this.#put(key, text, expiresAt);
    return true;
  }

  set(key: string, text: string, expiresAt: Date): void {
    // Its own key again: another one may be a part of a whole Cookie header, which it would keep from being collected.
    this.#put(this.#entries.get(key)?.key ?? key, text, expiresAt);
  }

  replace(key: string, expected: string, text: string, expiresAt: Date): Outcome {
    const kept = this.#live(key);
    if (kept?.text !== expected) return { done: false, current: kept };
    this.#put(kept.key, text, expiresAt);
    return DONE;
  }

  delete(key: string, expected?: string): Outcome {
    const kept = this.#live(key);
    if (!kept || (expected !== undefined && kept.text !== expected)) {
      return { done: false, current: kept };
    }
    this.#entries.delete(key);
    return DONE;
  }

  async clearExpired(options: ClearExpiredOptions = {}): Promise<number> {
    const { signal, onProgress, dryRun, expiresAt } = options;
    const batchSize = checkedBatchSize(options.batchSize);
    const end = expiresAt?.getTime() ?? this.#now();
    const expired = this.#entries.keys(end);
    if (dryRun) return expired.length;

    let cleared = 0;
    for (let start = 0; start < expired.length && !signal?.aborted; start += batchSize) {
      let removed = 0;
      for (const key of expired.slice(start, start + batchSize)) {
        const endsAt = this.#entries.endOf(key);
        if (endsAt !== undefined && endsAt <= end && this.#entries.delete(key)) removed += 1;
      }
      cleared += removed;
      if (removed > 0) await onProgress?.(cleared);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return cleared;
  }

  async *listEntries(batchSize: number): AsyncGenerator<readonly ListedEntry[]> {
    const keys = this.#entries.keys();
    for (let start = 0; start < keys.length; start += batchSize) {
      const listed = keys.slice(start, start + batchSize).flatMap((key) => {
        // Looking must not make it one that was used.
        const kept = this.#entries.peek(key);
        return kept && !this.#isOver(kept) ? { key, entry: kept } : [];
      });
      if (listed.length > 0) yield listed;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  putNote(note: AccountNote): number {
    return this.#notes.putNote(note);
  }

  notesOf(account: string): readonly CacheNote[] {
    return this.#notes.notesOf(account);
  }

  dropNotes(account: string, keys: readonly string[], unseenSince: Date): void {
    this.#notes.dropNotes(account, keys, unseenSince);
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const message =
      'Sessions are in the memory of this process: its end loses all of them, other processes do not see them, and when there are too many, the oldest visitors are logged out. Meant for development and tests.';
    return [{ level: 'unsafe', about: 'Memory', message }];
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #put(key: string, text: string, expiresAt: Date): void {
    const kept = new KeptEntry(key, text, expiresAt.getTime());
    if (this.#isOver(kept)) {
      this.#entries.delete(key);
      return;
    }
    const bytes = countedBytes(key.length, text.length);
    if (bytes > this.#maxBytes) {
      throw new SessionTooLarge(
        `The session takes ${bytes} bytes, cache.maxBytes allows ${this.#maxBytes} for all of them.`,
      );
    }
    this.#entries.put(kept);
  }

  #live(key: string): KeptEntry | undefined {
    const kept = this.#entries.get(key);
    if (!kept || !this.#isOver(kept)) return kept;
    this.#entries.delete(key);
    return undefined;
  }

  #isOver({ endsAt }: KeptEntry): boolean {
    return endsAt <= this.#now();
  }
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ImproperlyConfigured(`cache.${name} must be a whole number above zero.`);
}
