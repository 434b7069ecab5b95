import type { ClientFacts } from './account-index.ts';
import { AccountNotes } from './account-notes.ts';
import { BackendCalls } from './backend-calls.ts';
import type { Entries } from './changes.ts';
import { isNamed, isUpdateError, untilUnchanged } from './compare-and-set.ts';
import { isPromise } from './deadline.ts';
import { CreateError, ImproperlyConfigured, SessionInterrupted } from './errors.ts';
import { rotationMarker } from './rotation-marker.ts';
import { attributesOf } from './session-attributes.ts';
import type {
  Awaitable,
  ClearExpiredOptions,
  ExpiryReader,
  OriginalReader,
  SessionBackend,
  SessionRecord,
  StoredSession,
  Written,
} from './session-backend.ts';
import { type LoadedSession, SessionCodec } from './session-codec.ts';
import type { SessionEventEmitter } from './session-events.ts';
import type { InspectedSession, RecordState } from './session-inspector.ts';
import { hashSessionKey, newSessionKey } from './session-key.ts';
import {
  createdAtOf,
  endOfSession,
  endOfStored,
  hasEnded,
  withCreation,
  withSharedExpiry,
} from './session-lifetime.ts';
import {
  checkedBatchSize,
  type ScannedBatch,
  type ScanOptions,
  scansSessions,
} from './session-scanner.ts';
import type { Settings } from './settings.ts';

/** A record that was written, and the key that the cookie has to carry now. */
export interface Committed {
  readonly key: string;
  readonly session: LoadedSession;
}

const CREATE_ATTEMPTS = 5;
/** Characters of a backend's reason in an event: it may repeat a name that it found. */
const LONGEST_DETAIL = 200;

/** The records of a backend as sessions: encoded and decoded, with deadlines and events, one call at a time. */
export class SessionRecords {
  readonly settings: Settings;
  readonly #codec: SessionCodec;
  readonly #backend: SessionBackend;
  readonly #events: SessionEventEmitter;
  readonly #calls: BackendCalls;
  /** Where the sessions of an account are found, if the settings have accounts. */
  readonly notes: AccountNotes | undefined;
  /** Whether the key is the data, as in signed cookies: nothing to compare, to retire or to remove. */
  readonly inCookie: boolean;
  /** Whether `load` answers without a promise. */
  readonly answersAtOnce: boolean;

  constructor(backend: SessionBackend, settings: Settings, events: SessionEventEmitter) {
    this.settings = settings;
    this.#codec = new SessionCodec(backend.encoding, settings);
    this.#backend = backend;
    this.#events = events;
    this.#calls = new BackendCalls(backend.constructor.name, settings.operationTimeoutMs, events);
    this.inCookie = backend.encoding !== 'serialized' && (backend.encoding.inCookie ?? false);
    this.answersAtOnce = backend.answers === 'synchronously';
    this.notes = settings.account && new AccountNotes(backend, this.#calls, this);
    if (readsExpiry(backend)) backend.useExpiry((stored) => this.#endOf(stored));
  }

  /** What the backend has under the key, as it is. */
  fetch(key: string): Awaitable<StoredSession | undefined> {
    const call = { operation: 'load', key } as const;
    return this.#calls.make(call, () => this.#backend.load(this.backendKey(key)));
  }

  /** The session in a record, or `undefined` where there is none; a record that is none is an event. */
  open(key: string, stored: StoredSession | undefined): LoadedSession | undefined {
    const decoded = stored ? this.#codec.decode(stored) : 'unknown';
    if (typeof decoded === 'string') {
      const detail = decoded === 'corrupt' ? stored?.refused : undefined;
      this.#events.tell('rejected', key, {
        reason: decoded,
        ...(detail && { detail: detail.slice(0, LONGEST_DETAIL) }),
      });
      return undefined;
    }
    if (hasEnded(decoded, this.inCookie, this.settings)) {
      this.#events.tell('rejected', key, { reason: 'expired' });
      return undefined;
    }
    if (decoded.rotated) this.#events.tell('rejected', key, { reason: 'rotated' });
    return decoded;
  }

  /** The session in a record, for whoever looks and is not asked for it: nothing is told of what is none. */
  peek(stored: StoredSession): LoadedSession | undefined {
    const decoded = this.#codec.decode(stored);
    if (typeof decoded === 'string' || decoded.rotated) return undefined;
    return hasEnded(decoded, this.inCookie, this.settings) ? undefined : decoded;
  }

  /** What a record is, for whoever looks at all of them; `session` wherever it can be read. */
  inspect(stored: StoredSession): { state: RecordState; session?: LoadedSession } {
    const session = this.#codec.decode(stored);
    if (typeof session === 'string') return { state: 'unreadable' };
    const { expiresAt } = stored;
    const isOver = expiresAt !== undefined && expiresAt <= this.settings.now();
    if (isOver || hasEnded(session, this.inCookie, this.settings))
      return { state: 'expired', session };
    return { state: session.rotated ? 'cycled' : 'live', session };
  }

