import type { AccountNotes } from './account-notes.ts';
import { afterwards } from './awaitable.ts';
import { BackendCalls } from './backend-calls.ts';
import type { Entries } from './changes.ts';
import { isUpdateError } from './compare-and-set.ts';
import { SessionInterrupted } from './errors.ts';
import { attributesOf } from './session-attributes.ts';
import type {
  Awaitable,
  ExpiryReader,
  OriginalReader,
  SessionBackend,
  StoredSession,
} from './session-backend.ts';
import { type LoadedSession, SessionCodec } from './session-codec.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { endOfStored, hasEnded } from './session-lifetime.ts';
import { type MoveSource, SessionMoves } from './session-moves.ts';
import { SessionPlace } from './session-place.ts';
import { SessionWriter } from './session-writer.ts';
import type { Settings } from './settings.ts';

/** A place whose sessions are moved to another one, where they are used from then on. */
export interface FormerPlace {
  sourceOf(key: string): MoveSource;
}

/** Characters of a backend's reason in an event: it may repeat a name that it found. */
const LONGEST_DETAIL = 200;

/** The records of a backend as sessions: encoded and decoded, with deadlines and events, one call at a time. */
export class SessionRecords {
  readonly settings: Settings;
  readonly #codec: SessionCodec;
  readonly #backend: SessionBackend;
  readonly #events: SessionEventEmitter;
  readonly #calls: BackendCalls;
  /** The same records for whoever looks after all of them. */
  readonly place: SessionPlace;
  /** Where the sessions of an account are found, if the settings have accounts. */
  readonly notes: AccountNotes | undefined;
  /** Whether the key is the data, as in signed cookies: nothing to compare, to retire or to remove. */
  readonly inCookie: boolean;
  /** Whether `load` answers without a promise. */
  readonly answersAtOnce: boolean;
  readonly writer: SessionWriter;
  readonly #moves: SessionMoves;
  readonly #former: FormerPlace | undefined;

  /** @param former the place whose sessions are moved here when they are first used. */
  constructor(
    backend: SessionBackend,
    settings: Settings,
    events: SessionEventEmitter,
    former?: FormerPlace,
  ) {
    this.settings = settings;
    this.#codec = new SessionCodec(backend.encoding, settings);
    this.#backend = backend;
    this.#events = events;
    this.#calls = new BackendCalls(backend.constructor.name, settings.operationTimeoutMs, events);
    this.inCookie = backend.encoding !== 'serialized' && (backend.encoding.inCookie ?? false);
    this.answersAtOnce = backend.answers === 'synchronously' && !former;
    this.place = new SessionPlace(backend, this.#codec, this.#calls, settings);
    this.notes = this.place.notes;
    this.writer = new SessionWriter({
      ...{ backend, settings, events, codec: this.#codec, calls: this.#calls, place: this.place },
      inCookie: this.inCookie,
    });
    this.#moves = new SessionMoves(backend, this.#codec, this.#calls, this.place, events);
    this.#former = former;
    if (readsExpiry(backend)) backend.useExpiry((stored, key) => this.#endOf(stored, key));
  }

  /** What is stored under the key, as it is; a session of the place that is migrated from is moved here first. */
  fetch(key: string): Awaitable<StoredSession | undefined> {
    const stored = this.#read(key);
    return this.#former ? this.#arrived(key, stored, this.#former) : stored;
  }

  /** The session in a record, or `undefined` where there is none; a record that is none is an event. */
  open(key: string, stored: StoredSession | undefined): LoadedSession | undefined {
    const decoded = stored ? this.#codec.decode(stored, key) : 'unknown';
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
    if (decoded.moving !== undefined) return undefined;
    if (decoded.rotated) this.#events.tell('rejected', key, { reason: 'rotated' });
    return decoded;
  }

  /** Loads and opens in one step. */
  load(key: string): Awaitable<LoadedSession | undefined> {
    const stored = this.fetch(key);
    return afterwards(stored, (found) => this.open(key, found));
  }

  /** Loads from the place itself, where the backend keeps copies as well. @param timeoutMs as for `BackendCall`. */
  async loadOriginal(key: string, timeoutMs?: number): Promise<LoadedSession | undefined> {
    const stored = this.#readOriginal(key, timeoutMs);
    const former = this.#former;
    return this.open(key, await (former ? this.#arrived(key, stored, former) : stored));
  }

  /** See `SessionMoves.arrive`. */
  arrive(key: string, source: MoveSource): Promise<StoredSession | undefined> {
    return this.#moves.arrive(key, source);
  }

  /** What is here in the place itself, by whoever moves it: also what is left of a session. What cannot be read is an event. */
  async lookUp(key: string): Promise<LoadedSession | undefined> {
    const stored = await this.#readOriginal(key);
    const found = stored && this.#codec.decode(stored, key);
    if (!found) return undefined;
    if (typeof found === 'string') {
      this.#events.tell('rejected', key, { reason: found });
      return undefined;
    }
    return hasEnded(found, this.inCookie, this.settings) ? undefined : found;
  }

  /** Removes the record, with `base` only the one that it names. @throws {UpdateError} */
  async remove(key: string, base?: string, timeoutMs?: number): Promise<boolean> {
    const call = { operation: 'delete', key, base, timeoutMs } as const;
    return this.#calls.make(call, () => this.#backend.delete(this.place.backendKey(key), base));
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

  #read(key: string): Awaitable<StoredSession | undefined> {
    const call = { operation: 'load', key } as const;
    return this.#calls.make(call, () => this.#backend.load(this.place.backendKey(key)));
  }

  #readOriginal(key: string, timeoutMs?: number): Awaitable<StoredSession | undefined> {
    const backend = this.#backend;
    const backendKey = this.place.backendKey(key);
    const read = () =>
      keepsCopies(backend) ? backend.loadOriginal(backendKey) : backend.load(backendKey);
    return this.#calls.make({ operation: 'load', key, timeoutMs }, read);
  }

  async #arrived(
    key: string,
    reading: Awaitable<StoredSession | undefined>,
    former: FormerPlace,
  ): Promise<StoredSession | undefined> {
    const stored = await reading;
    if (this.#moves.isSettled(key, stored)) return stored;
    return this.#moves.arrive(key, former.sourceOf(key));
  }

  #endOf(stored: StoredSession, backendKey?: string): Date {
    // Of a hashed key, nobody can tell which one the visitor has.
    const key = this.settings.hashKeys ? undefined : backendKey;
    const decoded = this.#codec.decode(stored, key);
    const found = typeof decoded === 'string' ? undefined : decoded;
    return endOfStored(found, stored.modifiedAt ?? this.settings.now(), this.settings);
  }
}

function readsExpiry(backend: SessionBackend): backend is SessionBackend & ExpiryReader {
  return typeof (backend as Partial<ExpiryReader>).useExpiry === 'function';
}

function keepsCopies(backend: SessionBackend): backend is SessionBackend & OriginalReader {
  return typeof (backend as Partial<OriginalReader>).loadOriginal === 'function';
}
