import { type Entries, largestOf, MOVING_ENTRY, ROTATED_ENTRY } from './changes.ts';
import { inCookies, inStores } from './compression.ts';
import { BadSignature, SessionTooLarge } from './errors.ts';
import { EXPIRY_ENTRY, expiresAtBrowserClose } from './expiry.ts';
import { type Measured, outlinedEntries, outlineObject } from './json-outline.ts';
import {
  assertReadable,
  joinedOutline,
  joinObject,
  keepsWithin,
  measureJson,
} from './json-text.ts';
import { KnownMeasures } from './known-measures.ts';
import { type JsonOutline, KnownOutlines } from './known-outlines.ts';
import { isMarked, isMarker, takeMove } from './rotation-marker.ts';
import { SEAL_BYTES, Sealer } from './sealing.ts';
import { asJson, jsonSerializer, serializerOf } from './serializers.ts';
import type { SessionBackend, StoredSession } from './session-backend.ts';
import { setCookieText } from './session-cookie.ts';
import type { RejectedReason } from './session-events.ts';
import { endOfSession, expirySettings } from './session-lifetime.ts';
import type { Settings } from './settings.ts';
import { TimestampSigner } from './signing.ts';
import { type VerifiedText, VerifiedTexts } from './verified-texts.ts';

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
  /** Which fallback key verified it, counted from 0, so that the next write or touch signs it anew. */
  readonly fallback: number | undefined;
  /** The key was cycled a moment ago; this is what is left of the record. */
  readonly rotated: boolean;
  /** The move that brings it here and is not known to be done; until then it is no session. */
  readonly moving: string | undefined;
}

/** What was encoded, of which entries and when. */
export interface Encoded {
  readonly data: string;
  readonly entries: Entries;
  readonly now: Date;
}

/** What every browser keeps of a cookie, with its name and attributes (RFC 6265, section 6.1, less the separators). */
const MAX_COOKIE_BYTES = 4093;

/** More than the attributes of a cookie take besides domain and path. */
const LONGEST_ATTRIBUTES = 256;

/** More than signature, time and seal take. */
const MOST_SIGNATURE_BYTES = 1024;

/** What a session that is arriving says of that, as one entry: it must not make one too large that was not. */
const MOVING_CHARACTERS = 40;

/** Turns entries into the string that a backend keeps, and back; every limit is checked here. */
export class SessionCodec {
  readonly #settings: Settings;
  readonly #signer: TimestampSigner | undefined;
  readonly #sealer: Sealer | undefined;
  readonly #inCookie: boolean = false;
  readonly #verified = new VerifiedTexts();
  readonly #outlines = new KnownOutlines();
  readonly #measures = new KnownMeasures();

