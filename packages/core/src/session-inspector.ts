import { accountIn } from './account-notes.ts';
import { type Entries, isHiddenEntry } from './changes.ts';
import type { StoredSession } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import { sessionHandle } from './session-handle.ts';
import { isSessionKey } from './session-key.ts';
import { createdAtOf, endOfStored } from './session-lifetime.ts';
import type { SessionRecords } from './session-records.ts';
import type { ScanOptions } from './session-scanner.ts';

/**
 * What a record is: a session that somebody may be using; one that arrives from the place of `migratingFrom`, which
 * counts as live there until it is here; one that has ended; what is left of a key that was cycled; or nothing that this
 * application can read.
 */
export type RecordState = 'live' | 'arriving' | 'expired' | 'cycled' | 'unreadable';

/** A record, for whoever looks after all of them. */
export interface InspectedSession {
  /** The key as the backend knows it. Whoever has it has the session, unless `hashKeys` is set: show the handle. */
  readonly key: string;
  /** Names the session, and nobody can use it as a key; the same as in `sessions.of(account)`. */
  readonly handle: string;
  readonly state: RecordState;
  /** `undefined`: the place does not say. */
  readonly expiresAt: Date | undefined;
  /** When its data was last written, to the second; a renewal of the idle timeout need not count. Unknown in caches. */
  readonly savedAt: Date | undefined;
  /** When it was created, where it says so itself: under an absolute timeout. */
  readonly createdAt: Date | undefined;
  /** Which of `secretKeyFallbacks` it is signed with, counted from 0; `undefined`: with the secret key, or not at all. */
  readonly fallback: number | undefined;
  /** As it is stored: the encoded data. */
  readonly data: string;
  /** How long `data` is. */
  readonly bytes: number;
  /** By the setting `account`, else the user who is logged in as in Django. */
  readonly account: string | undefined;
  /** JSON texts by name, as they are stored; empty unless it can be read. */
  readonly entries: ReadonlyMap<string, string>;
  /** The backend's token of what was seen. */
  readonly base: string;
}

/** Some of the sessions of a place. */
export interface InspectedBatch {
  readonly sessions: readonly InspectedSession[];
  /** As in `ScannedBatch`. */
  readonly after?: string;
}

const none: Entries = new Map();

/** All sessions of a place, for whoever runs it: `sessions.inspector`. Looking is no event, and changes nothing. */
export class SessionInspector {
  readonly #records: SessionRecords;

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /**
   * Goes through all that is stored, in batches.
   *
   * @throws {ImproperlyConfigured} where the backend cannot list its sessions
   */
  async *scan(options?: ScanOptions): AsyncGenerator<InspectedBatch> {
    for await (const { sessions, ...rest } of this.#records.place.scan(options)) {
      yield { ...rest, sessions: sessions.map(({ key, stored }) => this.#inspect(key, stored)) };
    }
  }

  /** The session with this key, digest or handle. By its key it is loaded; else all are read until it is met. */
  async find(name: string, { signal }: ScanOptions = {}): Promise<InspectedSession | undefined> {
    if (isSessionKey(name) && !this.#records.inCookie) {
      const stored = await this.#records.fetch(name);
      return stored && this.#inspect(this.#records.place.backendKey(name), stored);
    }
    for await (const { sessions } of this.scan({ signal })) {
      const found = sessions.find(({ key, handle }) => key === name || handle === name);
      if (found) return found;
    }
    return undefined;
  }

  /**
   * Ends the session as it is by now, at once and for good; `false` when it had ended.
   *
   * @param isMeant asked again when it was changed meanwhile
   */
  revoke(
    { key, base }: InspectedSession,
    isMeant: (latest: InspectedSession) => boolean = () => true,
  ): Promise<boolean> {
    return this.#records.place.removeLatest(key, base, (latest) =>
      isMeant(this.#inspect(key, latest)),
    );
  }

  /**
   * Stores a live session of another place here, under its own key, until it ends there; `false` when this place has
   * one under that key already, which stays. A place that keeps no expiry counts it anew from now on.
   *
   * @throws {ImproperlyConfigured} where the key cannot become one of this place
   */
  adopt(session: InspectedSession): Promise<boolean> {
    return this.#records.place.adopt(session);
  }

  #inspect(key: string, stored: StoredSession): InspectedSession {
    const { settings } = this.#records;
    const { session, state } = this.#records.place.inspect(stored);
    const entries = session?.entries ?? none;
    const createdAt = createdAtOf(entries);
    return {
      key,
      get handle() {
        return sessionHandle(key, settings.secretKey);
      },
      state,
      expiresAt:
        stored.expiresAt ??
        (stored.modifiedAt && endOfStored(session, stored.modifiedAt, settings)),
      savedAt: savedAt(session),
      createdAt: createdAt === undefined ? undefined : new Date(createdAt * 1000),
      fallback: session?.fallback,
      data: stored.data,
      bytes: stored.data.length,
      account: state === 'unreadable' ? undefined : this.#accountIn(entries),
      entries: new Map([...entries].filter(([name]) => !isHiddenEntry(name))),
      base: stored.base,
    };
  }

  #accountIn(entries: Entries): string | undefined {
    try {
      return accountIn(entries, this.#records.settings);
    } catch {
      // Whoever looks at all sessions also meets those for which the application's function was not written.
      return undefined;
    }
  }
}

function savedAt(session: LoadedSession | undefined): Date | undefined {
  if (session?.signedAt !== undefined) return new Date(session.signedAt * 1000);
  return session?.modifiedAt;
}
