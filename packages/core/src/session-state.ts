import { applyChanges, type ChangeSet, type Entries } from './changes.ts';
import { BackendUnavailable, SessionNotLoaded } from './errors.ts';
import type { StoredSession } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionCommits } from './session-commits.ts';
import { SessionDictionary } from './session-dictionary.ts';
import { withCreation } from './session-lifetime.ts';
import type { Committed, SessionRecords } from './session-records.ts';
import type { Settings } from './settings.ts';

/** What a response wants to know of its session. */
export interface StateObserver {
  /** The cookie has to carry a (new) key or expiry, or the session has ended: both are to be sent at once. */
  cookieChanged(): void;
  /** @throws {SessionClosed} when a new key could no longer reach the visitor. */
  assertCookieCanBeSent(): void;
}

const NO_ENTRIES: Entries = new Map();

/**
 * The life of one visitor's session during one request: from a key, through the record, to what is stored in the
 * end. `SessionStore` is what the application sees of it.
 */
export class SessionState {
  readonly settings: Settings;
  readonly #records: SessionRecords;
  readonly #commits: SessionCommits;
  /** Told of every change of the cookie; a session outside HTTP has none. */
  observer: StateObserver | undefined;
  onUnavailable: Settings['onUnavailable'];
  /** As in Django: the request has looked at the session. */
  accessed = false;
  /** The session existed and was ended by `flush`: the visitor's cookie is to go. */
  ended = false;
  /** A record was written or renewed: the cookie is to be sent. */
  cookieDue = false;
  /** Why the session cannot be changed now. */
  #refusal: Error | undefined;
  #key: string | null;
  #session: LoadedSession | undefined;
  #dictionary: SessionDictionary | undefined;
  #fetched: { stored: StoredSession | undefined } | { error: unknown } | undefined;
  #fetching: Promise<void> | undefined;
  #turn: Promise<unknown> | undefined;
  #modified = false;
  #dirty = false;

  constructor(records: SessionRecords, commits: SessionCommits, key: string | null) {
    this.#records = records;
    this.#commits = commits;
    this.settings = records.settings;
    this.onUnavailable = this.settings.onUnavailable;
    this.#key = key;
    if (key === null) this.#take(undefined);
  }

  get key(): string | null {
    return this.#key;
  }

  /** The record as it was loaded or last written. */
  get session(): LoadedSession | undefined {
    return this.#session;
  }

  get isLoaded(): boolean {
    return this.#dictionary !== undefined;
  }

  get modified(): boolean {
    return this.#modified || this.hasChanges;
  }

  set modified(value: boolean) {
    this.#modified = value;
    this.#dirty = value;
  }

  /** Whether something is waiting to be written. */
  get hasChanges(): boolean {
    return this.#dirty || (this.#dictionary?.hasChanges() ?? false);
  }

