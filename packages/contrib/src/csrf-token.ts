import { randomText } from '@coatcheck/core';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const TOKEN = /^[a-zA-Z0-9]{64}$/;
const SECRET = /^[a-zA-Z0-9]{32}$/;

/** Characters of a secret; a token has twice as many: a mask, and the secret under it. */
export const SECRET_LENGTH = 32;

/** A new secret. Django: `_get_new_csrf_string` */
export function newSecret(): string {
  return randomText(SECRET_LENGTH, ALPHABET);
}

/** The secret that a number of at least 256 bits, in hex, stands for. */
export function secretFromHex(hex: string): string {
  let rest = BigInt(`0x${hex}`);
  let secret = '';
  while (secret.length < SECRET_LENGTH) {
    secret += ALPHABET[Number(rest % 62n)];
    rest /= 62n;
  }
  return secret;
}

/** The secret under a mask, so that compression tells nothing of it (BREACH). Django: `_mask_cipher_secret` */
export function maskSecret(secret: string, mask: string = newSecret()): string {
  return mask + combine(secret, mask, (a, b) => a + b);
}

/** The secret in a token. Django: `_unmask_cipher_token` */
export function unmaskToken(token: string): string {
  const mask = token.slice(0, SECRET_LENGTH);
  return combine(token.slice(SECRET_LENGTH), mask, (a, b) => a - b + ALPHABET.length);
}

/** The secret of what a session stores or a request brings: itself, or under a mask; `undefined` for what is neither. */
export function secretOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  if (TOKEN.test(text)) return unmaskToken(text);
  return SECRET.test(text) ? text : undefined;
}

function combine(text: string, mask: string, combined: (a: number, b: number) => number): string {
  let result = '';
  for (let i = 0; i < SECRET_LENGTH; i += 1) {
    const sum = combined(ALPHABET.indexOf(text.charAt(i)), ALPHABET.indexOf(mask.charAt(i)));
    result += ALPHABET[sum % ALPHABET.length];
  }
  return result;
}
