import { isPromise, whenAnswered } from './awaitable.ts';
import {
  BackendUnavailable,
  SessionClosed,
  SessionInterrupted,
  SessionTooLarge,
} from './errors.ts';
import { EXPIRY_ENTRY } from './expiry.ts';
import { type HttpSessionOptions, mayBeRenewed } from './http-session-options.ts';
import type { Awaitable } from './session-backend.ts';
import { deleteCookieText, setCookieText } from './session-cookie.ts';
import type { SessionData } from './session-data.ts';
import type { SessionEventEmitter } from './session-events.ts';
import {
  dependOnCookie,
  keepFromCaches,
  replaceCookie,
  type SessionResponse,
} from './session-headers.ts';
import { needsTouch } from './session-lifetime.ts';
import type { SessionState } from './session-state.ts';
import { SessionStore } from './session-store.ts';
import type { StateObserver } from './state-observer.ts';

/** Seconds that every date has room for. */
const CENTURY = 100 * 366 * 86_400;

const sessionIsClosed = (): SessionClosed => new SessionClosed();
const sessionIsReadOnly = (): SessionClosed =>
  new SessionClosed('This route only reads its session (readOnly), so nothing can be changed.');

/** What a session that was opened for an HTTP request does at its end, and what the response has to say of it. */
export class SessionExchange<Data extends object = SessionData> implements StateObserver {
  readonly state: SessionState;
  readonly session: SessionStore<Data>;
  readonly #events: SessionEventEmitter;
  readonly #response: SessionResponse;
  readonly #options: HttpSessionOptions;
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
  ) {
    this.state = state;
    this.session = new SessionStore<Data>(state);
    this.#events = events;
    this.#response = response;
    this.#options = options;
    this.#hadCookie = state.key !== null || (state.arrival?.isOwnCookie ?? false);
    state.client = options.client;
    if (options.onUnavailable) state.onUnavailable = options.onUnavailable;
    if (options.readOnly) state.refuse(sessionIsReadOnly);
    state.watch();
    state.observer = this;
  }

  /** See `HttpSession.finish`. */
  finish(status: number, responseBegan: boolean): Promise<void> | undefined {
    // Calls that the handler did not wait for: what they did goes into this response, their failure too.
    const settling = this.state.settle();
    const done = whenAnswered(
      () =>
        settling === undefined
          ? this.#store(status, responseBegan)
          : settling.then(() => this.#store(status, responseBegan)),
      () => this.close(),
      (error) => {
        if (error instanceof SessionInterrupted) this.#withdrawCookie();
        this.close();
        return Promise.reject(error);
      },
    );
    return isPromise(done) ? done : undefined;
  }

  /** Django: a failed request saves nothing; what save, cycleKey and flush did stands. */
  #store(status: number, responseBegan: boolean): Awaitable<unknown> {
    this.#began = responseBegan;
    this.#isFinishing = true;
    // A cookie that save or cycleKey put early: meanwhile the session may have ended, or its key been cycled.
    const early = this.#cookie !== undefined && this.state.cookieDue;
    const committing = status < 500 && this.#commit();
    if (early || (status < 500 && mayBeRenewed(this.state.settings, this.#options))) {
      return this.#lookAgain(committing, { early, renews: status < 500 });
    }
    return committing;
  }

  async #lookAgain(
    committing: Awaitable<boolean>,
    { early, renews }: { early: boolean; renews: boolean },
  ): Promise<void> {
    const wrote = await committing;
    if (early && !wrote && (await this.state.hasEndedSince())) this.#withdrawCookie();
    if (renews && this.#isToBeRenewed()) await this.#renew();
  }

  /** Nothing can be changed any more. */
  close(): void {
    this.#isFinishing = false;
    this.state.refuse(sessionIsClosed);
    this.writeHeaders();
  }

  /** Puts cookie, Vary and Cache-Control on the response; again, where an error handler has removed them. */
  writeHeaders(): void {
    if (this.#response.headersSent) return;
    const hasCookie = this.#cookie !== undefined || this.#farewell.length > 0;
    if (hasCookie) this.#setCookieHeader(this.#cookie);
    if (hasCookie || this.state.accessed) dependOnCookie(this.#response);
  }

  /** Whether the session was written, and so is known to be there. */
  #commit(): Awaitable<boolean> {
    return whenAnswered(
      () => this.state.commit(),
      (wrote) => wrote,
      (error) => {
        const { onInterrupted = this.state.settings.onInterrupted } = this.#options;
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

  #isToBeRenewed(): boolean {
    return (
      mayBeRenewed(this.state.settings, this.#options) &&
      !this.state.cookieDue &&
      this.state.key !== null
    );
  }

  async #renew(): Promise<void> {
    const { saveEveryRequest } = this.state.settings;
    // A cookie without Max-Age needs no renewal, unless the session itself is in it.
    this.#renewed = saveEveryRequest ? undefined : (this.state.key ?? undefined);
    try {
      await this.state.renew(
        (session) => saveEveryRequest || needsTouch(session, this.state.settings),
      );
    } catch (error) {
      // Nothing that anybody was told is lost, and a route that does not touch its session is answered; told as
      // the event `unavailable` where the call failed. Too large is a cookie that Django made, or other settings.
      if (!(error instanceof BackendUnavailable || error instanceof SessionTooLarge)) throw error;
    }
  }

  cookieChanged(): void {
    const { settings, key, ended, cookieDue } = this.state;
    const old = this.#cookie;
    if (cookieDue || ended) this.#farewell = this.state.arrival?.farewell ?? [];
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
    const { cookie, expireAtBrowserClose, idleTimeout, absoluteTimeout } = this.state.settings;
    const isLimited = idleTimeout !== undefined || absoluteTimeout !== undefined;
    if (!isLimited && cookie.age < CENTURY && !this.state.dictionary().has(EXPIRY_ENTRY)) {
      return expireAtBrowserClose ? undefined : cookie.age;
    }
    if (this.session.getExpireAtBrowserClose()) return undefined;
    try {
      // Throws for more seconds than dates have, which the age does not.
      this.session.getExpiryDate({ modification: now });
      return this.session.getExpiryAge({ modification: now });
    } catch {
      // An expiry that cannot be read; the record has an end all the same.
      const end = this.state.session?.expiresAt ?? now;
      return Math.floor((end.getTime() - now.getTime()) / 1000);
    }
  }

  #setCookieHeader(text: string | undefined): void {
    const cookies = { name: this.state.settings.cookie.name, text, farewell: this.#farewell };
    replaceCookie(this.#response, cookies);
    const change = text === undefined ? undefined : keepFromCaches(this.#response);
    if (change) this.#events.tell('cacheControlChanged', this.state.key ?? undefined, change);
  }

  assertCookieCanBeSent(): void {
    if (!this.#began && !this.#response.headersSent) return;
    throw new SessionClosed(
      'The response has begun, so the cookie of a new session cannot be sent any more; call await session.save() before the first byte.',
    );
  }
}