  /**
   * The entries, loaded now where the backend answers at once.
   *
   * @throws {SessionNotLoaded} where it does not, and nothing was fetched early.
   * @throws {BackendUnavailable} when the early fetch failed, or the load does.
   */
  dictionary(): SessionDictionary {
    if (this.#dictionary) return this.#dictionary;
    if (this.#fetched) this.#openFetched();
    else if (this.#records.answersAtOnce && this.#key !== null) {
      try {
        this.#take(this.#records.load(this.#key) as LoadedSession | undefined);
      } catch (error) {
        this.#recover(error);
      }
    }
    if (!this.#dictionary) throw new SessionNotLoaded();
    return this.#dictionary;
  }

  /** The entries, for a change. @throws {SessionClosed} where none is allowed, and what `dictionary` throws. */
  changing(): SessionDictionary {
    this.#assertWritable();
    const dictionary = this.dictionary();
    this.#assertWritable();
    this.accessed = true;
    return dictionary;
  }

  /** Something was assigned, even if to the same value. */
  markModified(): void {
    this.modified = true;
  }

  /** From now on every change throws this. */
  refuse(error: Error): void {
    this.#refusal = error;
  }

  /** Fetches the record early and does not look inside; a failure is thrown at the first access. */
  prefetch(): Promise<void> {
    this.#fetching ??= this.#fetch();
    return this.#fetching;
  }

  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  save(): Promise<void> {
    return this.#writing(() => this.#save());
  }

  create(): Promise<void> {
    return this.#writing(() => this.#create());
  }

  cycleKey(): Promise<void> {
    const hadKey = this.#key !== null;
    return this.#writing(async () => {
      if (this.#session && this.#key !== null) {
        this.observer?.assertCookieCanBeSent();
        const changes = this.#snapshot();
        this.#wrote(await this.#commits.cycle(this.#key, this.#session, changes), changes);
        this.#modified = true;
      } else if (!hadKey || this.dictionary().keys().length > 0) {
        // An unknown key with nothing set stores nothing: this may be a late request of a key that was cycled.
        await this.#create();
      }
    });
  }

  flush(): Promise<void> {
    return this.#inTurn(async () => {
      this.#assertWritable();
      await this.#load();
      this.#assertWritable();
      this.accessed = true;
      if (this.#key !== null && this.#session && !this.#session.rotated) {
        const removed = await this.#commits.end(this.#key, this.#session);
        // A session that lives in its cookie ends with it; nothing else could be removed.
        this.ended ||= removed || this.#records.inCookie;
      }
      this.#take(undefined);
      this.#modified = true;
      this.#dirty = false;
      this.cookieDue = false;
      this.observer?.cookieChanged();
    });
  }

  /** What the end of a request does: writes what changed, and nothing where there is nothing to keep. */
  commit(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#refusal || !this.hasChanges) return;
      // Only `modified = true` asks for a write without a look at the session.
      await this.#load();
      if (!this.#session && this.dictionary().keys().length === 0) return;
      await this.#save();
    });
  }

  /** Renews the expiry of the session's record, if there is a session and `isDue` says so. */
  renew(isDue: (session: LoadedSession) => boolean): Promise<void> {
    return this.#inTurn(async () => {
      await this.#load();
      const session = this.#session;
      if (this.#key === null || !session || session.rotated || !isDue(session)) return;
      const touched = await this.#records.touch(this.#key, session);
      if (!touched) return;
      this.#key = touched.key;
      this.#session = touched.session;
      this.#cookieIsDue();
    });
  }

  async #fetch(): Promise<void> {
    if (this.#dictionary || this.#key === null) return;
    try {
      this.#fetched = { stored: await this.#records.fetch(this.#key) };
    } catch (error) {
      this.#fetched = { error };
    }
  }

  #openFetched(): void {
    const fetched = this.#fetched;
    if (!fetched || this.#key === null) return;
    if ('error' in fetched) this.#recover(fetched.error);
    else this.#take(this.#records.open(this.#key, fetched.stored));
  }

  async #load(): Promise<void> {
    if (this.#dictionary) return;
    await this.prefetch();
    this.#openFetched();
  }

  async #save(): Promise<void> {
    if (this.#key === null || !this.#session) return this.#create();
    if (this.#session.rotated) throw this.#records.interrupted(this.#key);
    const changes = this.#snapshot();
    this.#wrote(await this.#commits.update(this.#key, this.#session, changes), changes);
  }

  async #create(): Promise<void> {
    this.observer?.assertCookieCanBeSent();
    const changes = this.#snapshot();
    const old = this.#session;
    // A copy is as old as what it is a copy of.
    const kept = old ? withCreation(old.entries, old.signedAt, this.settings) : NO_ENTRIES;
    this.#wrote(await this.#records.create(applyChanges(changes, kept)), changes);
    this.#modified = true;
  }

  #snapshot(): ChangeSet {
    return this.dictionary().snapshot();
  }

  #wrote({ key, session }: Committed, changes: ChangeSet): void {
    this.#key = key;
    this.#session = session;
    this.#dictionary?.rebase(session.entries, changes);
    this.#dirty = false;
    this.ended = false;
    this.#cookieIsDue();
  }

  #cookieIsDue(): void {
    this.cookieDue = true;
    this.observer?.cookieChanged();
  }

  /** An unknown key is forgotten; what is left of a cycled one reads as an empty session and refuses to be written. */
  #take(session: LoadedSession | undefined): void {
    this.#session = session;
    if (!session) this.#key = null;
    const entries = session && !session.rotated ? session.entries : NO_ENTRIES;
    this.#dictionary = new SessionDictionary(entries, this.settings.serializer);
  }

  /** Where the application chose so, an outage reads as an empty session that refuses to be changed. */
  #recover(error: unknown): void {
    if (this.onUnavailable !== 'anonymous' || !(error instanceof BackendUnavailable)) throw error;
    this.refuse(error);
    this.#dictionary = new SessionDictionary(NO_ENTRIES, this.settings.serializer);
  }

  #assertWritable(): void {
    if (this.#refusal) throw this.#refusal;
  }

  #writing(run: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      this.#assertWritable();
      await this.#load();
      this.#assertWritable();
      this.accessed = true;
      if (this.#key !== null && this.#session?.rotated) throw this.#records.interrupted(this.#key);
      await run();
    });
  }

  // The calls of one store run one after the other, whatever the application awaits.
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const turn = before === undefined ? run() : before.then(run, run);
    this.#turn = turn;
    try {
      return await turn;
    } finally {
      if (this.#turn === turn) this.#turn = undefined;
    }
  }
}
