import { afterwards } from './awaitable.ts';
import { type Entries, NO_ENTRIES } from './changes.ts';
import { EarlyFetch, type Found } from './early-fetch.ts';
import { BackendUnavailable, SessionNotLoaded } from './errors.ts';
import type { Arrival } from './session-arrivals.ts';
import type { Awaitable } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import { SessionDictionary } from './session-dictionary.ts';
import type { SessionRecords } from './session-records.ts';
import type { Committed } from './session-writer.ts';
import type { Settings } from './settings.ts';

const NOTHING_FOUND: Found = { key: null, stored: undefined };

/** What one request knows of its session: the key, the record under it and its entries, read when somebody asks. */
export class KnownSession {
  readonly #records: SessionRecords;
  /** Made when there is something to fetch. */
  #early: EarlyFetch | undefined;
  onUnavailable: Settings['onUnavailable'];
  /** Null while there is no session; a key that turns out to be unknown is forgotten. */
  key: string | null;
  /** The record as it was loaded or last written. */
  record: LoadedSession | undefined;
  /** The entries as the calls under way know them. */
  dictionary: SessionDictionary | undefined;
  /** Why what reads as an empty session cannot be changed, until it is loaded again. */
  outage: BackendUnavailable | undefined;
  /** What is being opened cannot be read: a listener who is told that it is no session would ask for it again. */
  #isOpening = false;
  /** What the visitor has brought instead of a key, as long as the session is that one. */
  arrival: Arrival | undefined;

  constructor(records: SessionRecords, key: string | null, arrival?: Arrival) {
    this.#records = records;
    this.onUnavailable = records.settings.onUnavailable;
    this.key = key;
    this.arrival = arrival;
    if (!this.#mayBe) this.#take(undefined);
  }

  /** Whether there is a session that is nowhere but in the cookie that the visitor has brought. */
  get isUnstored(): boolean {
    return this.key === null && this.record !== undefined;
  }

  /** Whether a session was found that came from elsewhere. */
  get hasArrived(): boolean {
    return this.arrival !== undefined && this.record !== undefined;
  }

  /** Whether there is something to look for. */
  get #mayBe(): boolean {
    return this.key !== null || this.arrival !== undefined;
  }

  /** Whether it is not there as soon as it is asked for. */
  get hasToBeFetched(): boolean {
    return this.key !== null ? !this.#records.answersAtOnce : this.arrival?.redeem !== undefined;
  }

  /** Whether the key was cycled, so that what is left under it is no session. */
  get isRotated(): boolean {
    return this.record?.rotated ?? false;
  }

  /**
   * The entries, loaded now where the backend answers at once.
   *
   * @throws {SessionNotLoaded} where it does not, and nothing was fetched early.
   * @throws {BackendUnavailable} when the early fetch failed, or the load does.
   */
  read(): SessionDictionary {
    const { key, arrival } = this;
    if (!this.dictionary && !this.#isOpening) {
      if (this.#early?.isDone) this.#open(() => this.#fetched());
      else if (arrival?.read) this.#open(arrival.read);
      // Nothing but an answer comes from a backend that answers at once.
      else if (key !== null && this.#records.answersAtOnce)
        this.#open(() => this.#records.load(key) as LoadedSession | undefined);
    }
    if (!this.dictionary) throw new SessionNotLoaded();
    return this.dictionary;
  }

  /** Fetches the record early and does not look inside; a failure is thrown at the first access. */
  prefetch(): Promise<void> | undefined {
    return !this.dictionary && this.hasToBeFetched ? this.#fetchEarly() : undefined;
  }

  /** Reads the record, where that has not happened yet. */
  async load(): Promise<void> {
    if (this.dictionary || !this.#mayBe) return;
    if (this.arrival?.read) {
      this.read();
      return;
    }
    await this.#fetchEarly();
    // Meanwhile the application may have looked into it itself, and changed something.
    if (!this.dictionary) this.#open(() => this.#fetched());
  }

  /** Whether loading has failed and somebody was told, so that there is no reason to keep to it. */
  get hasFailed(): boolean {
    return this.#early?.wasTold ?? false;
  }

  /** Back to what was known before anything was loaded. */
  forget(): void {
    this.outage = undefined;
    this.#early?.reset();
    this.dictionary = undefined;
    this.record = undefined;
    if (!this.#mayBe) this.#take(undefined);
  }

  /** What was written is the session from now on, perhaps under another key. */
  wasWritten({ key, session }: Committed): void {
    this.key = key;
    this.record = session;
  }

  /** There is no session any more; what is set from now on belongs to a new one. */
  end(upcoming: SessionDictionary): void {
    this.leave();
    this.dictionary = upcoming;
  }

  /** What has been set belongs to a new session; what is left under the key stays. */
  leave(): void {
    this.arrival = undefined;
    this.key = null;
    this.record = undefined;
  }

  /** Whether the session is known to have ended since it was written. */
  async hasEndedSince(): Promise<boolean> {
    if (this.key === null || this.#records.inCookie) return false;
    try {
      const record = await this.#records.load(this.key);
      return record === undefined || record.rotated;
    } catch {
      return false;
    }
  }

  #fetchEarly(): Promise<void> {
    this.#early ??= new EarlyFetch(this.#records);
    const { key } = this;
    return this.#early.start(() => (key !== null ? this.#fetch(key) : this.#find()));
  }

  #find(): Awaitable<Found> {
    const redeeming = this.arrival?.redeem?.();
    if (redeeming === undefined) return NOTHING_FOUND;
    return redeeming.then((redeemed) =>
      redeemed === undefined ? NOTHING_FOUND : this.#fetch(redeemed),
    );
  }

  #fetch(key: string): Awaitable<Found> {
    return afterwards(this.#records.fetch(key), (stored) => ({ key, stored }));
  }

  #fetched(): LoadedSession | undefined {
    const found = this.#early?.open();
    this.key = found?.key ?? null;
    return found?.session;
  }

  /** A dictionary with nothing in it. */
  empty(): SessionDictionary {
    return this.#dictionaryOf(NO_ENTRIES);
  }

  #dictionaryOf(entries: Entries): SessionDictionary {
    return new SessionDictionary(entries, this.#records.settings.serializer);
  }

  /** Where the application chose so, an outage reads as an empty session that refuses to be changed. */
  #open(load: () => LoadedSession | undefined): void {
    this.#isOpening = true;
    try {
      this.#take(load());
    } catch (error) {
      const isOutage = error instanceof BackendUnavailable;
      if (!isOutage || this.onUnavailable !== 'anonymous') throw error;
      this.outage = error;
      this.dictionary = this.empty();
    } finally {
      this.#isOpening = false;
    }
  }

  /** An unknown key is forgotten; what is left of a cycled one reads as an empty session and refuses to be written. */
  #take(record: LoadedSession | undefined): void {
    this.record = record;
    if (!record) this.key = null;
    this.dictionary = this.#dictionaryOf(record && !record.rotated ? record.entries : NO_ENTRIES);
  }
}
