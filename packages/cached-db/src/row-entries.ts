import { ownText, type SessionRecord, type StoredSession, type Written } from '@coatcheck/core';
import { DOUBT_MS, ENTRY_MS, entryOf, MARKER } from './cache-entry.ts';
import type { GuardedCache } from './guarded-cache.ts';

/** How often the cache's entry is compared again when other processes write it too. */
const ATTEMPTS = 3;

/** Lets the entries of a cache follow the rows of a database, and leaves a key to the database where that is in doubt. */
export class RowEntries {
  readonly #cache: GuardedCache;
  readonly #now: () => Date;

  constructor(cache: GuardedCache, now: () => Date) {
    this.#cache = cache;
    this.#now = now;
  }

  /** A row was read that the cache did not have. Not waited for. */
  fill(key: string, row: StoredSession): void {
    const { expiresAt } = row;
    if (!expiresAt) return;
    const filling = this.#cache.ask(
      (cache) => cache.add(ownText(key), entryOf(key, row), this.#until(expiresAt)),
      false,
    );
    this.#cache.inBackground(filling);
  }

  /** A row was made. */
  async created({ expiresAt }: SessionRecord, { key, base }: Written): Promise<Written> {
    const entry = entryOf(key, { base, expiresAt });
    // Not there, or a marker: both leave it to the database, so that a failure costs nothing.
    if (this.#cache.isTrusted(key)) {
      await this.#cache.ask((cache) => cache.add(key, entry, this.#until(expiresAt)), false);
    }
    return { key, base: entry };
  }

  /** The row was replaced: so is its entry, if it is still the one that stood for the old row. */
  async replaced(record: SessionRecord, base: string, written: Written): Promise<Written> {
    const { key, expiresAt } = record;
    const entry = entryOf(key, { base: written.base, expiresAt });
    if (!this.#cache.isTrusted(key)) {
      this.#cache.suspect(key);
      return { key, base: entry };
    }
    const failed = { done: false, current: { text: entry } } as const;
    const until = this.#until(expiresAt);
    const outcome = await this.#cache.ask(
      (cache) => cache.replace(key, base, entry, until),
      failed,
    );
    if (outcome === failed) this.#cache.suspect(key);
    else if (!outcome.done) await this.doubt(key);
    return { key, base: entry };
  }

  /** Leaves the key to the database for a while: a slower process may still put an older row here. */
  async doubt(key: string): Promise<void> {
    if (!this.#cache.isTrusted(key)) return this.#cache.suspect(key);
    const until = new Date(this.#now().getTime() + DOUBT_MS);
    const settled = await this.#cache.ask(async (cache) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        if (await cache.add(ownText(key), MARKER, until)) return true;
        const { text } = (await cache.get(key)) ?? {};
        if (text === MARKER) return true;
        if (text !== undefined && (await cache.replace(key, text, MARKER, until)).done) return true;
      }
      return false;
    }, false);
    if (!settled) this.#cache.suspect(key);
  }

  #until(expiresAt: Date): Date {
    return new Date(Math.min(expiresAt.getTime(), this.#now().getTime() + ENTRY_MS));
  }
}
