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

interface Live {
  readonly noted: NotedSession;
  readonly session: LoadedSession;
}

/** The sessions of one account: who is logged in where. Made by `sessions.of(account)`. */
export class AccountSessions {
  readonly account: string;
  readonly #place: SessionPlace;
  readonly #notes: AccountNotes;

  constructor(account: string, place: SessionPlace, notes: AccountNotes) {
    this.account = account;
    this.#place = place;
    this.#notes = notes;
  }

  /**
   * The live sessions, the one seen last first. A session that Django made is among them from its first change here.
   *
   * @param currentKey the key of the session that asks: `ctx.session.sessionKey`
   */
  async list(currentKey?: string | null): Promise<AccountSession[]> {
    const current = currentKey ? this.#place.backendKey(currentKey) : undefined;
    const live = await this.#live();
    return live
      .map(({ noted: { key, createdAt, seenAt, address, userAgent }, session }) => ({
        handle: this.#handle(key),
        isCurrent: key === current,
        createdAt,
        lastSeenAt: seenAt,
        expiresAt: session.expiresAt,
        address,
        userAgent,
      }))
      .sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** Ends the session with this handle, at once and for good; `false` when it is none of the account's live ones. */
  async revoke(handle: string): Promise<boolean> {
    return (await this.#revoke((key) => this.#handle(key) === handle)) > 0;
  }

  /** Ends every session of the account, and returns how many that were. */
  revokeAll(): Promise<number> {
    return this.#revoke(() => true);
  }

  /** Ends every session of the account but one, and returns how many that were. @param currentKey as for `list` */
  revokeOthers(currentKey: string | null): Promise<number> {
    const current = currentKey ? this.#place.backendKey(currentKey) : undefined;
    return this.#revoke((key) => key !== current);
  }

  async #revoke(isMeant: (key: string) => boolean): Promise<number> {
    let ended = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const meant = (await this.#live()).filter(({ noted }) => isMeant(noted.key));
      if (meant.length === 0) break;
      for (let start = 0; start < meant.length; start += AT_ONCE) {
        const results = await Promise.all(
          meant
            .slice(start, start + AT_ONCE)
            .map(({ noted, session }) => this.#place.removeLatest(noted.key, session.base)),
        );
        ended += results.filter(Boolean).length;
      }
    }
    return ended;
  }

  /** Those that are sessions of the account now; what is settled and is none is dropped from the index. */
  async #live(): Promise<Live[]> {
    const live: Live[] = [];
    const stale: string[] = [];
    for (const { noted, session } of await this.#notes.find(this.account)) {
      if (session) live.push({ noted, session });
      else stale.push(noted.key);
    }
    if (stale.length > 0) await this.#notes.forget(this.account, stale);
    return live;
  }

  #handle(key: string): string {
    return sessionHandle(key, this.#place.settings.secretKey);
  }
}
