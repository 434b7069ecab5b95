import { type SessionStore, saltedHmac, settingsOf } from '@coatcheck/core';
import { maskSecret, newSecret, secretFromHex, secretOf } from './csrf-token.ts';
import { reservedEntries } from './reserved-entries.ts';

const TOKEN_ENTRY = '_csrftoken';
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
 * stored: it is an HMAC of the key. Where there is no key, each request begins a session of its own.
 */
function firstSecret<Data extends object>(session: SessionStore<Data>): string {
  const key = session.sessionKey;
  if (key === null) return newSecret();
  return secretFromHex(saltedHmac(FIRST_SECRET_SALT, settingsOf(session).secretKey, key));
}
