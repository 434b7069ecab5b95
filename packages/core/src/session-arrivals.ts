import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { BackendCalls } from './backend-calls.ts';
import { applyChanges, type Entries, isHiddenEntry, NO_ENTRIES } from './changes.ts';
import { isNamed } from './compare-and-set.ts';
import { SessionTooLarge } from './errors.ts';
import type { FormerSessions } from './migrating-from.ts';
import { movedMarker, moveOf } from './rotation-marker.ts';
import type { LoadedSession } from './session-codec.ts';
import { type CookieSettings, deleteCookieText, validateCookie } from './session-cookie.ts';
import { SessionDictionary } from './session-dictionary.ts';
import type { SessionEventEmitter } from './session-events.ts';
import type { ImportedSession, SessionImporter, StoredImport } from './session-importer.ts';
import { endOfSession } from './session-lifetime.ts';
import type { FoundElsewhere, MoveSource, SessionElsewhere } from './session-moves.ts';
import type { SessionRecords } from './session-records.ts';

/** A visitor who comes with something else than a key of this place. */
export interface Arrival {
  /** The session that is in the visitor's cookie; it gets a key when it is stored. */
  readonly read?: () => LoadedSession | undefined;
  /** Moves the session that the visitor's cookie names; the key that it has here. */
  readonly redeem?: () => Promise<string | undefined>;
  /** Whether what the visitor brings is in the cookie that will have the key. */
  readonly isOwnCookie: boolean;
  /** Whether it is under the name of that cookie at least, maybe for another path. */
  readonly hasOwnName: boolean;
  /** Removes what the visitor brought: `Set-Cookie` texts. */
  readonly farewell: readonly string[];
}

/** Milliseconds for which an old cookie still leads to the session that was moved: for requests sent together. */
const HONOURED_MS = 60_000;

/** Knows visitors by what they bring from elsewhere. */
export class SessionArrivals {
  readonly #records: SessionRecords;
  readonly #events: SessionEventEmitter;
  readonly #calls = new WeakMap<SessionImporter, BackendCalls>();

  constructor(records: SessionRecords, events: SessionEventEmitter) {
    this.#records = records;
    this.#events = events;
  }

  /** Who comes with a session that lives in its cookie, from a place that is migrated from. */
  ofCookie(value: string, { records }: FormerSessions): Arrival {
    // Nothing but an answer comes from cookies.
    const read = () => records.load(value) as LoadedSession | undefined;
    return { read, isOwnCookie: true, hasOwnName: true, farewell: [] };
  }

