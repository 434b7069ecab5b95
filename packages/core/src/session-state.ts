import type { ClientFacts } from './account-index.ts';
import { KnownSession } from './known-session.ts';
import type { Arrival } from './session-arrivals.ts';
import type { Awaitable } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionCommits } from './session-commits.ts';
import type { SessionDictionary } from './session-dictionary.ts';
import type { SessionRecords } from './session-records.ts';
import { SessionWrites, type WritesOwner } from './session-writes.ts';
import type { Settings } from './settings.ts';
import type { StateObserver } from './state-observer.ts';
import { Turns } from './turns.ts';

/**
 * The life of one visitor's session during one request: from a key, through the record, to what is stored in the
 * end. `SessionStore` is what the application sees of it.
 */
export class SessionState implements WritesOwner {
  readonly settings: Settings;
  /** Told of every change of the cookie; a session outside HTTP has none. */
  observer: StateObserver | undefined;
  /** What the request says of the visitor, for the list of an account's sessions. */
  client: ClientFacts | undefined;
  /** As in Django: the request has looked at the session. */
  accessed = false;
  /** The session existed and was ended by `flush`: the visitor's cookie is to go. */
  ended = false;
  /** A record was written or renewed: the cookie is to be sent. */
  cookieDue = false;
  /** Makes the error that says why the session cannot be changed any more. */
  #refusal: (() => Error) | undefined;
  readonly #known: KnownSession;
  readonly #writes: SessionWrites;
  /** What is to come after each `flush` that is under way: what is set meanwhile belongs to a new session. */
  #upcoming: SessionDictionary[] | undefined;
  /** The calls of one store run one after the other. */
  readonly #turns = new Turns();
  #modified = false;
  #dirty = false;
  /** The request came with a key, known or not: a session that only repeats it must not be born from it. */
  #cameWithKey: boolean;

  /** What the visitor has brought instead of a key. */
  readonly arrival: Arrival | undefined;

  constructor(
    records: SessionRecords,
    commits: SessionCommits,
    key: string | null,
    arrival?: Arrival,
  ) {
    this.settings = records.settings;
    this.arrival = arrival;
    this.#known = new KnownSession(records, key, arrival);
    this.#writes = new SessionWrites(records, commits, this.#known, this);
    this.#cameWithKey = key !== null;
  }

  /** Null for what is left of a cycled key as well: it is no session. */
  get key(): string | null {
    return this.#known.isRotated ? null : this.#known.key;
  }

  set onUnavailable(choice: Settings['onUnavailable']) {
    this.#known.onUnavailable = choice;
  }

  /** The record as it was loaded or last written. */
  get session(): LoadedSession | undefined {
    return this.#known.record;
  }

  get isLoaded(): boolean {
    return this.#dictionary !== undefined;
  }

  /** The entries as the application sees them. */
  get #dictionary(): SessionDictionary | undefined {
    return this.#upcoming?.at(-1) ?? this.#known.dictionary;
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
    if (this.#dirty || this.#dictionary?.hasChanges()) return true;
    // What lives in a cookie of before is stored by the first request that looks at it.
    return this.accessed && !this.#refusal && this.#known.isUnstored;
  }

  /** The entries. @throws what `KnownSession.read` throws where they are not there. */
  dictionary(): SessionDictionary {
    return this.#dictionary ?? this.#known.read();
  }

