import {
  type AccountIndex,
  type AccountNote,
  type Awaitable,
  type ClearExpiredOptions,
  CreateError,
  ImproperlyConfigured,
  type NotedSession,
  reportsSafety,
  type SafetyFinding,
  type SafetyReporter,
  type SessionBackend,
  SessionError,
  type SessionRecord,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';
import type { Cache, CacheEntry } from './cache.ts';
import { keepsNotes, type NoteKeeper } from './note-keeper.ts';

/** Sessions that live in a cache alone. Django: `django.contrib.sessions.backends.cache`. */
export class CacheBackend implements SessionBackend, SafetyReporter, AccountIndex {
  readonly encoding = 'serialized';
  readonly answers: 'synchronously' | 'later';
  readonly #cache: Cache;
  /** Whoever renews expiries wants to know them; for others a read is cheaper. */
  #needsExpiry = false;
  #closing: Promise<void> | undefined;

  /** Made by a function of this package, such as `memoryBackend` or `redisBackend`. */
  constructor(cache: Cache) {
    this.#cache = cache;
    this.answers = cache.answers;
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    const found = this.#open().get(key, this.#needsExpiry);
    return found instanceof Promise ? found.then(stored) : stored(found);
  }

  async create({ key, data, expiresAt }: SessionRecord): Promise<Written> {
    if (!(await this.#open().add(key, data, expiresAt))) throw new CreateError();
    return { key, base: data };
  }

  async update({ key, data, expiresAt }: SessionRecord, base: string): Promise<Written> {
    const outcome = await this.#open().replace(key, base, data, expiresAt);
    if (!outcome.done) throw difference(outcome.current);
    return { key, base: data };
  }

  async touch({ key, data, expiresAt }: SessionRecord, base: string): Promise<Written | undefined> {
    this.#needsExpiry = true;
    const { done } = await this.#open().replace(key, base, data, expiresAt);
    return done ? { key, base: data } : undefined;
  }

  async delete(key: string, base?: string): Promise<boolean> {
    const outcome = await this.#open().delete(key, base);
    if (!outcome.done && outcome.current) throw difference(outcome.current);
    return outcome.done;
  }

  async note(note: AccountNote): Promise<void> {
    await this.#noteKeeper().putNote(note);
  }

  async noted(account: string): Promise<readonly NotedSession[]> {
    const notes = await this.#noteKeeper().notesOf(account);
    this.#needsExpiry = true;
    return Promise.all(notes.map(async (note) => ({ ...note, stored: await this.load(note.key) })));
  }

  async forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    await this.#noteKeeper().dropNotes(account, keys, unseenSince);
  }

  async clearExpired(options?: ClearExpiredOptions): Promise<number> {
    return this.#open().clearExpired(options);
  }

  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const cache = this.#open();
    if (reportsSafety(cache)) return cache.reportSafety();
    const message = 'It may lose any session at any time, as caches do, and does not tell more.';
    return [{ level: 'unsafe', about: 'Cache', message }];
  }

  close(): Promise<void> {
    this.#closing ??= this.#cache.close();
    return this.#closing;
  }

  #noteKeeper(): NoteKeeper {
    const cache = this.#open();
    if (keepsNotes(cache)) return cache;
    throw new ImproperlyConfigured(
      'account needs a cache that keeps notes: its class lacks putNote, notesOf and dropNotes.',
    );
  }

  #open(): Cache {
    if (this.#closing !== undefined) throw new SessionError('The session backend is closed.');
    return this.#cache;
  }
}

function stored(entry: CacheEntry | undefined): StoredSession | undefined {
  if (!entry) return undefined;
  const { text, expiresAt } = entry;
  return expiresAt ? { data: text, base: text, expiresAt } : { data: text, base: text };
}

/** Why a compare-and-set found nothing to change. */
function difference(current: CacheEntry | undefined): UpdateError {
  const found = stored(current);
  return found ? new UpdateError('changed', found) : new UpdateError('gone');
}
