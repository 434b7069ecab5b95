import { type SessionStore, saltedHmac, settingsOf } from '@coatcheck/core';
import { constantTimeEqual } from './constant-time.ts';
import { checkOrigin, isSafeMethod } from './csrf-origin.ts';
import { type CsrfReason, CsrfRejected } from './csrf-rejected.ts';
import { maskSecret, newSecret, secretFromHex, secretOf } from './csrf-token.ts';
import { reservedEntries } from './reserved-entries.ts';

export { type CsrfReason, CsrfRejected } from './csrf-rejected.ts';

/** What of a request proves that a page of this site sent it. */
export interface CsrfRequest {
  readonly method: string;
  /** By lower-case name, as Node has them; of fetch's `Headers`: `Object.fromEntries(headers)`. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Whether it came by https, as the visitor sees it (Koa: `ctx.secure`, with `app.proxy` behind one). */
  readonly secure: boolean;
  /** Host and port as the visitor sees them (Koa: `ctx.host`). @default the header `Host` */
  readonly host?: string | undefined;
  /** The form's field `csrfmiddlewaretoken`; what is no text counts as absent. */
  readonly formToken?: unknown;
}

/** What else is trusted. */
export interface CsrfOptions {
  /**
   * Other origins whose pages may send requests: `https://shop.example`, `https://*.example`. Django:
   * `CSRF_TRUSTED_ORIGINS`. @default none
   */
  readonly trustedOrigins?: readonly string[] | undefined;
}

const HEADER = 'x-csrftoken';
const TOKEN_ENTRY = '_csrftoken';
const KEY = /^[a-z0-9]{32}$/;
const FIRST_SECRET_SALT = 'coatcheck.csrf.first-secret';

/**
 * A token for a form of this response (the field `csrfmiddlewaretoken`) or a header (`X-CSRFToken`), masked anew at
 * each call. The first one puts a secret into the session, which stores it and so sends a cookie: call it only where
 * a form is rendered. Django: `get_token`, with `CSRF_USE_SESSIONS`
 *
 * @throws {SessionNotLoaded} as every reading method does
 */
export function getToken<Data extends object>(session: SessionStore<Data>): string {
  const entries = reservedEntries(session);
  let stored = entries.get(TOKEN_ENTRY);
  if (!isComplete(stored, session)) {
    const fresh = firstSecret(session);
    // Of two first pages at once the earlier commit's secret stays, and it is the same as the other's.
    stored = entries.change(TOKEN_ENTRY, (current) =>
      isComplete(current, session) ? current : storedForm(secretOf(current) ?? fresh, session),
    );
  }
  return maskSecret(secretOf(stored) as string); // complete by now
}

/** Changes the secret, if there is one: no token from before is accepted any more. Django: `rotate_token` */
export function rotateToken<Data extends object>(session: SessionStore<Data>): void {
  const fresh = newSecret();
  reservedEntries(session).change(TOKEN_ENTRY, (current) =>
    current === undefined ? undefined : storedForm(fresh, session),
  );
}

/**
 * Returns where the request is safe (`GET`, `HEAD`, `OPTIONS`, `TRACE`; the session is not looked at), or comes from
 * this site and brings the session's token, in the form or the header `X-CSRFToken`. Django: `CsrfViewMiddleware`
 *
 * @throws {CsrfRejected} otherwise; nothing was changed
 * @throws {SessionNotLoaded} as every reading method does
 */
export function verifyCsrf<Data extends object>(
  session: SessionStore<Data>,
  request: CsrfRequest,
  { trustedOrigins = [] }: CsrfOptions = {},
): void {
  if (isSafeMethod(request.method)) return;
  checkOrigin({
    origin: header(request, 'origin'),
    referer: header(request, 'referer'),
    secure: request.secure,
    host: request.host ?? header(request, 'host') ?? '',
    cookieDomain: settingsOf(session).cookie.domain,
    trustedOrigins,
  });
  checkToken(reservedEntries(session).get(TOKEN_ENTRY), request);
}

/** Django: `_check_token` */
function checkToken(stored: unknown, request: CsrfRequest): void {
  if (stored === undefined) throw new CsrfRejected('NO_CSRF_COOKIE', 'CSRF cookie not set.');
  const secret = secretOf(stored);
  if (secret === undefined) throw malformed(stored, 'CSRF cookie');
  const { formToken } = request;
  const isInForm = typeof formToken === 'string' && formToken !== '';
  const token = isInForm ? formToken : header(request, HEADER);
  if (token === undefined) throw new CsrfRejected('CSRF_TOKEN_MISSING', 'CSRF token missing.');
  const source = `CSRF token from ${isInForm ? 'POST' : "the 'X-Csrftoken' HTTP header"}`;
  const given = secretOf(token);
  if (given === undefined) throw malformed(token, source);
  if (!constantTimeEqual(given, secret)) {
    throw new CsrfRejected('INCORRECT', `${source} incorrect.`);
  }
}

function malformed(text: unknown, source: string): CsrfRejected {
  const hasLength = typeof text === 'string' && (text.length === 32 || text.length === 64);
  const reason: CsrfReason = hasLength ? 'INVALID_CHARACTERS' : 'INCORRECT_LENGTH';
  const message = hasLength ? 'has invalid characters' : 'has incorrect length';
  return new CsrfRejected(reason, `${source} ${message}.`);
}

function header({ headers }: CsrfRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

/** Whether the entry has a secret in a form that every peer reads; Django 3.2 refuses one without a mask. */
function isComplete<Data extends object>(stored: unknown, session: SessionStore<Data>): boolean {
  const secret = secretOf(stored);
  if (secret === undefined) return false;
  return stored !== secret || settingsOf(session).django !== '3.2';
}

function storedForm<Data extends object>(secret: string, session: SessionStore<Data>): string {
  return settingsOf(session).django === '3.2' ? maskSecret(secret) : secret;
}

/**
 * Requests at once that each find no secret in their session must come upon the same one, for only one of them is
 * stored: it is an HMAC of the key. Where there is no key each request begins a session of its own, and a session that
 * lives in its cookie has no key that is its alone.
 */
function firstSecret<Data extends object>(session: SessionStore<Data>): string {
  const key = session.sessionKey;
  if (key === null || !KEY.test(key)) return newSecret();
  return secretFromHex(saltedHmac(FIRST_SECRET_SALT, settingsOf(session).secretKey, key));
}
