import { accountText } from './account-notes.ts';
import { AccountSessions } from './account-sessions.ts';
import { isPromise } from './awaitable.ts';
import { type Clearing, type ClearingOptions, startClearing } from './clearing-timer.ts';
import { ImproperlyConfigured } from './errors.ts';
import { HttpSession, type RequestSessions } from './http-session.ts';
import type { HttpSessionOptions } from './http-session-options.ts';
import { type FormerSessions, openFormer } from './migrating-from.ts';
import { type MoveRestOptions, moveRest } from './move-rest.ts';
import { type SafetyFinding, safetyFindings } from './safety.ts';
import { type Arrival, SessionArrivals } from './session-arrivals.ts';
import type { ClearExpiredOptions, SessionBackend } from './session-backend.ts';
import { SessionCommits } from './session-commits.ts';
import { cookieValues } from './session-cookie.ts';
import type { SessionData } from './session-data.ts';
import { SessionEventEmitter } from './session-events.ts';
import type { SessionResponse } from './session-headers.ts';
import type { SessionImporter } from './session-importer.ts';
import { SessionInspector } from './session-inspector.ts';
import { isCookieSession, isSessionKey } from './session-key.ts';
import { SessionRecords } from './session-records.ts';
import { SessionState } from './session-state.ts';
import { SessionStore } from './session-store.ts';
import { type SessionsOptions, type Settings, validateSettings } from './settings.ts';

const NO_CHOICES: HttpSessionOptions = Object.freeze({});

/** The sessions of an application: settings and backend; opens stores, clears expired records. */
export class Sessions<Data extends object = SessionData> {
  readonly settings: Settings;
  /** The place where the sessions live, for what goes beyond sessions, such as creating its table. */
  readonly backend: SessionBackend;
  /** The place that `migratingFrom` names. */
  readonly formerBackend: SessionBackend | undefined;
  readonly events: SessionEventEmitter;
  /** All sessions, for whoever runs the application: what they are, and how to end them. */
  readonly inspector: SessionInspector;
  readonly #records: SessionRecords;
  readonly #commits: SessionCommits;
  readonly #former: FormerSessions | undefined;
  readonly #arrivals: SessionArrivals;
  readonly #requests: RequestSessions;
  readonly #clearings = new Set<Clearing>();

