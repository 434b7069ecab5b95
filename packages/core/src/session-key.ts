import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const KEY_LENGTH = 32;
/** The largest multiple of 36 in a byte; bytes from here on would favour the first letters. */
const UNBIASED = 252;
const POOL_BYTES = 4096;
const KEY = /^[a-z0-9]{32}$/;
/** What a cookie value may consist of (RFC 6265: cookie-octet), from Django's 8 to the 4,093 bytes that browsers keep. */
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{8,4093}$/;

let pool = new Uint8Array(0);
let used = 0;

/**
 * A new session key: 32 characters of `a-z0-9`, 165 bits from the CSPRNG of `node:crypto`, without modulo bias.
 * Django: `_get_new_session_key`; uniqueness is left to the backend's `create`.
 */
export function newSessionKey(): string {
  let key = '';
  while (key.length < KEY_LENGTH) {
    if (used === pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    const byte = pool[used] ?? UNBIASED;
    pool[used] = 0;
    used += 1;
    if (byte < UNBIASED) key += ALPHABET[byte % ALPHABET.length];
  }
  return key;
}

/** Whether the text has the form of a key that `newSessionKey` (or Django) makes. */
export function isSessionKey(text: string): boolean {
  return KEY.test(text);
}

/** Whether the text could be a session that lives in its cookie. */
export function isCookieSession(text: string): boolean {
  return COOKIE_VALUE.test(text);
}

/** What backends get instead of the key where `hashKeys` is set: its SHA-256, 64 hexadecimal digits. */
export function hashSessionKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
