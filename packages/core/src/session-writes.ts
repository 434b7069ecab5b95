import type { ClientFacts } from './account-index.ts';
import { whenAnswered } from './awaitable.ts';
import { applyChanges, type ChangeSet, NO_ENTRIES } from './changes.ts';
import { BackendUnavailable, SessionInterrupted, SessionNotLoaded } from './errors.ts';
import type { KnownSession } from './known-session.ts';
import type { Awaitable } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionCommits } from './session-commits.ts';
import type { SessionDictionary } from './session-dictionary.ts';
import { withCreation } from './session-lifetime.ts';
import type { SessionRecords } from './session-records.ts';
import type { Committed } from './session-writer.ts';

/** Whose session is written. */
export interface WritesOwner {
  /** What the request says of the visitor. */
  readonly client: ClientFacts | undefined;
  /** @throws {SessionClosed} when a new key could no longer reach the visitor. */
  assertCookieCanBeSent(): void;
  /** What was in the dictionary when it was sent is stored now; perhaps under a new key. */
  wasWritten(dictionary: SessionDictionary, hasNewKey: boolean): void;
}

/** Writes what becomes of a request's session, under whatever key that has by then, and lets `KnownSession` know. */
export class SessionWrites {
  readonly #records: SessionRecords;
  readonly #commits: SessionCommits;
  readonly #known: KnownSession;
  readonly #owner: WritesOwner;
  /** Why nothing more is written until the session is loaded: a write that may have been done, or a flush that failed. */
  unsure: unknown;

  constructor(
    records: SessionRecords,
    commits: SessionCommits,
    known: KnownSession,
    owner: WritesOwner,
  ) {
    this.#records = records;
    this.#commits = commits;
    this.#known = known;
    this.#owner = owner;
  }

  /** Merges the changes into the record; without one, stores a new session. @throws {SessionInterrupted} */
  save(): Awaitable<true> {
    const { key, record } = this.#known;
    if (key === null || !record) return this.create();
    if (record.rotated) throw this.cycled(key);
    return this.#write((changes) => this.#commits.update(key, record, changes), false);
  }

  /** Stores everything under a new key. */
  create(): Awaitable<true> {
    this.#owner.assertCookieCanBeSent();
    const { key, record: old } = this.#known;
    const origin = key === null ? undefined : old?.base;
    // A copy is as old as what it is a copy of.
    const kept = old ? withCreation(old.entries, old.signedAt, this.#records.settings) : NO_ENTRIES;
    return this.#write(
      (changes) => this.#records.writer.create(applyChanges(changes, kept), origin, changes.client),
      true,
    );
  }

  /** Moves the session to a new key. @throws {SessionInterrupted} when it has ended. */
  cycle(key: string, record: LoadedSession): Awaitable<true> {
    this.#owner.assertCookieCanBeSent();
    return this.#write((changes) => this.#commits.cycle(key, record, changes), true);
  }

  /** Moves the session to a new key at a login; one whose key was cycled meanwhile is stored anew. */
  async login(): Promise<void> {
    const { key, record } = this.#known;
    if (key === null || !record) return;
    try {
      await this.cycle(key, record);
    } catch (error) {
      if (!(error instanceof SessionInterrupted && error.isCycled)) throw error;
      await this.create();
    }
  }

  /** Moves the expiry of the session's record, if there is one and `isDue` says so. Whether it did. */
  async touch(isDue: (session: LoadedSession) => boolean): Promise<boolean> {
    await this.#known.load();
    const { key, record } = this.#known;
    if (key === null || !record || record.rotated || !isDue(record)) return false;
    const touched = await this.#records.writer.touch(key, record, this.#owner.client);
    if (!touched) return false;
    this.#known.wasWritten(touched);
    return true;
  }

  /** Ends the session under the key; false when there was none. @throws {SessionInterrupted} when it was cycled. */
  async end(): Promise<boolean> {
    if (!this.#known.dictionary) await this.#known.load();
    const { key, record, outage, isUnstored } = this.#known;
    // An outage that reads as an empty session is no answer to whether there is one.
    if (outage) throw outage;
    if (key === null || !record) return isUnstored;
    if (record.rotated) throw this.cycled(key);
    const removed = await this.#commits.end(key, record);
    // A session that lives in its cookie ends with it; nothing else could be removed.
    return removed || this.#records.inCookie;
  }

  /** The error of a session whose key was cycled; also an event. */
  cycled(key: string): SessionInterrupted {
    return this.#records.interrupted(key, { isCycled: true });
  }

  #write(send: (changes: ChangeSet) => Awaitable<Committed>, hasNewKey: boolean): Awaitable<true> {
    if (this.unsure) throw this.unsure;
    const { dictionary } = this.#known;
    if (!dictionary) throw new SessionNotLoaded();
    const changes = dictionary.snapshot(this.#owner.client);
    return whenAnswered(
      () => send(changes),
      (committed) => {
        this.#known.wasWritten(committed);
        dictionary.rebase(committed.session.entries);
        this.#owner.wasWritten(dictionary, hasNewKey);
        return true;
      },
      (error) => {
        if (error instanceof BackendUnavailable && error.ambiguous) this.unsure = error;
        throw error;
      },
    );
  }
}
