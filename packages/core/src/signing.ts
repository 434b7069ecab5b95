import { timingSafeEqual } from 'node:crypto';
import { decodeBase62, encodeBase62 } from './base62.ts';
import {
  BadSignature,
  ImproperlyConfigured,
  SignatureExpired,
  SuspiciousSession,
} from './errors.ts';
import { parseJson, stringifyJson } from './json-text.ts';
import { attempt, packText, unpackText } from './packed-text.ts';
import { createMac, deriveKey, type Mac } from './salted-hmac.ts';

export { saltedHmac } from './salted-hmac.ts';

/** The signature at the end of a text that was signed with the usual separator. */
export function signatureOf(signed: string): string {
  return signed.slice(signed.lastIndexOf(':') + 1);
}

/** Whom a signature is to convince. Django: the arguments of `django.core.signing.Signer`. */
export interface SignerOptions {
  /** The secret key, as text or bytes. Django: `SECRET_KEY` */
  key: string | Uint8Array;
  /** Keys that verify but never sign. Django: `SECRET_KEY_FALLBACKS`; `@default` none */
  fallbackKeys?: readonly (string | Uint8Array)[] | undefined;
  /** Keeps signatures for one purpose from serving another. `@default` the class's name in Django */
  salt?: string | undefined;
  /** What stands between value and signature. `@default` `:` */
  sep?: string | undefined;
}

/** How old a signature may be. */
export interface AgeOptions {
  /** Seconds; a signature of exactly this age passes, one from the future too. `@default` any age */
  maxAge?: number | undefined;
  /** `@default` the current time */
  now?: Date | undefined;
}

/** How signed text is read. */
export interface UnsignTextOptions extends AgeOptions {
  /** Bytes of JSON, after decompression, beyond which the text is refused. `@default` 1 MiB */
  maxBytes?: number | undefined;
}

/** Text whose signature is right. */
interface Verified {
  readonly value: string;
  readonly signature: string;
  /** Which of the fallback keys verified it, counted from 0; `undefined`: the current key. */
  readonly fallback: number | undefined;
}

/** Signed JSON text whose signature is right, and that is read by whoever needs it. */
export interface SignedText {
  /** Two texts that one signer has verified are the same where their signatures are. */
  readonly signature: string;
  /** In seconds. */
  readonly timestamp: number;
  readonly fallback: number | undefined;
  /** @throws {SuspiciousSession} when what was signed is malformed or too large */
  read(): string;
}

const MEBIBYTE = 1_048_576;

/** Signs text and verifies it: `value:signature`. Django: `django.core.signing.Signer`. */
export class Signer {
  protected readonly sep: string;
  readonly #macs: readonly [Mac, ...Mac[]];

  /** @throws {ImproperlyConfigured} when the separator could occur in a signature */
  constructor({
    key,
    fallbackKeys = [],
    salt = 'django.core.signing.Signer',
    sep = ':',
  }: SignerOptions) {
    if (/^[A-z0-9\-_=]*$/.test(sep)) {
      throw new ImproperlyConfigured(
        'Unsafe separator of a signer: it must not be empty or consist of only A-z0-9-_=.',
      );
    }
    this.sep = sep;
    const createSignerMac = (secret: string | Uint8Array) =>
      createMac(deriveKey('sha256', `${salt}signer`, secret));
    this.#macs = [createSignerMac(key), ...fallbackKeys.map(createSignerMac)];
  }

  /** The signature alone: 43 characters of base64url. */
  signature(value: string): string {
    return this.#macs[0](value);
  }

  /** The value followed by its signature. */
  sign(value: string): string {
    return value + this.sep + this.signature(value);
  }

  /**
   * The value that was signed.
   *
   * @throws {BadSignature} when there is no signature or no key of this signer made it
   */
  unsign(signed: string): string {
    return this.verify(signed).value;
  }

  /** As {@link Signer.unsign}, telling which of the fallback keys verified the signature, if it was none but one of those. */
  protected verify(signed: string): Verified {
    const end = signed.lastIndexOf(this.sep);
    if (end < 0) {
      throw new BadSignature('The text has no signature.');
    }
    const value = signed.slice(0, end);
    const signature = signed.slice(end + this.sep.length);
    const given = Buffer.from(signature);
    const found = this.#macs.findIndex((mac) => {
      const expected = Buffer.from(mac(value));
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
    if (found < 0 || LONE_SURROGATE.test(value)) {
      throw new BadSignature('The signature does not match.');
    }
    return { value, signature, fallback: found > 0 ? found - 1 : undefined };
  }
}

/** Signs text together with the time: `value:timestamp:signature`. Django: `django.core.signing.TimestampSigner`. */
export class TimestampSigner extends Signer {
  #second = Number.NaN;
  #stamp = '';

  /** @throws {ImproperlyConfigured} as {@link Signer} */
  constructor({ salt = 'django.core.signing.TimestampSigner', ...options }: SignerOptions) {
    super({ ...options, salt });
  }

