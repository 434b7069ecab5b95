const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Writes a whole number in base 62, as the timestamps of signatures are written.
 * Django: `django.core.signing.b62_encode`.
 *
 * @throws {RangeError} when `n` is not a safe integer
 */
export function encodeBase62(n: number): string {
  if (!Number.isSafeInteger(n)) {
    throw new RangeError('Only a whole number up to 2^53 can be written in base 62.');
  }
  let text = '';
  let rest = Math.abs(n);
  do {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  } while (rest > 0);
  return n < 0 ? `-${text}` : text;
}

/**
 * Reads a base 62 number. As in Django, leading zeros are accepted and a lone `-` is zero; numbers beyond 2^53
 * come out rounded. Django: `django.core.signing.b62_decode`.
 *
 * @throws {RangeError} when `text` is empty or has another character
 */
export function decodeBase62(text: string): number {
  const negative = text.startsWith('-');
  if (text === '') {
    throw new RangeError('An empty text is not a base 62 number.');
  }
  let n = 0;
  for (let i = negative ? 1 : 0; i < text.length; i++) {
    const digit = ALPHABET.indexOf(text.charAt(i));
    if (digit < 0) {
      throw new RangeError('A base 62 number has only digits and ASCII letters.');
    }
    n = n * 62 + digit;
  }
  return negative ? 0 - n : n;
}
