import { randomFillSync } from 'node:crypto';

const LATIN1 = /^[\0-\xff]{1,256}$/;
const POOL_BYTES = 4096;
const CHUNK = 256;

/** Random bytes; what was used is zero again. */
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;
/** The characters of a text that is being made. Measured: half of what it takes to add them one by one to a string. */
const chunk = Buffer.alloc(CHUNK);
/** The last alphabet that was found good. */
let checked: string | undefined;

/**
 * Random characters from the CSPRNG of `node:crypto`, each of the alphabet equally often (no modulo bias). Django:
 * `django.utils.crypto.get_random_string`
 *
 * @param alphabet 1 to 256 different characters of Latin-1
 * @throws {RangeError} when it is something else
 */
export function randomText(length: number, alphabet: string): string {
  if (alphabet !== checked) check(alphabet);
  let text = '';
  while (text.length < length) text += randomChunk(Math.min(length - text.length, CHUNK), alphabet);
  return text;
}

function check(alphabet: string): void {
  if (!LATIN1.test(alphabet)) {
    throw new RangeError('The alphabet of a random text must be 1 to 256 characters of Latin-1.');
  }
  checked = alphabet;
}

function randomChunk(length: number, alphabet: string): string {
  // The largest multiple of the alphabet in a byte; bytes from here on would favour the first letters.
  const unbiased = 256 - (256 % alphabet.length);
  for (let n = 0; n < length; ) {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const byte = pool[used] ?? 0;
    pool[used] = 0;
    used += 1;
    if (byte >= unbiased) continue;
    chunk[n] = alphabet.charCodeAt(byte % alphabet.length);
    n += 1;
  }
  const text = chunk.toString('latin1', 0, length);
  chunk.fill(0, 0, length);
  return text;
}
