import {
  type AccountIndex,
  type AccountNote,
  type Awaitable,
  type ClearExpiredOptions,
  CreateError,
  checkedBatchSize,
  ImproperlyConfigured,
  isPromise,
  type NotedSession,
  reportsSafety,
  type SafetyFinding,
  type SafetyReporter,
  type ScannedBatch,
  type ScanOptions,
  type SessionBackend,
  SessionError,
  type SessionRecord,
  type SessionScanner,
  type StoredSession,
  UpdateError,
  type Written,
} from '@coatcheck/core';
import type { Cache, CacheEntry, Outcome } from './cache.ts';
import { type CacheSerializer, jsonCacheSerializer } from './cache-serializer.ts';
import { listsEntries } from './entry-lister.ts';
import { keepsNotes, type NoteKeeper } from './note-keeper.ts';

/** At every so many notes of an account, those of ended sessions are dropped. */
const DROP_EVERY = 100;
/** A note is kept this long although its session is not stored: it may be about to be. */
const SETTLED_AFTER_MS = 60_000;

/** Sessions that live in a cache alone. Django: `django.contrib.sessions.backends.cache`. */
export class CacheBackend implements SessionBackend, SafetyReporter, AccountIndex, SessionScanner {
  readonly encoding = 'serialized';
  readonly answers: 'synchronously' | 'later';
  readonly #cache: Cache;
  readonly #serializer: CacheSerializer;
  /** Whoever renews expiries wants to know them; for others a read is cheaper. */
  #needsExpiry = false;
  #closing: Promise<void> | undefined;

  /** Made by a function of this package, such as `memoryBackend` or `redisBackend`. */
  constructor(cache: Cache, serializer: CacheSerializer = jsonCacheSerializer) {
    this.#cache = cache;
    this.#serializer = serializer;
    this.answers = cache.answers;
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    const found = this.#open().get(key, this.#needsExpiry);
    return found instanceof Promise
      ? found.then((entry) => this.#stored(entry))
      : this.#stored(found);
  }

  create({ key, data, expiresAt }: SessionRecord, origin?: string): Awaitable<Written> {
    const base = this.#serializer.dumps(data, origin);
    const adding = this.#open().add(key, base, expiresAt);
    const added = (isNew: boolean): Written => {
      if (!isNew) throw new CreateError();
      return { key, base };
    };
    return isPromise(adding) ? adding.then(added) : added(adding);
  }

  update(
    { key, data, expiresAt }: SessionRecord,
    base: string,
    origin: string = base,
  ): Awaitable<Written> {
    const text = this.#serializer.dumps(data, origin);
    const replacing = this.#open().replace(key, base, text, expiresAt);
    const replaced = (outcome: Outcome): Written => {
      if (!outcome.done) throw this.#difference(outcome.current);
      return { key, base: text };
    };
    return isPromise(replacing) ? replacing.then(replaced) : replaced(replacing);
  }

  async touch({ key, data, expiresAt }: SessionRecord, base: string): Promise<Written | undefined> {
    this.#needsExpiry = true;
    const text = this.#serializer.dumps(data, base);
    const { done } = await this.#open().replace(key, base, text, expiresAt);
    return done ? { key, base: text } : undefined;
  }

  async delete(key: string, base?: string): Promise<boolean> {
    const outcome = await this.#open().delete(key, base);
    if (!outcome.done && outcome.current) throw this.#difference(outcome.current);
    return outcome.done;
  }

  async note(note: AccountNote): Promise<void> {
    const count = await this.#noteKeeper().putNote(note);
    if (count > 0 && count % DROP_EVERY === 0) await this.#dropEnded(note);
  }

  async noted(account: string): Promise<readonly NotedSession[]> {
    const notes = await this.#noteKeeper().notesOf(account);
    this.#needsExpiry = true;
    return Promise.all(notes.map(async (note) => ({ ...note, stored: await this.load(note.key) })));
  }

  async forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    await this.#noteKeeper().dropNotes(account, keys, unseenSince);
  }

  /** Drops the notes of sessions that have ended: an account whose sessions nobody lists must not grow for ever. */
  async #dropEnded({ account, seenAt }: AccountNote): Promise<void> {
    const ended = (await this.noted(account)).filter(({ stored }) => stored === undefined);
    const keys = ended.map(({ key }) => key);
    await this.forget(account, keys, new Date(seenAt.getTime() - SETTLED_AFTER_MS));
  }

  async *scan({ after, signal, ...options }: ScanOptions = {}): AsyncGenerator<ScannedBatch> {
    const batchSize = checkedBatchSize(options.batchSize);
    if (after !== undefined) {
      throw new ImproperlyConfigured('A cache has no order to go on in: leave after out.');
    }
    const cache = this.#open();
    if (!listsEntries(cache)) {
      throw new ImproperlyConfigured(
        'The cache cannot list its sessions: its class lacks listEntries.',
      );
    }
    if (signal?.aborted) return;
    for await (const entries of cache.listEntries(batchSize)) {
      const sessions = entries.map(({ key, entry }) => ({ key, stored: this.#storedIn(entry) }));
      yield { sessions };
      if (signal?.aborted) return;
      this.#open();
    }
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

  #stored(entry: CacheEntry | undefined): StoredSession | undefined {
    return entry && this.#storedIn(entry);
  }

  #storedIn(entry: CacheEntry): StoredSession {
    const { text: base, expiresAt } = entry;
    const { data = '', refused } = this.#serializer.loads(base);
    if (refused !== undefined) return { data, base, refused, ...(expiresAt && { expiresAt }) };
    return expiresAt ? { data, base, expiresAt } : { data, base };
  }

  /** Why a compare-and-set found nothing to change. */
  #difference(current: CacheEntry | undefined): UpdateError {
    const found = this.#stored(current);
    return found ? new UpdateError('changed', found) : new UpdateError('gone');
  }
}
