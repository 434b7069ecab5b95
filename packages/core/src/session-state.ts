import { applyChanges, type ChangeSet, type Entries } from './changes.ts';
import { EarlyFetch } from './early-fetch.ts';
import { BackendUnavailable, SessionNotLoaded } from './errors.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionCommits } from './session-commits.ts';
import { SessionDictionary } from './session-dictionary.ts';
import { withCreation } from './session-lifetime.ts';
import type { Committed, SessionRecords } from './session-records.ts';
import type { Settings } from './settings.ts';
import { Turns } from './turns.ts';

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
  /** Why the session cannot be changed any more. */
  #closed: Error | undefined;
  /** Why what reads as an empty session cannot be changed, until `load` has found out. */
  #outage: BackendUnavailable | undefined;
  #key: string | null;
  #session: LoadedSession | undefined;
  /** The entries as the calls under way know them. */
  #current: SessionDictionary | undefined;
  /** What is to come after each `flush` that is under way: what is set meanwhile belongs to a new session. */
  readonly #upcoming: SessionDictionary[] = [];
  readonly #early: EarlyFetch;
  /** The calls of one store run one after the other. */
  readonly #turns = new Turns();
  #modified = false;
  #dirty = false;
  /** The request came with a key, known or not: a session that only repeats it must not be born from it. */
  #cameWithKey: boolean;
  /** Why nothing more is written until `load`: a write that may have been done, or a flush that failed. */
  #unsure: unknown;

  constructor(records: SessionRecords, commits: SessionCommits, key: string | null) {
    this.#records = records;
    this.#early = new EarlyFetch(records);
    this.#commits = commits;
    this.settings = records.settings;
    this.onUnavailable = this.settings.onUnavailable;
    this.#key = key;
    this.#cameWithKey = key !== null;
    if (key === null) this.#take(undefined);
  }

  /** Null for what is left of a cycled key as well: it is no session. */
  get key(): string | null {
    return this.#session?.rotated ? null : this.#key;
  }

  /** The record as it was loaded or last written. */
  get session(): LoadedSession | undefined {
    return this.#session;
  }

  get isLoaded(): boolean {
    return this.#dictionary !== undefined;
  }

  /** The entries as the application sees them. */
  get #dictionary(): SessionDictionary | undefined {
    return this.#upcoming.at(-1) ?? this.#current;
  }

  get modified(): boolean {
    return this.#modified || this.hasChanges;
  }

  set modified(value: boolean) {
    if (!value) this.#dictionary?.forgetChanges();
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
    const known = this.#dictionary;
    if (known) return known;
    if (this.#key !== null && (this.#early.isDone || this.#records.answersAtOnce)) {
      const key = this.#key;
      this.#open(() =>
        this.#early.isDone
          ? this.#early.open(key)
          : (this.#records.load(key) as LoadedSession | undefined),
      );
    }
    if (!this.#current) throw new SessionNotLoaded();
    return this.#current;
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
    this.#closed = error;
  }

  /** Fetches the record early and does not look inside; a failure is thrown at the first access. */
  async prefetch(): Promise<void> {
    if (!this.#current && this.#key !== null) await this.#early.start(this.#key);
  }

  load(): Promise<void> {
    return this.#turns.call(async () => {
      if (this.#unsure || this.#early.wasTold) this.#forget();
      await this.#load();
    });
  }

  /** Until `settle`, a call that fails while nobody listens to it is kept for it. */
  watch(): void {
    this.#turns.watch();
  }

  /** Waits for calls that nobody waited for. @throws what they failed with. */
  settle(): Promise<void> {
    return this.#turns.settle();
  }

  /** Whether the session is known to have ended since it was written. */
  async hasEndedSince(): Promise<boolean> {
    if (this.#key === null || this.#records.inCookie) return false;
    try {
      const session = await this.#records.load(this.#key);
      return session === undefined || session.rotated;
    } catch {
      return false;
    }
  }

  save(): Promise<void> {
    return this.#writing(() => this.#save());
  }

  create(): Promise<void> {
    return this.#writing(() => this.#create());
  }

  cycleKey(): Promise<void> {
    return this.#writing(async () => {
      if (this.#session && this.#key !== null) {
        this.observer?.assertCookieCanBeSent();
        const { key, session: loaded } = { key: this.#key, session: this.#session };
        await this.#write((changes) => this.#commits.cycle(key, loaded, changes));
        this.#modified = true;
      } else if (!this.#cameWithKey || this.#current?.keys().length) {
        // An unknown key with nothing set stores nothing: this may be a late request of a key that was cycled.
        await this.#create();
      }
    });
  }

  flush(): Promise<void> {
    // Synchronously: what is set from here on belongs to a new session.
    const error = this.#closed ?? this.#outage;
    if (error) return this.#turns.call(() => Promise.reject(error));
    const emptied = new SessionDictionary(NO_ENTRIES, this.settings.serializer);
    this.#upcoming.push(emptied);
    this.accessed = true;
    this.#modified = true;
    this.#dirty = false;
    return this.#turns.call(async () => {
      try {
        await this.#end();
      } catch (error) {
        // The session lives on. What was set since was not meant for it, so that nothing more is written to it.
        if (emptied.hasChanges()) {
          this.#current = emptied;
          this.#unsure = error;
        }
        throw error;
      } finally {
        this.#upcoming.shift();
      }
      this.#current = emptied;
      this.#key = null;
      this.#session = undefined;
      this.#cameWithKey = false;
      this.#unsure = undefined;
      this.cookieDue = false;
      this.observer?.cookieChanged();
    });
  }

  /** What the end of a request does: writes what changed, and nothing where there is nothing to keep. */
  commit(): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.hasChanges) return;
      this.#assertWritable();
      // Only `modified = true` asks for a write without a look at the session.
      await this.#load();
      if (!this.#session && this.dictionary().keys().length === 0) return;
      await this.#save();
    });
  }

  /** Renews the expiry of the session's record, if there is a session and `isDue` says so. */
  renew(isDue: (session: LoadedSession) => boolean): Promise<void> {
    return this.#turns.take(async () => {
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

  async #load(): Promise<void> {
    if (this.#current || this.#key === null) return;
    const key = this.#key;
    await this.#early.start(key);
    // Meanwhile the application may have looked into it itself, and changed something.
    if (!this.#current) this.#open(() => this.#early.open(key));
  }

  /** Where the application chose so, an outage reads as an empty session that refuses to be changed. */
  #open(load: () => LoadedSession | undefined): void {
    try {
      this.#take(load());
    } catch (error) {
      const isOutage = error instanceof BackendUnavailable;
      if (!isOutage || this.onUnavailable !== 'anonymous') throw error;
      this.#outage = error;
      this.#current = new SessionDictionary(NO_ENTRIES, this.settings.serializer);
    }
  }

  /** Ends the session under the key. @throws {SessionInterrupted} when the key was cycled. */
  async #end(): Promise<void> {
    if (!this.#current) await this.#load();
    const { key, session } = { key: this.#key, session: this.#session };
    // An outage that reads as an empty session is no answer to whether there is one.
    if (this.#outage) throw this.#outage;
    if (key === null || !session) return;
    if (session.rotated) throw this.#records.interrupted(key);
    const removed = await this.#commits.end(key, session);
    // A session that lives in its cookie ends with it; nothing else could be removed.
    this.ended ||= removed || this.#records.inCookie;
  }

  async #save(): Promise<void> {
    if (this.#key === null || !this.#session) return this.#create();
    if (this.#session.rotated) throw this.#records.interrupted(this.#key);
    const { key, session: loaded } = { key: this.#key, session: this.#session };
    await this.#write((changes) => this.#commits.update(key, loaded, changes));
  }

  async #create(): Promise<void> {
    this.observer?.assertCookieCanBeSent();
    const old = this.#session;
    // A copy is as old as what it is a copy of.
    const kept = old ? withCreation(old.entries, old.signedAt, this.settings) : NO_ENTRIES;
    await this.#write((changes) => this.#records.create(applyChanges(changes, kept)));
    this.#modified = true;
  }

  async #write(send: (changes: ChangeSet) => Promise<Committed>): Promise<void> {
    if (this.#unsure) throw this.#unsure;
    const dictionary = this.#current;
    if (!dictionary) throw new SessionNotLoaded();
    const changes = dictionary.snapshot();
    try {
      const { key, session } = await send(changes);
      this.#key = key;
      this.#session = session;
    } catch (error) {
      if (error instanceof BackendUnavailable && error.ambiguous) this.#unsure = error;
      throw error;
    }
    dictionary.rebase(this.#session.entries);
    if (this.#dictionary === dictionary) this.#dirty = false;
    this.ended = false;
    this.#cookieIsDue();
  }

  #cookieIsDue(): void {
    this.cookieDue = true;
    this.observer?.cookieChanged();
  }

  /** Back to what was known before anything was loaded. */
  #forget(): void {
    this.#unsure = undefined;
    this.#outage = undefined;
    this.#early.reset();
    this.#dirty = false;
    this.#current = undefined;
    this.#session = undefined;
    if (this.#key === null) this.#take(undefined);
  }

  /** An unknown key is forgotten; what is left of a cycled one reads as an empty session and refuses to be written. */
  #take(session: LoadedSession | undefined): void {
    this.#session = session;
    if (!session) this.#key = null;
    const entries = session && !session.rotated ? session.entries : NO_ENTRIES;
    this.#current = new SessionDictionary(entries, this.settings.serializer);
  }

  #assertWritable(): void {
    const error = this.#closed ?? this.#outage;
    if (error) throw error;
  }

  #writing(run: () => Promise<void>): Promise<void> {
    return this.#turns.call(async () => {
      this.#assertWritable();
      // Not awaited where there is nothing to wait for: what is saved is what there is now.
      if (!this.#current) await this.#load();
      this.#assertWritable();
      this.accessed = true;
      if (this.#key !== null && this.#session?.rotated) throw this.#records.interrupted(this.#key);
      await run();
    });
  }
}