  constructor(encoding: SessionBackend['encoding'], settings: Settings) {
    this.#settings = settings;
    if (encoding === 'serialized') return;
    const { salt, inCookie = false, sealed = false } = encoding;
    const { secretKey: key, secretKeyFallbacks: fallbackKeys } = settings;
    this.#inCookie = inCookie;
    // Another salt for what is sealed, so that neither form is ever taken for the other.
    this.#signer = new TimestampSigner({
      key,
      fallbackKeys,
      salt: sealed ? `${salt}.sealed` : salt,
    });
    if (sealed) this.#sealer = new Sealer([key, ...fallbackKeys], salt);
  }

  /**
   * @param before what the entries were made from: what has not changed since need not be measured.
   * @throws {SessionTooLarge} when the entries exceed a limit.
   */
  encode(entries: Entries, now: Date = this.#settings.now(), before?: Entries): string {
    const json = this.#join(entries, before);
    // What another serializer wrote need not be what it reads.
    if (asJson(this.#settings.serializer))
      this.#outlines.learn(json, () => this.#outlineOf(json, entries));
    if (!this.#signer) return json;
    // By name: to copy the options with `...` takes as long as the signature.
    const { compress, level } = this.#inCookie ? inCookies : inStores;
    // Sealed text stays as long as it is: its length must not tell what is in it.
    const data = this.#sealer
      ? this.#signer.signText(this.#sealer.seal(json), { compress: false, level, now })
      : this.#signer.signText(json, { compress, level, now });
    if (this.#inCookie) this.#checkCookie(data, entries);
    return data;
  }

  /**
   * This text, which `encode` made of the entries, has replaced the one under `formerKey`, which nobody will ask for again.
   *
   * @param key under which it is now; another one in a cookie.
   */
  replaced(formerKey: string, key: string, { data, entries, now }: Encoded): void {
    // What another serializer wrote need not be what it reads, and marks are taken out of what is read.
    const isAsRead = asJson(this.#settings.serializer) && !isMarked(entries);
    if (key !== formerKey || !isAsRead) this.#verified.delete(formerKey);
    if (!isAsRead) return;
    this.#verified.add(key, {
      text: data,
      entries,
      signedAt: this.#signer && Math.trunc(now.getTime() / 1000),
      fallback: undefined,
      rotated: false,
      moving: undefined,
    });
  }

  /**
   * The record, or the reason why it is no session. Never throws for what is stored.
   *
   * @param key as the visitor has it: the same text is not verified again under it, soon. Without one nothing is kept,
   *   which is for those who look at many sessions.
   */
  decode(stored: StoredSession, key?: string): LoadedSession | RejectedReason {
    if (stored.refused !== undefined) return 'corrupt';
    const { data } = stored;
    const verified = key === undefined ? this.#verify(data) : this.#recognize(key, data);
    if (typeof verified === 'string') return verified;
    const { entries, signedAt, fallback, rotated, moving } = verified;
    if (this.#isTooOld(signedAt)) return 'expired';
    return {
      data: stored.data,
      base: stored.base,
      entries,
      expiresAt: stored.expiresAt,
      // A cookie is signed whenever it is written, and nothing else is known of it.
      modifiedAt:
        this.#inCookie && signedAt !== undefined ? new Date(signedAt * 1000) : stored.modifiedAt,
      signedAt,
      fallback,
      rotated,
      moving,
    };
  }

  #isTooOld(signedAt: number | undefined): boolean {
    if (!this.#inCookie || signedAt === undefined) return false;
    const { now, cookie } = this.#settings;
    return now().getTime() / 1000 - signedAt > cookie.age;
  }

  #recognize(key: string, data: string): VerifiedText | RejectedReason {
    const known = this.#verified.get(key, data);
    if (known) return known;
    const verified = this.#verify(data);
    if (typeof verified !== 'string') this.#verified.add(key, verified);
    return verified;
  }

  #verify(data: string): VerifiedText | RejectedReason {
    const { maxDataBytes } = this.#settings;
    // Longer than the base64 of what is allowed: not worth the memory to find out whose it is.
    if (data.length > 2 * maxDataBytes + MOST_SIGNATURE_BYTES) return 'corrupt';
    let json = data;
    let signedAt: number | undefined;
    let fallback: number | undefined;
    if (this.#signer) {
      try {
        const maxBytes = maxDataBytes + MOVING_CHARACTERS + (this.#sealer ? SEAL_BYTES : 0);
        const unsigned = this.#signer.unsignText(data, { maxBytes });
        ({ json, fallback, timestamp: signedAt } = unsigned);
        if (this.#sealer) json = this.#sealer.open(json);
      } catch (error) {
        return error instanceof BadSignature ? 'tampered' : 'corrupt';
      }
    }
    const entries = this.#readEntries(json);
    if (!entries) return this.#isTooOld(signedAt) ? 'expired' : 'corrupt';
    const moving = takeMove(entries);
    return { text: data, entries, signedAt, fallback, rotated: isMarker(entries), moving };
  }

  #outlineOf(json: string, entries: Entries): JsonOutline {
    const outline = joinedOutline(entries);
    this.#measures.pass(entries, outline, json);
    return outline;
  }

  #readEntries(json: string): Map<string, string> | undefined {
    try {
      const outline = this.#outlines.find(json, (text) => this.#outline(text));
      if (!outline) return undefined;
      const entries = outlinedEntries(json, outline);
      this.#measures.pass(outline, entries, json);
      if (!isMarker(entries)) entries.delete(ROTATED_ENTRY);
      return entries;
    } catch {
      return undefined;
    }
  }

  /** Where the entries are, if all of them can be read and are within the limits. */
  #outline(json: string): JsonOutline | undefined {
    if (this.#isTooLong(json)) return undefined;
    const measured = { depth: 0, entries: 0 };
    const outline = outlineObject(json, measured);
    // Before it is parsed: a text from outside may nest as deep as it likes.
    if (!outline || this.#limitExceeded(measured, json)) return undefined;
    assertReadable(json);
    this.#tryToLoad(outlinedEntries(json, outline));
    if (!this.#isClearlyWithin(json)) this.#measures.keep(outline, json, measured);
    return outline;
  }

  /** @throws what the application's serializer throws: a record that it cannot read is corrupt (Django: `decode`). */
  #tryToLoad(entries: Entries): void {
    const { serializer } = this.#settings;
    if (asJson(serializer)) return;
    for (const [key, text] of entries) serializerOf(key, serializer).loads(text);
  }

  /** @throws {SessionTooLarge} when the entries exceed a limit. */
  check(entries: Entries): void {
    this.#join(entries);
  }

  #join(entries: Entries, before?: Entries): string {
    const json = joinObject(entries);
    const { maxDataBytes } = this.#settings;
    if (this.#isTooLong(json)) {
      throw new SessionTooLarge(
        `The session has ${json.length} bytes of JSON, maxDataBytes allows ${maxDataBytes}; the largest entries are ${largestOf(entries)}.`,
      );
    }
    const limit = this.#exceeds(json, entries, before);
    if (limit) {
      throw new SessionTooLarge(
        `The session exceeds ${limit}: ${this.#settings[limit]} are allowed.`,
      );
    }
    return json;
  }

  #checkCookie(data: string, entries: Entries): void {
    const { name, domain = '', path } = this.#settings.cookie;
    // Most are far from it, and need no text to be measured.
    const most = data.length + name.length + domain.length + path.length + LONGEST_ATTRIBUTES;
    if (most <= MAX_COOKIE_BYTES) return;
    const now = this.#settings.now();
    const stored = entries.get(EXPIRY_ENTRY);
    const expiry = stored === undefined ? undefined : jsonSerializer.loads(stored);
    const maxAge = expiresAtBrowserClose(expiry, expirySettings(this.#settings))
      ? undefined
      : (endOfSession(entries, now, this.#settings).getTime() - now.getTime()) / 1000;
    const { length } = setCookieText(this.#settings.cookie, data, maxAge, now);
    if (length <= MAX_COOKIE_BYTES) return;
    throw new SessionTooLarge(
      `The session makes a cookie of ${length} bytes and browsers drop those over ${MAX_COOKIE_BYTES}; the largest entries are ${largestOf(entries)}.`,
    );
  }

  #isTooLong(json: string): boolean {
    const over = json.length - this.#settings.maxDataBytes;
    return over > 0 && (over > MOVING_CHARACTERS || !json.includes(MOVING_ENTRY));
  }

  #exceeds(
    json: string,
    entries: Entries,
    before: Entries | undefined,
  ): 'maxDepth' | 'maxEntries' | undefined {
    if (this.#isClearlyWithin(json)) return undefined;
    const atMost = this.#measures.measure(json, entries, before);
    return this.#limitExceeded(atMost, json) && this.#limitExceeded(measureJson(json), json);
  }

  #isClearlyWithin(json: string): boolean {
    const { maxDepth, maxEntries } = this.#settings;
    return keepsWithin(json, { depth: maxDepth, entries: maxEntries });
  }

  #limitExceeded(measured: Measured, json: string): 'maxDepth' | 'maxEntries' | undefined {
    const { maxDepth, maxEntries } = this.#settings;
    if (measured.depth > maxDepth) return 'maxDepth';
    const over = measured.entries - maxEntries;
    return over > 0 && (over > 1 || !json.includes(MOVING_ENTRY)) ? 'maxEntries' : undefined;
  }
}
