import {
  type Awaitable,
  BackendUnavailable,
  CircuitBreaker,
  type ClearExpiredOptions,
  ImproperlyConfigured,
  type SessionBackend,
  SessionError,
  type SessionRecord,
  type StoredSession,
  type Written,
  withDeadline,
} from '@coatcheck/core';
import type { CacheFailure } from './cache-failures.ts';
import { CopyRounds } from './copy-rounds.ts';
import type { DjangoCopies } from './django-copies.ts';

/** What `DjangoCacheBackend` is made of. */
export interface DjangoCacheParts {
  readonly database: SessionBackend;
  readonly copies: DjangoCopies;
  /** Milliseconds for which the cache may take to confirm. */
  readonly timeoutMs: number;
  /** Hears of every failure of the cache. */
  readonly failed: CacheFailure;
  readonly now: () => Date;
}

/** Abilities beyond the contract that end and change no session; others would pass by Django's cache. */
const abilities = [
  ...['loadOriginal', 'useExpiry', 'migrate', 'isMigrated', 'reportSafety'],
  ...['note', 'noted', 'forget', 'scan'],
] as const;

/**
 * Sessions in a database that a Django shares whose engine is `cached_db`: each write drops Django's copy, before and
 * after. One that cannot be dropped first is not written. Reads pass by the cache.
 */
export class DjangoCacheBackend implements SessionBackend {
  readonly encoding: SessionBackend['encoding'];
  readonly answers: SessionBackend['answers'];
  readonly #database: SessionBackend;
  readonly #copies: DjangoCopies;
  readonly #timeoutMs: number;
  readonly #failed: CacheFailure;
  readonly #now: () => Date;
  readonly #rounds: CopyRounds;
  /** While the cache is down, writes are refused at once but for one a second. */
  readonly #breaker = new CircuitBreaker();
  readonly #writes = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** Made by `withDjangoCache`. */
  constructor({ database, copies, timeoutMs, failed, now }: DjangoCacheParts) {
    this.encoding = database.encoding;
    this.answers = database.answers;
    this.#database = database;
    this.#copies = copies;
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
    this.#now = now;
    this.#rounds = new CopyRounds((keys) => this.#confirmed(() => copies.dropAgain(keys)));
    const able = database as unknown as Record<string, unknown>;
    for (const name of abilities) {
      const ability = able[name];
      if (typeof ability !== 'function') continue;
      Object.defineProperty(this, name, { value: ability.bind(database) });
    }
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    return this.#database.load(key);
  }

  /** Drops nothing: what Django does not find in the table, it does not put into its cache. */
  create(record: SessionRecord, origin?: string): Awaitable<Written> {
    return this.#database.create(record, origin);
  }

  update(record: SessionRecord, base: string, origin?: string): Promise<Written> {
    return this.#write(record.key, () => this.#database.update(record, base, origin));
  }

  /** Also drops the copy, which may be made to live longer than the row now does. */
  touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#write(record.key, () => this.#database.touch(record, base));
  }

  delete(key: string, base?: string): Promise<boolean> {
    return this.#write(key, () => this.#database.delete(key, base));
  }

  /** Copies of what has expired end by themselves; where sessions are ended before their time, all copies are dropped. */
  async clearExpired(options: ClearExpiredOptions = {}): Promise<number> {
    const { expiresAt, dryRun } = options;
    const ahead = !dryRun && expiresAt !== undefined && expiresAt > this.#now();
    if (ahead && !this.#copies.dropAll) {
      throw new ImproperlyConfigured(
        "Sessions cannot be ended before they expire while Django's cache may hold them: give djangoCache a function dropAll as well.",
      );
    }
    const cleared = await this.#database.clearExpired(options);
    if (ahead) await this.#copies.dropAll?.();
    return cleared;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #write<T>(key: string, write: () => Awaitable<T>): Promise<T> {
    const writing = this.#dropAround(key, write);
    this.#writes.add(writing);
    return writing.finally(() => this.#writes.delete(writing));
  }

  async #dropAround<T>(key: string, write: () => Awaitable<T>): Promise<T> {
    if (this.#closing !== undefined) throw new SessionError('The session backend is closed.');
    const drop = () => this.#copies.drop(key);
    if (!(this.#breaker.admits && (await this.#confirmed(drop)))) {
      throw new BackendUnavailable(
        "Nothing was written: Django's session cache did not confirm that it has forgotten the session, and would go on serving it.",
      );
    }
    let result: T;
    try {
      result = await write();
    } finally {
      // After a failure too: the row may have been written all the same, or will be in a moment.
      this.#rounds.add(key);
    }
    if (await this.#confirmed(drop)) return result;
    throw new BackendUnavailable(
      "The session is written, but Django's session cache did not confirm that it has forgotten the old one; this is tried again.",
      { ambiguous: true },
    );
  }

  async #confirmed(drop: () => Promise<void>): Promise<boolean> {
    const era = this.#breaker.begin();
    const failed = (error: unknown): unknown => {
      this.#breaker.failed(era, error);
      this.#failed(error);
      return error;
    };
    try {
      await withDeadline(drop, this.#timeoutMs, {
        answered: () => this.#breaker.answered(),
        failed,
        late: () => {
          const message = `Django's session cache did not answer within ${this.#timeoutMs} ms.`;
          return failed(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
        },
      });
      return true;
    } catch {
      // Told already.
      return false;
    }
  }

  async #close(): Promise<void> {
    // A row that was written is only half a write: its copy has to go.
    await Promise.allSettled([...this.#writes]);
    try {
      await this.#rounds.close();
      await this.#copies.close();
    } finally {
      await this.#database.close();
    }
  }
}
