import { applyChanges, type ChangeSet, type Entries, ROTATED_ENTRY } from './changes.ts';
import { type Commit, CommitQueue, type LaneState } from './commit-queue.ts';
import { isNamed, isUpdateError, untilUnchanged } from './compare-and-set.ts';
import { isPromise, withDeadline } from './deadline.ts';
import { CreateError, SessionInterrupted } from './errors.ts';
import type {
  Awaitable,
  SessionBackend,
  SessionRecord,
  StoredSession,
  Written,
} from './session-backend.ts';
import { type LoadedSession, SessionCodec } from './session-codec.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { hashSessionKey, newSessionKey } from './session-key.ts';
import { createdAtOf, endOfSession, hasEnded, withCreation } from './session-lifetime.ts';
import type { Settings } from './settings.ts';

/** A record that was written, and the key that the cookie has to carry now. */
export interface Committed {
  readonly key: string;
  readonly session: LoadedSession;
}

interface Update extends Commit<Committed> {
  readonly loaded: LoadedSession;
  readonly changes: ChangeSet;
}

/** Milliseconds for which a cycled key is remembered, so that late requests neither revive nor replace it. */
const ROTATED_FOR_MS = 60_000;
const CREATE_ATTEMPTS = 5;

/** Every read and write of an application's sessions: deadlines, merging, rotation, events. */
export class SessionCommits {
  readonly #backend: SessionBackend;
  readonly #settings: Settings;
  readonly #events: SessionEventEmitter;
  readonly #codec: SessionCodec;
  readonly #queue: CommitQueue<Update>;
  /** Whether the key is the data, as in signed cookies: nothing to compare, to retire or to remove. */
  readonly inCookie: boolean;
  /** Whether `load` answers without a promise. */
  readonly answersAtOnce: boolean;

  constructor(backend: SessionBackend, settings: Settings, events: SessionEventEmitter) {
    this.#backend = backend;
    this.#settings = settings;
    this.#events = events;
    this.#codec = new SessionCodec(backend.encoding, settings);
    this.#queue = new CommitQueue((key, updates, state) => this.#writeShared(key, updates, state));
    this.inCookie = backend.encoding !== 'serialized' && (backend.encoding.inCookie ?? false);
    this.answersAtOnce = backend.answers === 'synchronously';
  }

  /** What the backend has under the key, as it is. */
  fetch(key: string): Awaitable<StoredSession | undefined> {
    return this.#call('load', key, false, () => this.#backend.load(this.#backendKey(key)));
  }