  /** The entries, for whoever looks at the session. */
  reading(): SessionDictionary {
    const dictionary = this.dictionary();
    this.accessed = true;
    return dictionary;
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

  /** From now on every change throws what this makes. An error in advance, with its stack, would cost every request 3 µs. */
  refuse(refusal: () => Error): void {
    this.#refusal = refusal;
  }

  /** See `KnownSession.prefetch`. */
  prefetch(): Promise<void> | undefined {
    if (!this.#known.hasToBeFetched) return undefined;
    if (!this.arrival) return this.#known.prefetch();
    // A session that was moved for the visitor is told by its cookie; a failure is for whoever asks for the session.
    return Promise.resolve(this.#turns.take(() => this.#loadKnown())).catch(() => {});
  }

  load(): Promise<void> {
    return this.#turns.call(async () => {
      if (this.#writes.unsure || this.#known.hasFailed) {
        this.#writes.unsure = undefined;
        this.#dirty = false;
        this.#known.forget();
      }
      await this.#loadKnown();
    });
  }

  /** Until `settle`, a call that fails while nobody listens to it is kept for it. */
  watch(): void {
    this.#turns.watch();
  }

  /** Waits for calls that nobody waited for, if there are any. Rejects with what they failed with. */
  settle(): Promise<void> | undefined {
    return this.#turns.settle();
  }

  /** See `KnownSession.hasEndedSince`. */
  hasEndedSince(): Promise<boolean> {
    return this.#known.hasEndedSince();
  }

  save(): Promise<void> {
    return this.#writing(() => this.#writes.save());
  }

  create(): Promise<void> {
    return this.#writing(() => this.#writes.create());
  }

  cycleKey(): Promise<void> {
    return this.#writing(async () => {
      const { key, record, dictionary } = this.#known;
      if (record && key !== null) {
        await this.#writes.cycle(key, record);
      } else if (!this.#cameWithKey || dictionary?.isEmpty === false) {
        // An unknown key with nothing set stores nothing: this may be a late request of a key that was cycled.
        await this.#writes.create();
      }
    });
  }

  /** See the function `cycleKeyAtLogin`. */
  cycleKeyAtLogin(): Promise<void> {
    const rotated = (): void => {
      this.#known.leave();
      this.#cameWithKey = false;
    };
    return this.#writing(() => this.#writes.login(), rotated);
  }

  flush(): Promise<void> {
    // Synchronously: what is set from here on belongs to a new session.
    const error = this.#refusal?.() ?? this.#known.outage;
    if (error) return this.#turns.call(() => Promise.reject(error));
    const emptied = this.#known.empty();
    this.#upcoming ??= [];
    this.#upcoming.push(emptied);
    this.accessed = true;
    this.#modified = true;
    this.#dirty = false;
    return this.#turns.call(async () => {
      try {
        const hasEnded = await this.#writes.end();
        this.ended ||= hasEnded;
      } catch (error) {
        // The session lives on. What was set since was not meant for it, so that nothing more is written to it.
        if (emptied.hasChanges()) {
          this.#known.dictionary = emptied;
          this.#writes.unsure = error;
        }
        throw error;
      } finally {
        this.#upcoming?.shift();
      }
      this.#known.end(emptied);
      this.#cameWithKey = false;
      this.#writes.unsure = undefined;
      this.cookieDue = false;
      this.observer?.cookieChanged();
    });
  }

  /**
   * What the end of a request does: writes what changed, and nothing where there is nothing to keep. Whether the session
   * was looked at, so that it is known to be there.
   */
  commit(): Awaitable<boolean> {
    return this.#turns.take(() => {
      if (!this.hasChanges) return false;
      this.#assertWritable();
      // Only `modified = true` asks for a write without a look at the session.
      return this.#known.dictionary
        ? this.#commit()
        : this.#known.load().then(() => this.#commit());
    });
  }

  /** Renews the expiry of the session's record, if there is a session and `isDue` says so. */
  renew(isDue: (session: LoadedSession) => boolean): Awaitable<void> {
    return this.#turns.take(async () => {
      if (await this.#writes.touch(isDue)) this.#cookieIsDue();
    });
  }

  async #loadKnown(): Promise<void> {
    if (this.isLoaded) return;
    await this.#known.load();
    if (this.#known.hasArrived && this.key !== null) this.#cookieIsDue();
  }

  #commit(): Awaitable<boolean> {
    if (!this.#known.record && this.dictionary().isEmpty) return true;
    return this.#writes.save();
  }

  /** See `WritesOwner`. */
  wasWritten(dictionary: SessionDictionary, hasNewKey: boolean): void {
    if (this.#dictionary === dictionary) this.#dirty = false;
    if (hasNewKey) this.#modified = true;
    this.ended = false;
    this.#cookieIsDue();
  }

  /** See `WritesOwner`. */
  assertCookieCanBeSent(): void {
    this.observer?.assertCookieCanBeSent();
  }

  #cookieIsDue(): void {
    this.cookieDue = true;
    this.observer?.cookieChanged();
  }

  #assertWritable(): void {
    const error = this.#refusal?.() ?? this.#known.outage;
    if (error) throw error;
  }

  /** @param rotated instead of an error where the key was cycled before it was loaded. */
  #writing(run: () => Awaitable<unknown>, rotated?: () => void): Promise<void> {
    return this.#turns.call(async () => {
      this.#assertWritable();
      // Not awaited where there is nothing to wait for: what is saved is what there is now.
      if (!this.#known.dictionary) await this.#known.load();
      this.#assertWritable();
      this.accessed = true;
      const { key, isRotated } = this.#known;
      if (key !== null && isRotated) {
        if (!rotated) throw this.#writes.cycled(key);
        rotated();
      }
      await run();
    });
  }
}
