import type { ClientFacts } from './account-index.ts';
import { isPromise, whenAnswered } from './awaitable.ts';
import {
  BackendUnavailable,
  SessionClosed,
  SessionInterrupted,
  SessionTooLarge,
} from './errors.ts';
import { EXPIRY_ENTRY } from './expiry.ts';
import type { Awaitable } from './session-backend.ts';
import {
  cacheControlFor,
  deleteCookieText,
  setCookieText,
  varyByCookie,
} from './session-cookie.ts';
import type { SessionData } from './session-data.ts';
import type { SessionEventEmitter } from './session-events.ts';
import type { SessionImporter } from './session-importer.ts';
import { needsTouch } from './session-lifetime.ts';
import type { SessionState } from './session-state.ts';
import { SessionStore } from './session-store.ts';
import type { Settings } from './settings.ts';

/** Seconds that every date has room for. */
const CENTURY = 100 * 366 * 86_400;

const sessionIsClosed = (): SessionClosed => new SessionClosed();
const sessionIsReadOnly = (): SessionClosed =>
  new SessionClosed('This route only reads its session (readOnly), so nothing can be changed.');
const nothing = (): void => {};

/** What a route may choose for itself. */
export interface HttpSessionOptions {
  /** Nothing is fetched before the handler asks with `await session.load()`. @default false */
  readonly lazy?: boolean | undefined;
  /** Whether the request counts as activity for `idleTimeout` and `saveEveryRequest`. @default true */
  readonly touch?: boolean | undefined;
  /** The session can be read and not changed. @default false */
  readonly readOnly?: boolean | undefined;
  /** Kept beside the session for the list of its account, where the settings have accounts. */
  readonly client?: ClientFacts | undefined;
  /** Reads sessions of other frameworks, of visitors who have none here yet. @default none */
  readonly importing?: readonly SessionImporter[] | undefined;
  readonly onInterrupted?: Settings['onInterrupted'] | undefined;
  readonly onUnavailable?: Settings['onUnavailable'] | undefined;
}

/** What is needed of a response; Node's `ServerResponse` is one. */
export interface SessionResponse {
  readonly headersSent: boolean;
  getHeader(name: string): number | string | readonly string[] | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/**
 * The session of one HTTP request and what its response has to say, for any framework: `begin`, run the handler,
 * `finish` before the response is written. Django: `SessionMiddleware`.
 */
export class HttpSession<Data extends object = SessionData> {
  readonly session: SessionStore<Data>;
  readonly #state: SessionState;
  readonly #events: SessionEventEmitter;
  readonly #response: SessionResponse;
  readonly #options: HttpSessionOptions;
  readonly #fetchesEarly: boolean;
  /** Whether the request came with a session key, so that a deletion has something to delete. */
  readonly #hadCookie: boolean;
  #cookie: string | undefined;
  /** Removes the cookies of what was imported. */
  #farewell: readonly string[] = [];
  #began = false;
  /** What is stored now is the last thing, and the headers are written right after it. */
  #isFinishing = false;
  /** The key whose idle timeout is being renewed. */
  #renewed: string | undefined;

  constructor(
    state: SessionState,
    events: SessionEventEmitter,
    response: SessionResponse,
    options: HttpSessionOptions,
    fetchesEarly: boolean,
  ) {
    this.session = new SessionStore<Data>(state);
    this.#state = state;
    this.#events = events;
    this.#response = response;
    this.#options = options;
    this.#fetchesEarly = fetchesEarly;
    this.#hadCookie = state.key !== null || (state.arrival?.isOwnCookie ?? false);
    state.client = options.client;
    if (options.onUnavailable) state.onUnavailable = options.onUnavailable;
    if (options.readOnly) state.refuse(sessionIsReadOnly);
    state.watch();
    state.observer = {
      cookieChanged: () => this.#putCookie(),
      assertCookieCanBeSent: () => this.#assertCookieCanBeSent(),
    };
  }

  /** Fetches the record early, where the backend answers later; `undefined` where there is nothing to wait for. */
  begin(): Promise<void> | undefined {
    return this.#fetchesEarly ? this.#state.prefetch() : undefined;
  }