  /** The session in a record, or `undefined` where there is none; a record that is none is an event. */
  open(key: string, stored: StoredSession | undefined): LoadedSession | undefined {
    const decoded = stored ? this.#codec.decode(stored) : 'unknown';
    const rejected =
      typeof decoded === 'string'
        ? decoded
        : hasEnded(decoded, this.inCookie, this.#settings)
          ? 'expired'
          : decoded.rotated
            ? 'rotated'
            : undefined;
    if (rejected) this.#events.tell('rejected', key, { reason: rejected });
    if (typeof decoded === 'string' || rejected === 'expired') return undefined;
    return decoded;
  }

  /** Loads and opens in one step. */
  load(key: string): Awaitable<LoadedSession | undefined> {
    const stored = this.fetch(key);
    return isPromise(stored)
      ? stored.then((found) => this.open(key, found))
      : this.open(key, stored);
  }

  /** Stores the entries under a new key. */
  async create(entries: Entries): Promise<Committed> {
    const complete = withCreation(entries, undefined, this.#settings);
    for (let attempt = 1; ; attempt += 1) {
      const key = newSessionKey();
      const record = this.#record(key, complete);
      try {
        const written = await this.#call('create', key, true, () => this.#backend.create(record));
        this.#events.tell('created', key, {});
        return this.#committed(key, record, written, complete);
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

  /** Merges the changes into the record; commits of one key that wait meanwhile share a write. */
  update(key: string, loaded: LoadedSession, changes: ChangeSet): Promise<Committed> {
    return new Promise<Committed>((resolve, reject) => {
      this.#queue.share(key, { loaded, changes, resolve, reject });
    });
  }

  /** Moves the record's expiry; `undefined` when somebody else changed or removed it, who then did so anyway. */
  async touch(key: string, loaded: LoadedSession): Promise<Committed | undefined> {
    const entries = withCreation(loaded.entries, loaded.signedAt, this.#settings);
    const resign = loaded.byFallback || this.inCookie || entries !== loaded.entries;
    const record = this.#record(key, entries, resign ? undefined : loaded.data);
    const written = await this.#call('touch', key, true, () =>
      this.#backend.touch(record, loaded.base),
    );
    return written && this.#committed(key, record, written, entries);
  }

  /** Moves the session to a new key and retires the old one. @throws {SessionInterrupted} when it had ended. */
  cycle(key: string, loaded: LoadedSession, changes: ChangeSet): Promise<Committed> {
    return this.#queue.alone(key, async (state) => {
      let theirs = state.latest ?? loaded;
      state.latest = undefined;
      let successor = await this.create(applyChanges(changes, theirs.entries));
      if (this.inCookie) return successor;
      try {
        await untilUnchanged(async () => {
          const meanwhile = await this.#retire(key, theirs);
          if (!meanwhile) return true;
          theirs = meanwhile;
          const entries = applyChanges(changes, theirs.entries);
          successor = await this.#replace(
            successor,
            withCreation(entries, theirs.signedAt, this.#settings),
          );
          return false;
        });
      } catch (error) {
        // Nobody has the successor's key, so that what stays behind if this fails too can only expire.
        await this.#remove(successor.key, undefined).catch(() => false);
        throw error;
      }
      return successor;
    });
  }

  /** Ends the session; `false` when there was none. @throws {SessionInterrupted} when its key was cycled meanwhile. */
  end(key: string, loaded: LoadedSession | undefined): Promise<boolean> {
    return this.#queue.alone(key, async (state) => {
      let theirs = state.latest ?? loaded;
      state.latest = undefined;
      let removed = false;
      await untilUnchanged(async () => {
        try {
          removed = await this.#remove(key, theirs?.base);
          return true;
        } catch (error) {
          if (!isUpdateError(error) || error.reason !== 'changed') throw error;
          // A record that cannot be read is removed as it is; the marker of a cycled key must stay.
          theirs = this.#read(key, error.current);
          if (theirs?.rotated) throw this.interrupted(key);
          return false;
        }
      });
      return removed;
    });
  }

  /** Waits for the writes under way. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #writeShared(key: string, updates: Update[], state: LaneState): Promise<void> {
    let pending = updates;
    let attempts = 0;
    const settle = (settled: (update: Update) => void): void => {
      for (const update of pending) settled(update);
    };
    try {
      const first = pending[0];
      let theirs = state.latest ?? first?.loaded;
      await untilUnchanged(async () => {
        if (!theirs) return true;
        attempts += 1;
        const merged = this.#merge(pending, theirs);
        pending = merged.accepted;
        if (pending.length === 0) return true;
        const record = this.#record(key, merged.entries);
        const { base } = theirs;
        try {
          const written = await this.#call('update', key, true, () =>
            this.#backend.update(record, base),
          );
          const committed = this.#committed(key, record, written, merged.entries);
          state.latest = this.inCookie ? undefined : committed.session;
          this.#events.tell('saved', key, {});
          if (attempts > 1 || pending.length > 1) {
            this.#events.tell('merged', key, { attempts, commits: pending.length });
          }
          settle((update) => update.resolve(committed));
          return true;
        } catch (error) {
          theirs = this.#newer(key, error);
          return false;
        }
      });
    } catch (error) {
      state.latest = undefined;
      settle((update) => update.reject(error));
    }
  }

  /** Applies each commit in turn; one that cannot be applied is rejected alone. */
  #merge(
    updates: readonly Update[],
    theirs: LoadedSession,
  ): { entries: Entries; accepted: Update[] } {
    let entries = withCreation(theirs.entries, theirs.signedAt, this.#settings);
    const accepted: Update[] = [];
    for (const update of updates) {
      try {
        const applied = applyChanges(update.changes, entries);
        // Several share a record, so each must prove by itself that it does not spoil it for the others.
        if (updates.length > 1) this.#codec.check(applied);
        entries = applied;
        accepted.push(update);
      } catch (error) {
        update.reject(error);
      }
    }
    return { entries, accepted };
  }

  /** Turns the old record into a marker; what is there instead, if somebody else wrote it meanwhile. */
  async #retire(key: string, theirs: LoadedSession): Promise<LoadedSession | undefined> {
    const until = new Date(this.#settings.now().getTime() + ROTATED_FOR_MS);
    const entries = new Map([[ROTATED_ENTRY, 'true']]);
    const record = { ...this.#record(key, entries), expiresAt: until };
    try {
      await this.#call('update', key, true, () => this.#backend.update(record, theirs.base));
      return undefined;
    } catch (error) {
      return this.#newer(key, error);
    }
  }

  async #replace(old: Committed, entries: Entries): Promise<Committed> {
    const record = this.#record(old.key, entries);
    const written = await this.#call('update', old.key, true, () =>
      this.#backend.update(record, old.session.base),
    );
    return this.#committed(old.key, record, written, entries);
  }

  async #remove(key: string, base: string | undefined): Promise<boolean> {
    return this.#call('delete', key, true, () => this.#backend.delete(this.#backendKey(key), base));
  }

  /** The record that an update met instead of its own. @throws the error itself, unless somebody else wrote. */
  #newer(key: string, error: unknown): LoadedSession {
    if (!isUpdateError(error)) throw error;
    const current = error.reason === 'changed' ? this.#read(key, error.current) : undefined;
    if (!current || current.rotated) throw this.interrupted(key);
    return current;
  }

  #read(key: string, stored: StoredSession | undefined): LoadedSession | undefined {
    return stored && this.open(key, stored);
  }

  /** The error of a session that ended meanwhile; also an event. */
  interrupted(key: string): SessionInterrupted {
    this.#events.tell('interrupted', key, {});
    return new SessionInterrupted();
  }

  #record(
    key: string,
    entries: Entries,
    data: string = this.#codec.encode(entries),
  ): SessionRecord {
    const expiresAt = endOfSession(
      entries,
      this.#settings.now(),
      this.#settings,
      createdAtOf(entries),
    );
    return { key: this.#backendKey(key), data, expiresAt, attributes: {} };
  }

  #committed(key: string, record: SessionRecord, written: Written, entries: Entries): Committed {
    const now = this.#settings.now();
    const session: LoadedSession = {
      data: record.data,
      base: written.base,
      entries,
      expiresAt: record.expiresAt,
      modifiedAt: undefined,
      signedAt: Math.floor(now.getTime() / 1000),
      byFallback: false,
      rotated: false,
    };
    return { key: this.inCookie ? written.key : key, session };
  }

  #backendKey(key: string): string {
    return this.#settings.hashKeys && !this.inCookie ? hashSessionKey(key) : key;
  }

  #call<T>(
    operation: string,
    key: string,
    writes: boolean,
    call: () => Awaitable<T>,
  ): Awaitable<T> {
    return withDeadline(call, {
      timeoutMs: this.#settings.operationTimeoutMs,
      writes,
      failed: ({ ambiguous, cause }) =>
        this.#events.tell('unavailable', key, { operation, ambiguous, cause }),
    });
  }
}
