import type { Cache } from '@coatcheck/cache';
import {
  type AccountIndex,
  type AccountNote,
  type Awaitable,
  BackendUnavailable,
  type ClearExpiredOptions,
  type ExpiryReader,
  ImproperlyConfigured,
  indexesAccounts,
  isPromise,
  type NotedSession,
  type OriginalReader,
  reportsSafety,
  type SafetyFinding,
  type SafetyReporter,
  type ScannedBatch,
  type ScanOptions,
  type SessionBackend,
  type SessionRecord,
  type SessionScanner,
  type StoredSession,
  scansSessions,
  UpdateError,
  type Written,
} from '@coatcheck/core';
import { baseIn, entryOf, FILL_MS, MARKER, sessionIn } from './cache-entry.ts';
import { type CacheFailure, warning } from './cache-failures.ts';
import { GuardedCache } from './guarded-cache.ts';
import { RowEntries } from './row-entries.ts';
import { claimForThisProcess } from './single-process.ts';

/** Settings of `cachedDbBackend`. */
export interface CachedDbOptions {
  /** Where sessions live. */
  readonly database: SessionBackend;
  /** What answers most reads: `new RedisCache({ url, name, startsEmpty: true })`, or `new LruCache()` for one process. */
  readonly cache: Cache;
  /** Milliseconds that a call of the cache may take before the database is asked. @default 200 */
  readonly cacheTimeoutMs?: number | undefined;
  /**
   * A cache in the process serves sessions that other processes have ended or changed, for up to five minutes; `true`
   * accepts that.
   *
   * @default false: several processes are refused
   */
  readonly allowStale?: boolean | undefined;
  /**
   * Hears of every failure of the cache, which is also published on `node:diagnostics_channel` as
   * `coatcheck:cacheFailed`.
   *
   * @default a warning of the process, once a minute at most
   */
  readonly onCacheFailure?: CacheFailure | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/**
 * A cache in front of a database. The database decides every write; the cache may fail at any time. An entry is only
 * replaced by what replaced its row, and a session is ended once both have confirmed it. Django:
 * `django.contrib.sessions.backends.cached_db`, which serves ended sessions after a failure of its cache.
 */
export class CachedDbBackend
  implements SessionBackend, OriginalReader, SafetyReporter, AccountIndex, SessionScanner
{
  readonly encoding: SessionBackend['encoding'];
  readonly answers: SessionBackend['answers'];
  readonly #database: SessionBackend;
  readonly #cache: GuardedCache;
  readonly #entries: RowEntries;
  readonly #now: () => Date;
  readonly #release: () => void;
  readonly #writes = new Set<Promise<unknown>>();

  /**
   * @throws {ImproperlyConfigured} for a cache in the process when there are several processes, and for a place that
   *   keeps no expiry, such as a directory of files.
   */
  constructor({ database, cache, now = () => new Date(), ...options }: CachedDbOptions) {
    const { cacheTimeoutMs = 200, allowStale = false, onCacheFailure = warn } = options;
    if (!(cacheTimeoutMs > 0)) {
      throw new ImproperlyConfigured('cache.timeoutMs must be a number of milliseconds above 0.');
    }
    if (typeof (database as Partial<ExpiryReader>).useExpiry === 'function') {
      throw new ImproperlyConfigured(
        'A cache goes in front of a place that keeps when its sessions end, such as a database; files do not: use their backend by itself.',
      );
    }
    const atOnce = cache.answers === 'synchronously';
    this.#release = atOnce && !allowStale ? claimForThisProcess(database) : () => undefined;
    this.encoding = database.encoding;
    this.answers = atOnce && database.answers === 'synchronously' ? 'synchronously' : 'later';
    this.#database = database;
    this.#cache = new GuardedCache(cache, cacheTimeoutMs, onCacheFailure, now);
    this.#entries = new RowEntries(this.#cache, now);
    this.#now = now;
  }

  load(key: string): Awaitable<StoredSession | undefined> {
    if (!this.#cache.isTrusted(key)) return this.loadOriginal(key);
    const found = this.#cache.ask((cache) => cache.get(key), { text: MARKER });
    return after(found, (entry) => {
      const cached = entry && sessionIn(key, entry.text);
      if (cached?.expiresAt && cached.expiresAt > this.#now()) return cached;
      const began = performance.now();
      return after(this.#database.load(key), (row) => {
        if (row && !entry && performance.now() - began < FILL_MS) this.#entries.fill(key, row);
        return withEntry(key, row);
      });
    });
  }

  loadOriginal(key: string): Awaitable<StoredSession | undefined> {
    return after(this.#database.load(key), (row) => withEntry(key, row));
  }

  create(record: SessionRecord, origin?: string): Promise<Written> {
    return this.#write(this.#create(record, origin));
  }

  update(record: SessionRecord, base: string, origin?: string): Promise<Written> {
    return this.#write(this.#update(record, base, origin));
  }

  touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    return this.#write(this.#touch(record, base));
  }

  delete(key: string, base?: string): Promise<boolean> {
    return this.#write(this.#delete(key, base));
  }

  clearExpired(options?: ClearExpiredOptions): Promise<number> {
    return this.#database.clearExpired(options);
  }

  /** The database decides; its cache may not know of a logout yet. */
  async *scan(options?: ScanOptions): AsyncGenerator<ScannedBatch> {
    const database = this.#database;
    if (!scansSessions(database)) {
      throw new ImproperlyConfigured(
        'The database behind the cache cannot list its sessions: its backend lacks the method scan.',
      );
    }
    for await (const { sessions, ...rest } of database.scan(options)) {
      const found = sessions.map(({ key, stored }) => ({
        key,
        stored: { ...stored, base: entryOf(key, stored) },
      }));
      yield { ...rest, sessions: found };
    }
  }

  async note(note: AccountNote): Promise<void> {
    await this.#accounts().note(note);
  }

  /** As the database has it: the cache may not know of a logout yet. */
  async noted(account: string): Promise<readonly NotedSession[]> {
    const found = await this.#accounts().noted(account);
    return found.map((noted) => ({ ...noted, stored: withEntry(noted.key, noted.stored) }));
  }

  async forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    await this.#accounts().forget(account, keys, unseenSince);
  }

  /** The cache may lose everything at any time: only the database is asked. */
  async reportSafety(): Promise<readonly SafetyFinding[]> {
    const message =
      'The cache in front decides nothing: what it loses, the database answers. After a crash between the two, an old session can be read for five minutes at most, and never written.';
    const database = this.#database;
    const found = reportsSafety(database) ? await database.reportSafety() : [];
    return [...found, { level: 'notice', about: 'Cache', message }];
  }

  /** Makes what the database lacks; `false` when there was nothing to do. */
  async migrate(): Promise<boolean> {
    const { migrate } = this.#database as { migrate?: () => Promise<boolean> };
    return migrate ? migrate.call(this.#database) : false;
  }

  /** Whether the database has what it needs. */
  async isMigrated(): Promise<boolean> {
    const { isMigrated } = this.#database as { isMigrated?: () => Promise<boolean> };
    return isMigrated ? isMigrated.call(this.#database) : true;
  }

  async close(): Promise<void> {
    // A row that was written is only half a write: its entry follows.
    await Promise.allSettled([...this.#writes]);
    try {
      await this.#cache.close();
    } finally {
      this.#release();
      await this.#database.close();
    }
  }

  async #create(record: SessionRecord, origin: string | undefined): Promise<Written> {
    const written = await this.#database.create(record, origin && baseIn(origin));
    return this.#entries.created(record, written);
  }

  async #update(record: SessionRecord, base: string, origin: string | undefined): Promise<Written> {
    let written: Written;
    try {
      written = await this.#database.update(record, baseIn(base), origin && baseIn(origin));
    } catch (error) {
      // Whatever it was, the entry that led here may be old.
      await this.#entries.doubt(record.key);
      throw withCurrentEntry(record.key, error);
    }
    return this.#entries.replaced(record, base, written);
  }

  async #touch(record: SessionRecord, base: string): Promise<Written | undefined> {
    const written = await this.#database.touch(record, baseIn(base));
    if (written) return this.#entries.replaced(record, base, written);
    await this.#entries.doubt(record.key);
    return undefined;
  }

  async #delete(key: string, base?: string): Promise<boolean> {
    // The cache first: whoever reads from here on asks the database.
    const marked = await this.#cache.mark(key);
    const rowBase = base === undefined ? undefined : baseIn(base);
    let removed: boolean;
    try {
      removed = await this.#database.delete(key, rowBase);
    } catch (error) {
      throw withCurrentEntry(key, error);
    }
    if (!marked) {
      throw new BackendUnavailable(
        'The session is removed from the database, but its cache did not confirm that it has forgotten it; this is tried again.',
        { ambiguous: true },
      );
    }
    return removed;
  }

  #accounts(): AccountIndex {
    if (indexesAccounts(this.#database)) return this.#database;
    throw new ImproperlyConfigured(
      'account needs a database that can list the sessions of an account, such as one of @coatcheck/db.',
    );
  }

  #write<T>(write: Promise<T>): Promise<T> {
    this.#writes.add(write);
    return write.finally(() => this.#writes.delete(write));
  }
}

/** Sessions in a database behind a cache. */
export function cachedDbBackend(options: CachedDbOptions): CachedDbBackend {
  return new CachedDbBackend(options);
}

function withEntry(key: string, row: StoredSession | undefined): StoredSession | undefined {
  return row && { ...row, base: entryOf(key, row) };
}

/** What the database says is there now, with the token of this backend. By name: it may have a core of its own. */
function withCurrentEntry(key: string, error: unknown): unknown {
  const { name, current } = (error ?? {}) as { name?: unknown; current?: StoredSession };
  const entry = name === 'UpdateError' ? withEntry(key, current) : undefined;
  return entry ? new UpdateError('changed', entry) : error;
}

function after<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

const warn = warning(
  'COATCHECK_CACHE_FAILED',
  (cause) => `The cache of the sessions fails (${cause}); the database answers instead.`,
);