  /** Who comes with cookies of another framework. */
  find(cookieHeader: string, importers: readonly SessionImporter[]): Arrival | undefined {
    for (const importer of importers) {
      const found = importer.find(cookieHeader, this.#records.settings.now());
      if (!found) continue;
      const cookies = importer.cookies.map((cookie) => validateCookie(cookie));
      // Not the one that has the key from now on: it is replaced, and would be removed after that.
      const others = cookies.filter((cookie) => !this.#isOwn(cookie));
      const rest = {
        isOwnCookie: others.length < cookies.length,
        hasOwnName: cookies.some(({ name }) => name === this.#records.settings.cookie.name),
        farewell: others.map(deleteCookieText),
      };
      if ('read' in found) return { redeem: () => this.#redeem(found, importer), ...rest };
      return { read: () => this.#inCookie(found), ...rest };
    }
    return undefined;
  }

  #isOwn({ name, domain, path }: CookieSettings): boolean {
    const { cookie } = this.#records.settings;
    return name === cookie.name && domain === cookie.domain && path === cookie.path;
  }

  async #redeem(found: StoredImport, importer: SessionImporter): Promise<string | undefined> {
    const records = this.#records;
    const { now, secretKey, secretKeyFallbacks } = records.settings;
    // Nobody knows one without the old cookie and a secret: requests that come together meet at the same record.
    const keys = [secretKey, ...secretKeyFallbacks].map((secret) => keyOf(importer, found, secret));
    // Of no secret, so that processes agree whose secret keys are being rotated; it opens nothing.
    const claim = derived(createHash('sha256'), 'claim', importer, found);
    const taken = moveOf((await records.lookUp(claim))?.entries ?? NO_ENTRIES);
    const isOver = taken && now().getTime() - taken.movedAt.getTime() > HONOURED_MS;
    const source = new StoredElsewhere(claim, found, this, this.#callsOf(importer));
    for (const key of keys) {
      if (isOver && (await records.lookUp(key))?.moving === undefined) continue;
      if (await records.arrive(key, source)) return key;
    }
    return undefined;
  }

  /** What is imported, as it is stored here; `undefined` for what cannot be. */
  sessionOf(imported: ImportedSession): SessionElsewhere | undefined {
    const { settings } = this.#records;
    const entries = this.#entriesOf(imported.data);
    if (!entries) return undefined;
    const expiresAt = imported.expiresAt ?? endOfSession(entries, settings.now(), settings);
    return { entries, expiresAt, signedAt: undefined, base: '' };
  }

  /** Marks an import as done by the move, until the session would have ended; `false`: another move was first. */
  async claim(claim: string, { expiresAt }: SessionElsewhere, move: string): Promise<boolean> {
    const { now, cookie } = this.#records.settings;
    const latest = Math.max(expiresAt.getTime(), now().getTime() + cookie.age * 1000);
    try {
      await this.#records.place.mark(claim, movedMarker(move, new Date(latest), now()));
      return true;
    } catch (error) {
      if (!isNamed(error, 'CreateError')) throw error;
      return false;
    }
  }

  /** The move that an import was claimed by. */
  async claimed(claim: string): Promise<{ move: string } | undefined> {
    return moveOf((await this.#records.lookUp(claim))?.entries ?? NO_ENTRIES);
  }

  #inCookie(imported: ImportedSession): LoadedSession | undefined {
    const entries = this.#entriesOf(imported.data);
    if (!entries) return undefined;
    const unknown = { expiresAt: undefined, modifiedAt: undefined, signedAt: undefined };
    const state = { fallback: undefined, rotated: false, moving: undefined };
    return { data: '', base: '', entries, ...unknown, ...state };
  }

  /** Data that a session here could not have are nobody's session: that is an event, and no failure of the request. */
  #entriesOf(data: ImportedSession['data']): Entries | undefined {
    const dictionary = new SessionDictionary(NO_ENTRIES, this.#records.settings.serializer);
    try {
      for (const [key, value] of Object.entries(data)) {
        if (!isHiddenEntry(key)) dictionary.set(key, value);
      }
      const entries = applyChanges(dictionary.snapshot(), NO_ENTRIES);
      this.#records.check(entries);
      return entries;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SessionTooLarge)) throw error;
      this.#events.tell('rejected', undefined, { reason: 'corrupt', detail: 'import' });
      return undefined;
    }
  }

  #callsOf(importer: SessionImporter): BackendCalls {
    let calls = this.#calls.get(importer);
    if (!calls) {
      const { operationTimeoutMs } = this.#records.settings;
      calls = new BackendCalls(importer.name, operationTimeoutMs, this.#events);
      this.#calls.set(importer, calls);
    }
    return calls;
  }
}

/** The key that a session has here which was imported under this secret. */
function keyOf(importer: SessionImporter, found: StoredImport, secret: string): string {
  return derived(createHmac('sha256', secret), 'key', importer, found);
}

/** A text in the form of a session key. */
function derived(
  hash: Hash | Hmac,
  what: string,
  { name }: SessionImporter,
  { id }: StoredImport,
): string {
  const hex = hash.update(`coatcheck.import.${what}\0${name}\0${id}`).digest('hex');
  return BigInt(`0x${hex}`).toString(36).padStart(32, '0').slice(-32);
}

/** A session in the store of another framework. That store compares nothing, so that a claim here decides. */
class StoredElsewhere implements MoveSource {
  readonly #claim: string;
  readonly #found: StoredImport;
  readonly #arrivals: SessionArrivals;
  readonly #calls: BackendCalls;

  constructor(claim: string, found: StoredImport, arrivals: SessionArrivals, calls: BackendCalls) {
    this.#claim = claim;
    this.#found = found;
    this.#arrivals = arrivals;
    this.#calls = calls;
  }

  async look(): Promise<FoundElsewhere | undefined> {
    const claimed = await this.#arrivals.claimed(this.#claim);
    if (claimed) return claimed;
    const call = { operation: 'load', key: this.#found.id } as const;
    const imported = await this.#calls.make(call, () => this.#found.read());
    const session = imported && this.#arrivals.sessionOf(imported);
    return session && { session };
  }

  leave(session: SessionElsewhere, move: string): Promise<boolean> {
    return this.#arrivals.claim(this.#claim, session, move);
  }

  async clear(): Promise<void> {
    const call = { operation: 'delete', key: this.#found.id } as const;
    await this.#calls.make(call, () => this.#found.remove());
  }
}