  /** @throws {ImproperlyConfigured} naming the first setting that is missing or wrong. */
  constructor(options: SessionsOptions) {
    this.settings = validateSettings(options);
    this.backend = options.backend;
    this.events = new SessionEventEmitter(options.secretKey);
    this.#former = openFormer(options, this.events);
    this.formerBackend = this.#former?.backend;
    this.#records = new SessionRecords(options.backend, this.settings, this.events, this.#former);
    this.inspector = new SessionInspector(this.#records);
    this.#commits = new SessionCommits(this.#records);
    this.#arrivals = new SessionArrivals(this.#records, this.events);
    this.#requests = {
      settings: this.settings,
      events: this.events,
      answersAtOnce: this.#records.answersAtOnce,
      stateOf: (cookieHeader, importing) => {
        const { key, arrival } = this.#visitorOf(cookieHeader, importing);
        return new SessionState(this.#records, this.#commits, key, arrival);
      },
    };
  }

  /**
   * The session under the key, for use outside HTTP too: a WebSocket, a job, a script. No key, or a malformed one, is
   * an empty session that gets a key when it is first saved. Does no I/O: `await session.load()` comes first, unless
   * the backend answers at once.
   */
  open(key?: string | null): SessionStore<Data> {
    return new SessionStore<Data>(this.#state(key ?? null));
  }

  /** The session of one HTTP request, and what its response has to say; what `@coatcheck/koa` is made of. */
  openForRequest(
    cookieHeader: string | undefined,
    response: SessionResponse,
    options: HttpSessionOptions = NO_CHOICES,
  ): HttpSession<Data> {
    return new HttpSession<Data>(this.#requests, cookieHeader, response, options);
  }

  /** Whether a live session is stored under the key; never for one that lives in its cookie, as in Django. */
  async exists(key: string): Promise<boolean> {
    if (!this.#isKey(key) || this.#records.inCookie) return false;
    const session = await this.#records.loadOriginal(key);
    return session !== undefined && !session.rotated;
  }

  /** Ends the session under the key, whoever uses it; false when there was none. */
  async delete(key: string): Promise<boolean> {
    if (!this.#isKey(key)) return false;
    const loading = this.#records.load(key);
    const session = isPromise(loading) ? await loading : loading;
    return session?.rotated ? false : this.#commits.end(key, session);
  }

  /**
   * The sessions of an account: who is logged in where, and how to end that.
   *
   * @throws {ImproperlyConfigured} when the setting `account` is missing
   * @throws {TypeError} when it is nothing that an account can be
   */
  of(account: string | number | bigint): AccountSessions {
    const { notes, place } = this.#records;
    if (notes) {
      const former = this.#former?.records.place;
      const before = former?.notes && { place: former, notes: former.notes };
      return new AccountSessions(accountText(account), { place, notes }, before);
    }
    throw new ImproperlyConfigured(
      'sessions.of(account) needs the setting account: true for the user that is logged in as in Django, or a function.',
    );
  }

  /** Removes expired records and returns how many there were. Django: the command `clearsessions`. */
  clearExpired(options?: ClearExpiredOptions): Promise<number> {
    return this.#records.place.clearExpired(options);
  }

  /**
   * Clears expired records again and again, in this process and for as long as it lives; never keeps it alive. Closing
   * the sessions stops it.
   *
   * @throws {ImproperlyConfigured} when `every` is no number of seconds that a timer can wait
   */
  startClearing(options: ClearingOptions): Clearing {
    const clearing = startClearing((clear) => this.clearExpired(clear), options);
    this.#clearings.add(clearing);
    return clearing;
  }

  /**
   * How safe the sessions are, as settings and place are set up now: what a crash would lose, who could read or forge
   * them. Asks the place and changes nothing; the command `check`. Rejects when the place does not answer.
   */
  checkSafety(): Promise<readonly SafetyFinding[]> {
    return safetyFindings(this.backend, this.settings);
  }

  /**
   * Moves what the place of `migratingFrom` still has, so that it can be dropped; returns how many sessions that were.
   * One that cannot be moved stays there, and the rest goes on.
   *
   * @throws {BackendUnavailable} when a place did not answer several times in a row
   * @throws {ImproperlyConfigured} without `migratingFrom`, or where the sessions there cannot be listed, or have hashed
   *   keys and those here are not
   */
  async moveRest(options?: MoveRestOptions): Promise<number> {
    if (this.#former) return moveRest(this.#former, this.#records, options);
    throw new ImproperlyConfigured(
      'The setting migratingFrom is missing: name there the engine whose sessions are to be moved.',
    );
  }

  /** Waits for the writes under way, then closes the backend. */
  async close(): Promise<void> {
    await Promise.all([...this.#clearings].map((clearing) => clearing.stop()));
    await this.#commits.idle();
    try {
      await this.#former?.backend.close();
    } finally {
      await this.backend.close();
    }
  }

  #visitorOf(
    cookieHeader: string | undefined,
    importing: readonly SessionImporter[] = [],
  ): { key: string | null; arrival?: Arrival | undefined } {
    const value = this.#valueIn(cookieHeader);
    if (value !== null) {
      if (this.#isKey(value)) return { key: value };
      const former = this.#former;
      if (former?.records.inCookie && isCookieSession(value)) {
        return { key: null, arrival: this.#arrivals.ofCookie(value, former) };
      }
    }
    const arrival = cookieHeader ? this.#arrivals.find(cookieHeader, importing) : undefined;
    // One that an importer has taken under the same name is what it was expected to be.
    if (value !== null && !arrival?.hasOwnName) {
      this.events.tell('rejected', undefined, { reason: 'malformed' });
    }
    return arrival ? { key: null, arrival } : { key: null };
  }

  /** The value of the session's cookie. */
  #valueIn(cookieHeader: string | undefined): string | null {
    const values = cookieValues(cookieHeader, this.settings.cookie.name);
    const [value] = values;
    if (value === undefined) return null;
    if (values.length > 1) {
      // Which of them is ours cannot be told: a sibling domain may have set the other (RFC 6265bis, section 8.6).
      this.events.tell('rejected', undefined, { reason: 'duplicate cookie' });
      return null;
    }
    return value;
  }

  #state(key: string | null): SessionState {
    const usable = typeof key === 'string' && this.#isKey(key);
    return new SessionState(this.#records, this.#commits, usable ? key : null);
  }

  #isKey(text: string): boolean {
    return this.#records.inCookie ? isCookieSession(text) : isSessionKey(text);
  }
}

/**
 * Sessions on a backend. `createSessions<AppSession>()` types every store that they open.
 *
 * @throws {ImproperlyConfigured} naming the first setting that is missing or wrong, and the remedy.
 */
export function createSessions<Data extends object = SessionData>(
  options: SessionsOptions,
): Sessions<Data> {
  return new Sessions<Data>(options);
}