  /** The value followed by the second it was signed in and the signature of both. */
  override sign(value: string, now: Date = new Date()): string {
    return super.sign(value + this.sep + this.#timestamp(now));
  }

  /**
   * The value that was signed.
   *
   * @throws {BadSignature} as {@link Signer.unsign}
   * @throws {SignatureExpired} when it is older than `maxAge`
   * @throws {SuspiciousSession} when what was signed has no timestamp
   */
  override unsign(signed: string, options: AgeOptions = {}): string {
    return this.#read(signed, options).value;
  }

  /**
   * Signs JSON text, base64-encoded; session text is made of this. Django: `TimestampSigner.sign_object`.
   *
   * @param json in latin-1 at most, as Django reads it
   * @param options.compress whether to use zlib where that is shorter; a number: only from so many bytes on
   * @param options.level of zlib, 1 (fast) to 9 (short); `@default` zlib's own, 6, which is Django's too
   * @throws {RangeError} when the text has characters beyond U+00FF
   */
  signText(
    json: string,
    { compress, level, now }: { compress: boolean | number; level?: number | undefined; now: Date },
  ): string {
    return this.sign(packText(json, compress, level), now);
  }

  /**
   * Verifies signed text and returns its JSON text, every byte as one character (latin-1), not parsed. Nothing is
   * decoded before the signature is known to be right. Django: `TimestampSigner.unsign_object`.
   *
   * @returns `timestamp` in seconds; `fallback`: which of the fallback keys verified it, counted from 0, so
   * that it should be signed anew; `undefined`: the current key
   * @throws {BadSignature} as {@link Signer.unsign}
   * @throws {SignatureExpired} when it is older than `maxAge`
   * @throws {SuspiciousSession} when what was signed is malformed or too large
   */
  unsignText(
    signed: string,
    options: UnsignTextOptions = {},
  ): { json: string; timestamp: number; fallback: number | undefined } {
    const { timestamp, fallback, read } = this.verifyText(signed, options);
    return { json: read(), timestamp, fallback };
  }

  /**
   * As {@link TimestampSigner.unsignText}, which decodes the text at once.
   *
   * @throws {BadSignature} and others as there, but for what only `read` can find
   */
  verifyText(
    signed: string,
    { maxBytes = MEBIBYTE, maxAge, now }: UnsignTextOptions = {},
  ): SignedText {
    const { value, timestamp, signature, fallback } = this.#read(signed, { maxAge, now });
    return { signature, timestamp, fallback, read: () => unpackText(value, maxBytes) };
  }

  #read(signed: string, { maxAge, now }: AgeOptions): Verified & { timestamp: number } {
    const { value: stamped, signature, fallback } = this.verify(signed);
    const end = stamped.lastIndexOf(this.sep);
    if (end < 0) {
      throw new SuspiciousSession('The signed text has no timestamp.');
    }
    const timestamp = attempt('The signed text has a malformed timestamp.', () =>
      decodeBase62(stamped.slice(end + this.sep.length)),
    );
    if (maxAge !== undefined) {
      const age = (now ?? new Date()).getTime() / 1000 - timestamp;
      if (age > maxAge) {
        throw new SignatureExpired(`The signature is ${age} seconds old; ${maxAge} are allowed.`);
      }
    }
    return { value: stamped.slice(0, end), timestamp, signature, fallback };
  }

  #timestamp(now: Date): string {
    const second = Math.trunc(now.getTime() / 1000);
    if (second !== this.#second) {
      this.#stamp = encodeBase62(second);
      this.#second = second;
    }
    return this.#stamp;
  }
}

/**
 * Signs a value as JSON. Django: `django.core.signing.dumps`.
 *
 * @param options.salt `@default` `django.core.signing`
 * @param options.compress whether to use zlib where that is shorter; `@default` false
 * @throws {TypeError} when JSON cannot carry the value
 */
export function dumps(
  value: unknown,
  options: Pick<SignerOptions, 'key' | 'salt'> & { compress?: boolean; now?: Date },
): string {
  const { key, salt = 'django.core.signing', compress = false, now = new Date() } = options;
  return new TimestampSigner({ key, salt }).signText(stringifyJson(value), { compress, now });
}

/**
 * Verifies and reads what {@link dumps} wrote. Django: `django.core.signing.loads`.
 *
 * @param options.salt `@default` `django.core.signing`
 * @throws {BadSignature} when there is no signature or no key made it
 * @throws {SignatureExpired} when it is older than `maxAge`
 * @throws {SuspiciousSession} when what was signed is malformed or too large
 */
export function loads(
  text: string,
  options: Omit<SignerOptions, 'sep'> & UnsignTextOptions,
): unknown {
  const { key, fallbackKeys, salt = 'django.core.signing', ...rest } = options;
  const { json } = new TimestampSigner({ key, fallbackKeys, salt }).unsignText(text, rest);
  return attempt('The signed text is not JSON.', () => parseJson(json));
}

const LONE_SURROGATE = /\p{Surrogate}/u; // such text has no UTF-8 of its own, so nobody signed it
