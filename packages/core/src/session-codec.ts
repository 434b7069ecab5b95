import { type Entries, ROTATED_ENTRY } from './changes.ts';
import { BadSignature, SessionTooLarge, SignatureExpired } from './errors.ts';
import { joinObject, measureJson, parseJson, splitObject } from './json-text.ts';
import type { SessionBackend, StoredSession } from './session-backend.ts';
import type { RejectedReason } from './session-events.ts';
import type { Settings } from './settings.ts';
import { TimestampSigner } from './signing.ts';

/** A record that was read and found good, or that was just written. */
export interface LoadedSession {
  readonly data: string;
  /** The backend's token for the next update. */
  readonly base: string;
  readonly entries: Entries;
  readonly expiresAt: Date | undefined;
  readonly modifiedAt: Date | undefined;
  /** When it was signed, in seconds; `undefined` for unsigned records. */
  readonly signedAt: number | undefined;
  /** Only a fallback key verified it, so the next write or touch signs it anew. */
  readonly byFallback: boolean;
  /** The key was cycled a moment ago; this is what is left of the record. */
  readonly rotated: boolean;
}

/** JSON of this many bytes and more is compressed, where that makes it shorter: for less, zlib costs more than it saves. */
const COMPRESS_FROM_BYTES = 1024;

/** Turns entries into the string that a backend keeps, and back; every limit is checked here. */
export class SessionCodec {
  readonly #settings: Settings;
  readonly #signer: TimestampSigner | undefined;
  readonly #inCookie: boolean;

  constructor(encoding: SessionBackend['encoding'], settings: Settings) {
    this.#settings = settings;
    if (encoding === 'serialized') {
      this.#inCookie = false;
    } else {
      this.#inCookie = encoding.inCookie ?? false;
      this.#signer = new TimestampSigner({
        key: settings.secretKey,
        fallbackKeys: settings.secretKeyFallbacks,
        salt: encoding.salt,
      });
    }
  }

  /** @throws {SessionTooLarge} when the entries exceed a limit. */
  encode(entries: Entries): string {
    const json = this.check(entries);
    return this.#signer
      ? this.#signer.signText(json, {
          // A cookie has little room, and Django compresses whatever gets shorter.
          compress: this.#inCookie ? true : COMPRESS_FROM_BYTES,
          now: this.#settings.now(),
        })
      : json;
  }

  /** The record, or the reason why it is no session. Never throws for what is stored. */
  decode(stored: StoredSession): LoadedSession | RejectedReason {
    const { maxDataBytes, now, cookie } = this.#settings;
    let json = stored.data;
    let signedAt: number | undefined;
    let byFallback = false;
    if (this.#signer) {
      try {
        const unsigned = this.#signer.unsignText(stored.data, {
          maxBytes: maxDataBytes,
          now: now(),
          ...(this.#inCookie && { maxAge: cookie.age }),
        });
        ({ json, byFallback, timestamp: signedAt } = unsigned);
      } catch (error) {
        if (error instanceof SignatureExpired) return 'expired';
        return error instanceof BadSignature ? 'tampered' : 'corrupt';
      }
    }
    const entries = this.#readEntries(json);
    if (!entries) return 'corrupt';
    return {
      data: stored.data,
      base: stored.base,
      entries,
      expiresAt: stored.expiresAt,
      modifiedAt: stored.modifiedAt,
      signedAt,
      byFallback,
      rotated: entries.has(ROTATED_ENTRY),
    };
  }

  #readEntries(json: string): Entries | undefined {
    if (json.length > this.#settings.maxDataBytes) return undefined;
    try {
      if (this.#exceeds(json)) return undefined;
      if (!isValidJson(json)) return undefined;
      return splitObject(json);
    } catch {
      return undefined;
    }
  }

  /** The JSON of the entries. @throws {SessionTooLarge} when they exceed a limit. */
  check(entries: Entries): string {
    const json = joinObject(entries);
    const { maxDataBytes } = this.#settings;
    if (json.length > maxDataBytes) {
      throw new SessionTooLarge(
        `The session has ${json.length} bytes of JSON, maxDataBytes allows ${maxDataBytes}; the largest entries are ${largest(entries)}.`,
      );
    }
    const limit = this.#exceeds(json);
    if (limit) {
      throw new SessionTooLarge(
        `The session exceeds ${limit}: ${this.#settings[limit]} are allowed.`,
      );
    }
    return json;
  }

  #exceeds(json: string): 'maxDepth' | 'maxEntries' | undefined {
    const { maxDepth, maxEntries } = this.#settings;
    // Depth and entries cost at least one byte each, so that short texts need no scan.
    if (json.length <= Math.min(maxDepth, maxEntries)) return undefined;
    const measured = measureJson(json);
    if (measured.depth > maxDepth) return 'maxDepth';
    return measured.entries > maxEntries ? 'maxEntries' : undefined;
  }
}

function isValidJson(json: string): boolean {
  try {
    JSON.parse(json);
  } catch {
    // Python writes NaN and Infinity, which JSON.parse does not know; throws for what is no JSON there either.
    parseJson(json);
  }
  return true;
}

/** The names of the three largest entries with their sizes; names are the application's own, never data. */
function largest(entries: Entries): string {
  return [...entries]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, 3)
    .map(([key, text]) => `${key} (${text.length} bytes)`)
    .join(', ');
}