  /** Goes through all that is stored. @throws {ImproperlyConfigured} where the backend cannot list its sessions. */
  async *scan(options?: ScanOptions): AsyncGenerator<ScannedBatch> {
    const backend = this.#backend;
    if (!scansSessions(backend)) {
      throw new ImproperlyConfigured(
        `${backend.constructor.name} cannot list its sessions: use an engine that can, such as db, cached_db, cache or file.`,
      );
    }
    const batches = backend.scan(options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value, done } = await this.#calls.makeAtLeisure(() => batches.next());
        if (done) return;
        yield value;
      }
    } finally {
      await batches.return?.();
    }
  }

  /** Loads and opens in one step. */
  load(key: string): Awaitable<LoadedSession | undefined> {
    const stored = this.fetch(key);
    return isPromise(stored)
      ? stored.then((found) => this.open(key, found))
      : this.open(key, stored);
  }

  /** Loads from the place itself, where the backend keeps copies as well. @param timeoutMs as for `BackendCall`. */
  async loadOriginal(key: string, timeoutMs?: number): Promise<LoadedSession | undefined> {
    const backend = this.#backend;
    const backendKey = this.backendKey(key);
    const read = () =>
      keepsCopies(backend) ? backend.loadOriginal(backendKey) : backend.load(backendKey);
    return this.open(key, await this.#calls.make({ operation: 'load', key, timeoutMs }, read));
  }

  /** Stores the entries under a new key; `origin` is the base of the record that they come from. */
  async create(entries: Entries, origin?: string, client?: ClientFacts): Promise<Committed> {
    const complete = this.#complete(entries, undefined);
    for (let attempt = 1; ; attempt += 1) {
      const key = newSessionKey();
      const record = this.#record(key, complete);
      await this.notes?.note(record, complete, client);
      try {
        const call = { operation: 'create', key, record, base: origin } as const;
        const written = await this.#calls.make(call, () => this.#backend.create(record, origin));
        const committed = this.#committed(key, record, written, complete);
        this.#events.tell('created', committed.key, {});
        return committed;
      } catch (error) {
        if (!isNamed(error, 'CreateError')) throw error;
        if (attempt === CREATE_ATTEMPTS) {
          throw new CreateError(
            `${CREATE_ATTEMPTS} new session keys in a row were taken; the random source is broken.`,
            { cause: error },
          );
        }
      }
    }
  }

  /** Stores a session of another place under its own key; `false` where there is one already. */
  async adopt(found: InspectedSession): Promise<boolean> {
    const key = this.#adoptedKey(found.key);
    const createdAt = found.createdAt ?? found.savedAt;
    const entries = this.#complete(
      new Map(found.entries),
      createdAt && Math.floor(createdAt.getTime() / 1000),
    );
    const known = this.#codec.decode({ data: found.data, base: found.base });
    const record: SessionRecord = {
      key,
      // What can stay as it is keeps the time of its signature.
      data:
        typeof known === 'string' || known.byFallback ? this.#codec.encode(entries) : found.data,
      expiresAt: found.expiresAt ?? endOfSession(entries, this.settings.now(), this.settings),
      attributes: attributesOf(entries, this.settings),
    };
    await this.notes?.note(record, entries, undefined);
    try {
      const call = { operation: 'create', key, record } as const;
      await this.#calls.make(call, () => this.#backend.create(record));
      return true;
    } catch (error) {
      if (!isNamed(error, 'CreateError')) throw error;
      return false;
    }
  }

  /** Replaces the record that `base` names; `origin` where the entries come from another. @throws {UpdateError} */
  async replace(
    key: string,
    entries: Entries,
    base: string,
    { origin, client }: { origin?: string; client?: ClientFacts | undefined } = {},
  ): Promise<Committed> {
    const complete = withSharedExpiry(entries, this.settings);
    const record = this.#record(key, complete);
    await this.notes?.note(record, complete, client);
    const written = await this.#update(key, record, base, origin);
    this.#events.tell('saved', key, {});
    return this.#committed(key, record, written, complete);
  }

  /** Turns the record that `base` names into the marker of a key that was cycled. @throws {UpdateError} */
  async retire(key: string, base: string, rotation: string): Promise<void> {
    const record = this.#record(key, rotationMarker(rotation, this.settings.now()));
    await this.#update(key, record, base);
  }

  /** Moves the record's expiry; `undefined` when somebody else changed or removed it, who then did so anyway. */
  async touch(
    key: string,
    loaded: LoadedSession,
    client?: ClientFacts,
  ): Promise<Committed | undefined> {
    const entries = this.#complete(loaded.entries, loaded.signedAt);
    const resign = loaded.byFallback || this.inCookie || entries !== loaded.entries;
    const record = this.#record(key, entries, resign ? undefined : loaded.data);
    const { base } = loaded;
    await this.notes?.note(record, entries, client);
    const call = { operation: 'touch', key, record, base } as const;
    const written = await this.#calls.make(call, () => this.#backend.touch(record, base));
    return written && this.#committed(key, record, written, entries);
  }

  /** Removes the record, with `base` only the one that it names. @throws {UpdateError} */
  async remove(key: string, base?: string, timeoutMs?: number): Promise<boolean> {
    const call = { operation: 'delete', key, base, timeoutMs } as const;
    return this.#calls.make(call, () => this.#backend.delete(this.backendKey(key), base));
  }

  /**
   * Removes the record under a key as the backend knows it, as it is by then; `false` when it was gone, or its session
   * has moved to another key.
   *
   * @param isMeant asked when the record was changed meanwhile: then it is removed only if this says so
   */
  async removeLatest(
    backendKey: string,
    stored: string,
    isMeant: (latest: StoredSession) => boolean = () => true,
  ): Promise<boolean> {
    let removed = false;
    let base = stored;
    await untilUnchanged(async () => {
      try {
        const call = { operation: 'delete', key: backendKey, base } as const;
        removed = await this.#calls.make(call, () => this.#backend.delete(backendKey, base));
        return true;
      } catch (error) {
        if (!isUpdateError(error) || !error.current) throw error;
        base = error.current.base;
        return this.peek(error.current) === undefined || !isMeant(error.current);
      }
    });
    return removed;
  }

  /** Removes what has expired, which may take its time. */
  async clearExpired(options: ClearExpiredOptions | undefined): Promise<number> {
    // A caller's mistake is no failure of the backend.
    checkedBatchSize(options?.batchSize);
    return this.#calls.makeAtLeisure(() => this.#backend.clearExpired(options));
  }

  /**
   * The session that a compare-and-set met instead of the one it wanted to replace.
   *
   * @throws {SessionInterrupted} when there is none any more, and other errors as they are.
   */
  newer(key: string, error: unknown): LoadedSession {
    if (!isUpdateError(error)) throw error;
    const current = error.current && this.open(key, error.current);
    if (error.reason === 'gone' || !current) throw this.interrupted(key);
    if (current.rotated) throw this.interrupted(key, { isCycled: true });
    return current;
  }

  /** The error of a session that ended meanwhile; also an event. */
  interrupted(key: string, facts?: { readonly isCycled: boolean }): SessionInterrupted {
    this.#events.tell('interrupted', key, {});
    return new SessionInterrupted(facts);
  }

  /** Tells how many commits shared a write, and how many attempts it took. */
  tellMerged(key: string, attempts: number, commits: number): void {
    if (attempts > 1 || commits > 1) this.#events.tell('merged', key, { attempts, commits });
  }

  /** @throws what a write of these entries would be refused for: a limit exceeded, attributes. */
  check(entries: Entries): void {
    this.#codec.check(entries);
    attributesOf(entries, this.settings);
  }

  #complete(entries: Entries, signedAt: number | undefined): Entries {
    return withSharedExpiry(withCreation(entries, signedAt, this.settings), this.settings);
  }

  #record(
    key: string,
    entries: Entries,
    data: string = this.#codec.encode(entries),
  ): SessionRecord {
    const { now } = this.settings;
    const expiresAt = endOfSession(entries, now(), this.settings, createdAtOf(entries));
    const attributes = attributesOf(entries, this.settings);
    return { key: this.backendKey(key), data, expiresAt, attributes };
  }

  #committed(key: string, record: SessionRecord, written: Written, entries: Entries): Committed {
    const session: LoadedSession = {
      data: record.data,
      base: written.base,
      entries,
      expiresAt: record.expiresAt,
      modifiedAt: undefined,
      signedAt: Math.floor(this.settings.now().getTime() / 1000),
      byFallback: false,
      rotated: false,
    };
    return { key: this.inCookie ? written.key : key, session };
  }

  #endOf(stored: StoredSession): Date {
    const decoded = this.#codec.decode(stored);
    const found = typeof decoded === 'string' ? undefined : decoded;
    return endOfStored(found, stored.modifiedAt ?? this.settings.now(), this.settings);
  }

  #adoptedKey(key: string): string {
    if (this.inCookie) {
      throw new ImproperlyConfigured(
        'Sessions cannot be copied into cookies: visitors have those.',
      );
    }
    const isDigest = /^[a-f0-9]{64}$/.test(key);
    if (isDigest && !this.settings.hashKeys) {
      throw new ImproperlyConfigured(
        'The sessions to copy have hashed keys, and nobody can turn those back: set hashKeys here too.',
      );
    }
    return isDigest ? key : this.backendKey(key);
  }

  /** The key as the backend knows it. */
  backendKey(key: string): string {
    return this.settings.hashKeys && !this.inCookie ? hashSessionKey(key) : key;
  }

  async #update(
    key: string,
    record: SessionRecord,
    base: string,
    origin?: string,
  ): Promise<Written> {
    const call = { operation: 'update', key, record, base } as const;
    return this.#calls.make(call, () => this.#backend.update(record, base, origin));
  }
}

function readsExpiry(backend: SessionBackend): backend is SessionBackend & ExpiryReader {
  return typeof (backend as Partial<ExpiryReader>).useExpiry === 'function';
}

function keepsCopies(backend: SessionBackend): backend is SessionBackend & OriginalReader {
  return typeof (backend as Partial<OriginalReader>).loadOriginal === 'function';
}
