import { createHash } from 'node:crypto';
import { randomText } from './random-text.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const KEY_LENGTH = 32;
const NO_KEY_CHARACTER = /[^a-z0-9]/;
/** What a cookie value may consist of (RFC 6265: cookie-octet); one that counts too takes a third longer. */
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * A new session key: 32 characters of `a-z0-9`, 165 bits from the CSPRNG of `node:crypto`, without modulo bias.
 * Django: `_get_new_session_key`; uniqueness is left to the backend's `create`.
 */
export function newSessionKey(): string {
  return randomText(KEY_LENGTH, ALPHABET);
}

/** Whether the text has the form of a key that `newSessionKey` (or Django) makes. */
export function isSessionKey(text: string): boolean {
  // An expression that counts as well takes twice as long.
  return text.length === KEY_LENGTH && !NO_KEY_CHARACTER.test(text);
}

/** Whether the text could be a session that lives in its cookie: Django's 8 to the 4,093 bytes that browsers keep. */
export function isCookieSession(text: string): boolean {
  return text.length >= 8 && text.length <= 4093 && COOKIE_VALUE.test(text);
}

/** What backends get instead of the key where `hashKeys` is set: its SHA-256, 64 hexadecimal digits. */
export function hashSessionKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Whether the text has the form of `hashSessionKey`. */
export function isKeyDigest(text: string): boolean {
  return /^[a-f0-9]{64}$/.test(text);
}
