import { inspect } from 'node:util';
import type { Expiry, ExpiryOptions } from './expiry.ts';
import { propertyView } from './property-view.ts';
import type { SessionData, SessionKey, SessionValue } from './session-data.ts';
import {
  getExpireAtBrowserClose,
  getExpiryAge,
  getExpiryDate,
  setExpiry,
} from './session-expiry.ts';
import type { SessionState } from './session-state.ts';
import type { Settings } from './settings.ts';

let readSettings: <Data extends object>(session: SessionStore<Data>) => Settings;
let atLogin: <Data extends object>(session: SessionStore<Data>) => Promise<void>;

const TEST_COOKIE = 'testcookie';
const TEST_COOKIE_VALUE = 'worked';

/**
 * The session of one visitor during one request. Django: `SessionBase`; the methods have Django's names in camelCase
 * and do what they do there. Values must survive JSON; what does not is refused with its path. Members that are hidden or
 * have a symbol as their key are no data, and are passed over.
 */
export class SessionStore<Data extends object = SessionData> {
  readonly #state: SessionState;
  #data: Partial<Data> | undefined;

  /** Applications get their stores from `ctx.session` or `sessions.open(key)`. */
  constructor(state: SessionState) {
    this.#state = state;
  }

  /** The key, or null while there is none; once loaded, an unknown key is null. Django: `session_key`. */
  get sessionKey(): string | null {
    return this.#state.key;
  }

  /** Whether anything was changed, nested values included. Setting it to true saves the session in any case. */
  get modified(): boolean {
    return this.#state.modified;
  }

  set modified(value: boolean) {
    this.#state.modified = value;
  }

  /** Whether the request has looked at the session, so that the response depends on the cookie. */
  get accessed(): boolean {
    return this.#state.accessed;
  }

  /** @throws {SessionNotLoaded} as every reading method does, before the session is loaded. */
  get<Key extends SessionKey<Data>>(key: Key): SessionValue<Data, Key> | undefined;
  get<Key extends SessionKey<Data>, Default>(
    key: Key,
    otherwise: Default,
  ): SessionValue<Data, Key> | Default;
  get(key: string, otherwise?: unknown): unknown {
    const entries = this.#state.reading();
    return entries.has(key) ? entries.get(key) : otherwise;
  }

  /** @throws {TypeError} with the path of what would not survive JSON. */
  set<Key extends SessionKey<Data>>(key: Key, value: SessionValue<Data, Key>): this {
    this.#state.changing().set(key, value);
    this.#state.markModified();
    return this;
  }

  has(key: SessionKey<Data>): boolean {
    return this.#state.reading().has(key);
  }

  /** Removes the entry; false when there was none. The whole session ends with `flush()`. */
  delete(key: SessionKey<Data>): boolean {
    if (key === undefined || (key as string) === this.#state.key) {
      throw new TypeError(
        'delete(key) removes one entry; to end the session call await session.flush().',
      );
    }
    const deleted = this.#state.changing().delete(key);
    if (deleted) this.#state.markModified();
    return deleted;
  }

  /** Removes the entry and returns its value; the default, or undefined, when there was none. */
  pop<Key extends SessionKey<Data>>(key: Key): SessionValue<Data, Key> | undefined;
  pop<Key extends SessionKey<Data>, Default>(
    key: Key,
    otherwise: Default,
  ): SessionValue<Data, Key> | Default;
  pop(key: string, otherwise?: unknown): unknown {
    const entries = this.#state.changing();
    if (!entries.has(key)) return otherwise;
    const value = entries.get(key);
    entries.delete(key);
    this.#state.markModified();
    return value;
  }

  /** The value under the key, which becomes `value` if there is none. */
  setDefault<Key extends SessionKey<Data>>(
    key: Key,
    value: SessionValue<Data, Key>,
  ): SessionValue<Data, Key> {
    const entries = this.#state.reading();
    if (!entries.has(key)) this.set(key, value);
    return entries.get(key) as SessionValue<Data, Key>;
  }

  /** Sets several entries: all of them, or none if one is refused. */
  update(values: Partial<Data> | Iterable<readonly [string, unknown]>): this {
    const iterable = Symbol.iterator in values;
    const entries = iterable
      ? [...(values as Iterable<readonly [string, unknown]>)]
      : Object.entries(values);
    const dictionary = this.#state.changing();
    for (const [key, value] of entries) dictionary.assertStorable(key, value);
    for (const [key, value] of entries) dictionary.assign(key, value);
    this.#state.markModified();
    return this;
  }

  keys(): SessionKey<Data>[] {
    return this.#state.reading().keys() as SessionKey<Data>[];
  }

  values(): unknown[] {
    return this.entries().map(([, value]) => value);
  }

  entries(): [SessionKey<Data>, unknown][] {
    const entries = this.#state.reading();
    return entries.keys().map((key) => [key as SessionKey<Data>, entries.get(key)]);
  }

  [Symbol.iterator](): Iterator<[SessionKey<Data>, unknown]> {
    return this.entries()[Symbol.iterator]();
  }

  get size(): number {
    return this.#state.reading().keys().length;
  }

  /** Removes every entry; the session and its key stay. */
  clear(): void {
    this.#state.changing().clear();
    this.#state.markModified();
  }

