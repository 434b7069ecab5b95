import { AccountNotes } from './account-notes.ts';
import type { BackendCalls } from './backend-calls.ts';
import type { Entries } from './changes.ts';
import { isNamed, isUpdateError, untilUnchanged } from './compare-and-set.ts';
import { ImproperlyConfigured } from './errors.ts';
import { attributesOf } from './session-attributes.ts';
import type {
  ClearExpiredOptions,
  SessionBackend,
  SessionRecord,
  StoredSession,
} from './session-backend.ts';
import type { LoadedSession, SessionCodec } from './session-codec.ts';
import type { InspectedSession, RecordState } from './session-inspector.ts';
import { hashSessionKey, isKeyDigest } from './session-key.ts';
import { completed, endOfSession, hasEnded } from './session-lifetime.ts';
import {
  checkedBatchSize,
  type ScannedBatch,
  type ScanOptions,
  scansSessions,
} from './session-scanner.ts';
import type { Settings } from './settings.ts';

/** All records of a backend, by the keys that it knows, for whoever looks after them: no visitor asks, no event tells. */
export class SessionPlace {
  readonly settings: Settings;
  /** Where the sessions of an account are found, if the settings have accounts. */
  readonly notes: AccountNotes | undefined;
  readonly #backend: SessionBackend;
  readonly #codec: SessionCodec;
  readonly #calls: BackendCalls;
  readonly #inCookie: boolean;

  constructor(
    backend: SessionBackend,
    codec: SessionCodec,
    calls: BackendCalls,
    settings: Settings,
  ) {
    this.settings = settings;
    this.#backend = backend;
    this.#codec = codec;
    this.#calls = calls;
    this.#inCookie = backend.encoding !== 'serialized' && (backend.encoding.inCookie ?? false);
    this.notes = settings.account && new AccountNotes(backend, calls, this);
  }

  /** The session in a record, for whoever looks and is not asked for it: nothing is told of what is none. */
  peek(stored: StoredSession): LoadedSession | undefined {
    const decoded = this.#codec.decode(stored);
    if (typeof decoded === 'string' || decoded.rotated) return undefined;
    return hasEnded(decoded, this.#inCookie, this.settings) ? undefined : decoded;
  }

  /** What a record is, for whoever looks at all of them; `session` wherever it can be read. */
  inspect(stored: StoredSession): { state: RecordState; session?: LoadedSession } {
    const session = this.#codec.decode(stored);
    if (typeof session === 'string') return { state: 'unreadable' };
    const { expiresAt } = stored;
    const isOver = expiresAt !== undefined && expiresAt <= this.settings.now();
    if (isOver || hasEnded(session, this.#inCookie, this.settings))
      return { state: 'expired', session };
    if (session.rotated) return { state: 'cycled', session };
    return { state: session.moving === undefined ? 'live' : 'arriving', session };
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

  /** Stores a session of another place under its own key; `false` where there is one already. */
  async adopt(found: InspectedSession): Promise<boolean> {
    const key = this.#adoptedKey(found.key);
    const createdAt = found.createdAt ?? found.savedAt;
    const entries = completed(
      new Map(found.entries),
      createdAt && Math.floor(createdAt.getTime() / 1000),
      this.settings,
    );
    const known = this.#codec.decode({ data: found.data, base: found.base });
    const record: SessionRecord = {
      key,
      // What can stay as it is keeps the time of its signature.
      data:
        typeof known === 'string' || known.fallback !== undefined || known.moving !== undefined
          ? this.#codec.encode(entries)
          : found.data,
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

  /** Creates a marker under a key that no visitor has. @throws {CreateError} when there is one */
  async mark(key: string, marker: Entries): Promise<void> {
    const record: SessionRecord = {
      key: this.backendKey(key),
      data: this.#codec.encode(marker),
      expiresAt: endOfSession(marker, this.settings.now(), this.settings),
      attributes: {},
    };
    await this.#calls.make({ operation: 'create', key, record }, () =>
      this.#backend.create(record),
    );
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

  /** The key as the backend knows it. A digest, which no visitor has for a key, stays one. */
  backendKey(key: string): string {
    const isHashed = this.settings.hashKeys && !this.#inCookie && !isKeyDigest(key);
    return isHashed ? hashSessionKey(key) : key;
  }

  #adoptedKey(key: string): string {
    if (this.#inCookie) {
      throw new ImproperlyConfigured(
        'Sessions cannot be copied into cookies: visitors have those.',
      );
    }
    if (isKeyDigest(key) && !this.settings.hashKeys) {
      throw new ImproperlyConfigured(
        'The sessions to copy have hashed keys, and nobody can turn those back: set hashKeys here too.',
      );
    }
    return this.backendKey(key);
  }
}
