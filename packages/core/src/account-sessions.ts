import type { NotedSession } from './account-index.ts';
import type { AccountNotes } from './account-notes.ts';
import type { LoadedSession } from './session-codec.ts';
import { sessionHandle } from './session-handle.ts';
import type { SessionPlace } from './session-place.ts';

/** One session of an account, as it may be shown to its owner. */
export interface AccountSession {
  /** Names the session in forms and addresses; nobody can use it as a key. */
  readonly handle: string;
  /** Whether it is the session that asks. */
  readonly isCurrent: boolean;
  /** When it came to the account: usually the login. */
  readonly createdAt: Date;
  /** To the minute, as far as the session was changed or renewed then. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date | undefined;
  /** What the visitor's requests said; null: nothing. Never trust it. */
  readonly address: string | null;
  readonly userAgent: string | null;
}

/** A session that is cycled meanwhile is met again under its new key. */
const ROUNDS = 10;
/** Sessions ended at once. */
const AT_ONCE = 50;

/** A place, and where it notes the sessions of accounts. */
export interface AccountPlace {
  readonly place: SessionPlace;
  readonly notes: AccountNotes;
}

interface Live {
  readonly place: SessionPlace;
  readonly noted: NotedSession;
  readonly session: LoadedSession;
}

/** The sessions of one account: who is logged in where. Made by `sessions.of(account)`. */
export class AccountSessions {
  readonly account: string;
  readonly #here: SessionPlace;
  readonly #places: readonly AccountPlace[];

  /** @param former where sessions may still be that are moved here when they are used */
  constructor(account: string, here: AccountPlace, former?: AccountPlace) {
    this.account = account;
    this.#here = here.place;
    // In this order: what leaves the one place meanwhile is met in the other.
    this.#places = former ? [former, here] : [here];
  }

  /**
   * The live sessions, the one seen last first. A session that Django made is among them from its first change here.
   *
   * @param currentKey the key of the session that asks: `ctx.session.sessionKey`
   */
  async list(currentKey?: string | null): Promise<AccountSession[]> {
    const live = new Map<string, AccountSession>();
    for (const { place, noted, session } of await this.#live()) {
      const { key, createdAt, seenAt, address, userAgent } = noted;
      const handle = this.#handle(key, place);
      live.set(handle, {
        handle,
        isCurrent: isKey(key, currentKey, place),
        createdAt,
        lastSeenAt: seenAt,
        expiresAt: session.expiresAt,
        address,
        userAgent,
      });
    }
    return [...live.values()].sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** Ends the session with this handle, at once and for good; `false` when it is none of the account's live ones. */
  async revoke(handle: string): Promise<boolean> {
    return (await this.#revoke((key, place) => this.#handle(key, place) === handle)) > 0;
  }

  /** Ends every session of the account, and returns how many that were. */
  revokeAll(): Promise<number> {
    return this.#revoke(() => true);
  }

  /** Ends every session of the account but one, and returns how many that were. @param currentKey as for `list` */
  revokeOthers(currentKey: string | null): Promise<number> {
    return this.#revoke((key, place) => !isKey(key, currentKey, place));
  }

  /** Ends every session of the account but the one with this handle, and returns how many that were. */
  revokeAllBut(handle: string): Promise<number> {
    return this.#revoke((key, place) => this.#handle(key, place) !== handle);
  }

  async #revoke(isMeant: (key: string, place: SessionPlace) => boolean): Promise<number> {
    // By handle: one that is just being moved is met in both places.
    const ended = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const meant = (await this.#live()).filter(({ noted, place }) => isMeant(noted.key, place));
      if (meant.length === 0) break;
      for (let start = 0; start < meant.length; start += AT_ONCE) {
        await Promise.all(
          meant.slice(start, start + AT_ONCE).map(async ({ place, noted, session }) => {
            const { key } = noted;
            const isEnded = await place.removeLatest(key, session.base);
            if (isEnded) ended.add(this.#handle(key, place));
          }),
        );
      }
    }
    return ended.size;
  }

  /** Those that are sessions of the account now; what is settled and is none is dropped from the index. */
  async #live(): Promise<Live[]> {
    const live: Live[] = [];
    for (const { place, notes } of this.#places) {
      const stale: string[] = [];
      for (const { noted, session } of await notes.find(this.account)) {
        if (session) live.push({ place, noted, session });
        else stale.push(noted.key);
      }
      if (stale.length > 0) await notes.forget(this.account, stale);
    }
    return live;
  }

  /** The same before and after a session is moved, unless keys were hashed there and are not here. */
  #handle(key: string, place: SessionPlace): string {
    const isHashedHere = this.#here.settings.hashKeys && !place.settings.hashKeys;
    return sessionHandle(
      isHashedHere ? this.#here.backendKey(key) : key,
      this.#here.settings.secretKey,
    );
  }
}

function isKey(
  backendKey: string,
  currentKey: string | null | undefined,
  place: SessionPlace,
): boolean {
  return typeof currentKey === 'string' && place.backendKey(currentKey) === backendKey;
}