  /** True when there is neither a key nor an entry. Loads nothing and marks nothing. */
  isEmpty(): boolean {
    if (!this.#state.isLoaded) return this.#state.key === null;
    const kept = this.#state.session && !this.#state.session.rotated;
    return !kept && this.#state.dictionary().isEmpty;
  }

  /**
   * Read-modify-write that survives concurrent requests. `fn` is synchronous, gets `undefined` where there is no
   * value and deletes by returning it. It runs at once, and its result is returned for the time being; it runs again
   * on each newer value that the commit meets, and only its last run counts.
   */
  change<Key extends SessionKey<Data>>(
    key: Key,
    fn: (value: SessionValue<Data, Key> | undefined) => SessionValue<Data, Key> | undefined,
  ): SessionValue<Data, Key> | undefined {
    const entries = this.#state.changing();
    const value = entries.change(key, fn as (value: unknown) => unknown);
    this.#state.markModified();
    return value as SessionValue<Data, Key> | undefined;
  }

  /** The entries as properties: `session.data.cart?.push(item)` is noticed and saved. */
  get data(): Partial<Data> {
    this.#data ??= propertyView(this.#untyped) as Partial<Data>;
    return this.#data;
  }

  /**
   * When the session ends: seconds of inactivity, an instant, 0 for when the browser closes, null for the settings'
   * default. With `django: '3.2'` an instant becomes seconds, which count anew from each save. Django: `set_expiry`.
   */
  setExpiry(value: Expiry): void {
    setExpiry(this.#state, value);
  }

  /** Seconds until the session ends; zero or less: it has. Django: `get_expiry_age`. */
  getExpiryAge(options: ExpiryOptions = {}): number {
    return getExpiryAge(this.#state, options);
  }

  /** The instant at which the session ends. Django: `get_expiry_date`. */
  getExpiryDate(options: ExpiryOptions = {}): Date {
    return getExpiryDate(this.#state, options);
  }

  /** Whether the cookie ends with the browser. Django: `get_expire_at_browser_close`. */
  getExpireAtBrowserClose(): boolean {
    return getExpireAtBrowserClose(this.#state);
  }

  /** Puts an entry there, so that the next request can tell whether the browser keeps cookies. */
  setTestCookie(): void {
    this.#untyped.set(TEST_COOKIE, TEST_COOKIE_VALUE);
  }

  testCookieWorked(): boolean {
    return this.#untyped.get(TEST_COOKIE) === TEST_COOKIE_VALUE;
  }

  deleteTestCookie(): void {
    this.#untyped.delete(TEST_COOKIE);
  }

  /** Reads the record, where that has not happened yet. An unknown key becomes null. */
  load(): Promise<void> {
    return this.#state.load();
  }

  /**
   * Stores the changes now, merged with what others stored meanwhile; without a key like `create`.
   *
   * @throws {SessionInterrupted} when the session ended meanwhile; nothing brings it back.
   * @throws {SessionTooLarge} @throws {SessionConflict} @throws {BackendUnavailable}
   */
  save(): Promise<void> {
    return this.#state.save();
  }

  /** Stores the entries as a new session under a new key; a record under the old key stays. */
  create(): Promise<void> {
    return this.#state.create();
  }

  /** Moves the session to a new key, as after a login; the old key is dead. @throws {SessionInterrupted} */
  cycleKey(): Promise<void> {
    return this.#state.cycleKey();
  }

  /** Ends the session, as after a logout: the record is removed, every entry is gone, the key is null. */
  flush(): Promise<void> {
    return this.#state.flush();
  }

  toJSON(): string {
    return '[SessionStore]';
  }

  static {
    readSettings = (session) => session.#state.settings;
    atLogin = (session) => session.#state.cycleKeyAtLogin();
    // Not a method of the class, for its computed name has no place in the declarations.
    Object.defineProperty(SessionStore.prototype, inspect.custom, {
      value(this: SessionStore): string {
        const loaded = this.#state.isLoaded ? '' : ', not loaded';
        return `SessionStore { ${this.#state.key === null ? 'no key' : 'key hidden'}${loaded} }`;
      },
    });
  }

  get #untyped(): SessionStore<Record<string, unknown>> {
    return this as unknown as SessionStore<Record<string, unknown>>;
  }
}

/**
 * The settings that the session was opened with, for what is built on sessions, such as a login that signs with the
 * application's `secretKey`. Its secrets are not enumerable, so that a log or a copy of it does not have them.
 */
export function settingsOf<Data extends object>(session: SessionStore<Data>): Settings {
  return readSettings(session);
}

/**
 * What a login does to the session of somebody who was not logged in: `cycleKey`, but nothing is stored where there is
 * no session yet, and the key may have been cycled already, by the first half of a double click or a login whose
 * response was lost. Other late requests must not begin a session then; here somebody has just shown who they are. What
 * this request has read is then the beginning of a session of its own, and the other one stays as it is.
 *
 * @throws {SessionInterrupted} when the session was ended meanwhile
 */
export function cycleKeyAtLogin<Data extends object>(session: SessionStore<Data>): Promise<void> {
  return atLogin(session);
}
