import { randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;

let pool = new Uint8Array(0);
let used = 0;

/**
 * Random characters from the CSPRNG of `node:crypto`, each of the alphabet equally often (no modulo bias). Django:
 * `django.utils.crypto.get_random_string`
 *
 * @param alphabet at most 256 different characters of one UTF-16 unit each
 */
export function randomText(length: number, alphabet: string): string {
  // The largest multiple of the alphabet in a byte; bytes from here on would favour the first letters.
  const unbiased = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    if (used === pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    const byte = pool[used] ?? 0;
    pool[used] = 0;
    used += 1;
    if (byte < unbiased) text += alphabet[byte % alphabet.length];
  }
  return text;
}
