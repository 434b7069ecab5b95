import { type HttpSessionOptions, mayBeRenewed } from './http-session-options.ts';
import type { SessionData } from './session-data.ts';
import type { SessionEventEmitter } from './session-events.ts';
import { SessionExchange } from './session-exchange.ts';
import type { SessionResponse } from './session-headers.ts';
import type { SessionImporter } from './session-importer.ts';
import type { SessionState } from './session-state.ts';
import type { SessionStore } from './session-store.ts';
import type { Settings } from './settings.ts';

/** What opens the sessions of requests. */
export interface RequestSessions {
  readonly settings: Settings;
  readonly events: SessionEventEmitter;
  /** Whether a record is there as soon as it is asked for, so that nothing has to be fetched before. */
  readonly answersAtOnce: boolean;
  stateOf(
    cookieHeader: string | undefined,
    importing: readonly SessionImporter[] | undefined,
  ): SessionState;
}

/**
 * The session of one HTTP request and what its response has to say, for any framework: `begin`, run the handler,
 * `finish` before the response is written. Django: `SessionMiddleware`.
 */
export class HttpSession<Data extends object = SessionData> {
  readonly #sessions: RequestSessions;
  readonly #cookieHeader: string | undefined;
  readonly #response: SessionResponse;
  readonly #options: HttpSessionOptions;
  #exchange: SessionExchange<Data> | undefined;
  #isOver = false;

  constructor(
    sessions: RequestSessions,
    cookieHeader: string | undefined,
    response: SessionResponse,
    options: HttpSessionOptions,
  ) {
    this.#sessions = sessions;
    this.#cookieHeader = cookieHeader;
    this.#response = response;
    this.#options = options;
  }

  /** Nothing is read, nor is the cookie checked, before somebody asks for it, unless that would be too late. */
  get session(): SessionStore<Data> {
    return this.#opened().session;
  }

  /** Fetches the record early, where the backend answers later; `undefined` where there is nothing to wait for. */
  begin(): Promise<void> | undefined {
    if (this.#opensLate) return undefined;
    const { state } = this.#opened();
    return this.#options.lazy ? undefined : state.prefetch();
  }

  /**
   * Stores what changed and writes the headers; afterwards the session is closed.
   *
   * @param responseBegan the handler answers by itself, so a new session could not reach the visitor any more.
   * @throws what replaces the response: an acknowledged change is one that was stored.
   */
  finish(status: number, responseBegan = false): Promise<void> | undefined {
    const exchange = this.#opensLate ? this.#exchange : this.#opened();
    this.#isOver = true;
    return exchange?.finish(status, responseBegan);
  }

  /** Puts cookie, Vary and Cache-Control on the response; again, where an error handler has removed them. */
  writeHeaders(): void {
    this.#exchange?.writeHeaders();
  }

  /** Whether it is early enough to open the session when it is first looked at. */
  get #opensLate(): boolean {
    if (this.#cookieHeader === undefined) return true;
    const { lazy, importing } = this.#options;
    const isThere = lazy || (this.#sessions.answersAtOnce && importing === undefined);
    return isThere && !mayBeRenewed(this.#sessions.settings, this.#options);
  }

  #opened(): SessionExchange<Data> {
    if (!this.#exchange) {
      const { events } = this.#sessions;
      const state = this.#sessions.stateOf(this.#cookieHeader, this.#options.importing);
      this.#exchange = new SessionExchange<Data>(state, events, this.#response, this.#options);
      if (this.#isOver) {
        // Nobody will ask any more what became of the calls of the application.
        void state.settle();
        this.#exchange.close();
      }
    }
    return this.#exchange;
  }
}