  /**
   * Stores what changed and writes the headers; afterwards the session is closed.
   *
   * @param responseBegan the handler answers by itself, so a new session could not reach the visitor any more.
   * @throws what replaces the response: an acknowledged change is one that was stored.
   */
  finish(status: number, responseBegan = false): Promise<void> | undefined {
    // Calls that the handler did not wait for: what they did goes into this response, their failure too.
    const settling = this.#state.settle();
    const done = whenAnswered(
      () =>
        settling === undefined
          ? this.#store(status, responseBegan)
          : settling.then(() => this.#store(status, responseBegan)),
      () => this.#close(),
      (error) => {
        if (error instanceof SessionInterrupted) this.#withdrawCookie();
        this.#close();
        return Promise.reject(error);
      },
    );
    return isPromise(done) ? done : undefined;
  }

  /** Django: a failed request saves nothing; what save, cycleKey and flush did stands. */
  #store(status: number, responseBegan: boolean): Awaitable<void> {
    this.#began = responseBegan;
    this.#isFinishing = true;
    // A cookie that save or cycleKey put early: meanwhile the session may have ended, or its key been cycled.
    const early = this.#cookie !== undefined && this.#state.cookieDue;
    const committing = status < 500 && this.#commit();
    if (early || (status < 500 && this.#mayBeRenewed)) {
      return this.#lookAgain(committing, { early, renews: status < 500 });
    }
    return isPromise(committing) ? committing.then(nothing) : undefined;
  }

  async #lookAgain(
    committing: Awaitable<boolean>,
    { early, renews }: { early: boolean; renews: boolean },
  ): Promise<void> {
    const wrote = await committing;
    if (early && !wrote && (await this.#state.hasEndedSince())) this.#withdrawCookie();
    if (renews && this.#isToBeRenewed()) await this.#renew();
  }

  #close(): void {
    this.#isFinishing = false;
    this.#state.refuse(sessionIsClosed);
    this.writeHeaders();
  }

  /** Whether the response depends on the session, or carries its cookie. */
  get hasHeaders(): boolean {
    return this.#cookie !== undefined || this.#farewell.length > 0 || this.#state.accessed;
  }

  /** Puts cookie, Vary and Cache-Control on the response; again, where an error handler has removed them. */
  writeHeaders(): void {
    if (this.#response.headersSent) return;
    if (this.#cookie !== undefined || this.#farewell.length > 0) {
      this.#setCookieHeader(this.#cookie);
    }
    if (!this.hasHeaders) return;
    const vary = this.#response.getHeader('Vary');
    const from = vary === undefined ? undefined : String(vary);
    const to = varyByCookie(from);
    if (to !== from) this.#response.setHeader('Vary', to);
  }

  /** Whether the session was written, and so is known to be there. */
  #commit(): Awaitable<boolean> {
    return whenAnswered(
      () => this.#state.commit(),
      (wrote) => wrote,
      (error) => {
        const { onInterrupted = this.#state.settings.onInterrupted } = this.#options;
        if (!(error instanceof SessionInterrupted) || onInterrupted !== 'discard') throw error;
        this.#withdrawCookie();
        return true;
      },
    );
  }

  /** A late response must not replace the cookie that a login has set since. */
  #withdrawCookie(): void {
    if (this.#cookie === undefined) return;
    this.#cookie = undefined;
    if (!this.#response.headersSent) this.#setCookieHeader(undefined);
  }

  get #mayBeRenewed(): boolean {
    const { saveEveryRequest, idleTimeout } = this.#state.settings;
    return (saveEveryRequest || idleTimeout !== undefined) && (this.#options.touch ?? true);
  }

  #isToBeRenewed(): boolean {
    return this.#mayBeRenewed && !this.#state.cookieDue && this.#state.key !== null;
  }

  async #renew(): Promise<void> {
    const { saveEveryRequest } = this.#state.settings;
    // A cookie without Max-Age needs no renewal, unless the session itself is in it.
    this.#renewed = saveEveryRequest ? undefined : (this.#state.key ?? undefined);
    try {
      await this.#state.renew(
        (session) => saveEveryRequest || needsTouch(session, this.#state.settings),
      );
    } catch (error) {
      // Nothing that anybody was told is lost, and a route that does not touch its session is answered; told as
      // the event `unavailable` where the call failed. Too large is a cookie that Django made, or other settings.
      if (!(error instanceof BackendUnavailable || error instanceof SessionTooLarge)) throw error;
    }
  }

  #putCookie(): void {
    const { settings, key, ended, cookieDue } = this.#state;
    const old = this.#cookie;
    if (cookieDue || ended) this.#farewell = this.#state.arrival?.farewell ?? [];
    if (key !== null && cookieDue) {
      const now = settings.now();
      const maxAge = this.#maxAge(now);
      if (maxAge === undefined && this.#renewed === key) return;
      this.#cookie = setCookieText(settings.cookie, key, maxAge, now);
    } else {
      this.#cookie = ended && this.#hadCookie ? deleteCookieText(settings.cookie) : undefined;
    }
    if (this.#response.headersSent) {
      if (this.#cookie !== undefined) this.#events.tell('cookieSkipped', key ?? undefined, {});
      return;
    }
    if (old !== undefined && this.#cookie === undefined) this.#setCookieHeader(undefined);
    if (!this.#isFinishing) this.writeHeaders();
  }

  #maxAge(now: Date): number | undefined {
    const { cookie, expireAtBrowserClose, idleTimeout, absoluteTimeout } = this.#state.settings;
    const isLimited = idleTimeout !== undefined || absoluteTimeout !== undefined;
    if (!isLimited && cookie.age < CENTURY && !this.#state.dictionary().has(EXPIRY_ENTRY)) {
      return expireAtBrowserClose ? undefined : cookie.age;
    }
    if (this.session.getExpireAtBrowserClose()) return undefined;
    try {
      // Throws for more seconds than dates have, which the age does not.
      this.session.getExpiryDate({ modification: now });
      return this.session.getExpiryAge({ modification: now });
    } catch {
      // An expiry that cannot be read; the record has an end all the same.
      const end = this.#state.session?.expiresAt ?? now;
      return Math.floor((end.getTime() - now.getTime()) / 1000);
    }
  }

  /** Replaces the session's own cookie among those of the response. */
  #setCookieHeader(text: string | undefined): void {
    const { name } = this.#state.settings.cookie;
    const present = this.#response.getHeader('Set-Cookie');
    if (present === undefined && text !== undefined && this.#farewell.length === 0) {
      this.#response.setHeader('Set-Cookie', [text]);
      this.#setCacheControl();
      return;
    }
    const list = Array.isArray(present)
      ? (present as string[])
      : present === undefined
        ? []
        : [String(present)];
    // Headers are written up to three times, and Node checks all that it is given each time.
    const isThere = list.length === 1 && list[0] === text && this.#farewell.length === 0;
    if (!isThere) {
      const ours = text === undefined ? this.#farewell : [text, ...this.#farewell];
      const others = list.filter(
        (cookie) => !cookie.startsWith(`${name}=`) && !this.#farewell.includes(cookie),
      );
      this.#response.setHeader('Set-Cookie', [...others, ...ours]);
    }
    if (text !== undefined) this.#setCacheControl();
  }

  #setCacheControl(): void {
    const present = this.#response.getHeader('Cache-Control');
    const from = present === undefined ? undefined : String(present);
    const to = cacheControlFor(from);
    if (to === from) return;
    this.#response.setHeader('Cache-Control', to);
    if (from !== undefined) {
      this.#events.tell('cacheControlChanged', this.#state.key ?? undefined, { from, to });
    }
  }

  #assertCookieCanBeSent(): void {
    if (!this.#began && !this.#response.headersSent) return;
    throw new SessionClosed(
      'The response has begun, so the cookie of a new session cannot be sent any more; call await session.save() before the first byte.',
    );
  }
}
