/** What a response wants to know of its session. */
export interface StateObserver {
  /** The cookie has to carry a (new) key or expiry, or the session has ended: both are to be sent at once. */
  cookieChanged(): void;
  /** @throws {SessionClosed} when a new key could no longer reach the visitor. */
  assertCookieCanBeSent(): void;
}
