import { type Entries, ROTATED_ENTRY } from './changes.ts';
import { inCookies, inStores } from './compression.ts';
import { BadSignature } from './errors.ts';
import { type JsonOutline, outlinedEntries, outlineObject } from './json-outline.ts';
import { assertReadable, joinedOutline } from './json-text.ts';
import { KnownOutlines } from './known-outlines.ts';
import { isWorthASummary, KnownSummaries, PostponedEntries } from './postponed-entries.ts';
import { isMarked, isMarker, takeMove } from './rotation-marker.ts';
import { SEAL_BYTES, Sealer } from './sealing.ts';
import { asJson, serializerOf } from './serializers.ts';
import type { SessionBackend, StoredSession } from './session-backend.ts';
import type { RejectedReason } from './session-events.ts';
import { MOVING_CHARACTERS, SessionLimits } from './session-limits.ts';
import type { Settings } from './settings.ts';
import { type SignedText, signatureOf, TimestampSigner } from './signing.ts';
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

/** More than signature, time and seal take. */
const MOST_SIGNATURE_BYTES = 1024;

/** Turns entries into the string that a backend keeps, and back; every limit is checked here. */
export class SessionCodec {
  readonly #settings: Settings;
  readonly #limits: SessionLimits;
  readonly #signer: TimestampSigner | undefined;
  readonly #sealer: Sealer | undefined;
  readonly #inCookie: boolean = false;
  readonly #verified = new VerifiedTexts();
  readonly #outlines = new KnownOutlines();
  /** Of what is signed. */
  readonly #summaries = new KnownSummaries();

  constructor(encoding: SessionBackend['encoding'], settings: Settings) {
    this.#settings = settings;
    this.#limits = new SessionLimits(settings);
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
    const json = this.#limits.join(entries, before);
    if (!this.#signer) {
      this.#learn(json, entries);
      return json;
    }
    // By name: to copy the options with `...` takes as long as the signature.
    const { compress, level } = this.#inCookie ? inCookies : inStores;
    // Sealed text stays as long as it is: its length must not tell what is in it.
    const data = this.#sealer
      ? this.#signer.signText(this.#sealer.seal(json), { compress: false, level, now })
      : this.#signer.signText(json, { compress, level, now });
    if (this.#inCookie) this.#limits.checkCookie(data, entries);
    this.#learn(json, entries, data);
    return data;
  }

  /** Remembers the entries of a long text that was just written. @param signed where it is signed. */
  #learn(json: string, entries: Entries, signed?: string): void {
    // What another serializer wrote need not be what it reads.
    if (!asJson(this.#settings.serializer)) return;
    if (signed !== undefined && hasSummary(json, entries))
      this.#summaries.add(signatureOf(signed), json, this.#outlineOf(entries));
    else this.#outlines.learn(json, () => this.#outlineOf(entries));
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
    const verified = key === undefined ? this.#verify(data, false) : this.#recognize(key, data);
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
    const verified = this.#verify(data, true);
    if (typeof verified !== 'string') this.#verified.add(key, verified);
    return verified;
  }

  /** @param keeps whether what takes long is remembered. */
  #verify(data: string, keeps: boolean): VerifiedText | RejectedReason {
    const { maxDataBytes } = this.#settings;
    // Longer than the base64 of what is allowed: not worth the memory to find out whose it is.
    if (data.length > 2 * maxDataBytes + MOST_SIGNATURE_BYTES) return 'corrupt';
    let signed: SignedText | undefined;
    try {
      const maxBytes = maxDataBytes + MOVING_CHARACTERS + (this.#sealer ? SEAL_BYTES : 0);
      signed = this.#signer?.verifyText(data, { maxBytes });
      const verified = this.#postponed(data, signed) ?? this.#read(data, signed, keeps);
      if (verified) return verified;
    } catch (error) {
      if (error instanceof BadSignature) return 'tampered';
    }
    return this.#isTooOld(signed?.timestamp) ? 'expired' : 'corrupt';
  }

  /** What is known of the text, that need not be read. */
  #postponed(data: string, signed: SignedText | undefined): VerifiedText | undefined {
    const summary = signed && this.#summaries.get(signed.signature);
    if (!summary) return undefined;
    const entries = new PostponedEntries(summary, () => this.#jsonIn(data, signed));
    this.#limits.measures.pass(summary.outline, entries);
    const { timestamp: signedAt, fallback } = signed;
    return { text: data, entries, signedAt, fallback, rotated: false, moving: undefined };
  }

  /** @throws for a text that cannot be read. */
  #read(data: string, signed: SignedText | undefined, keeps: boolean): VerifiedText | undefined {
    const json = this.#jsonIn(data, signed);
    const outline = this.#outlines.find(json, (text) => this.#outline(text), keeps);
    if (!outline) return undefined;
    const entries = outlinedEntries(json, outline);
    this.#limits.measures.pass(outline, entries);
    if (signed && keeps && hasSummary(json, entries))
      this.#summaries.add(signed.signature, json, outline);
    if (!isMarker(entries)) entries.delete(ROTATED_ENTRY);
    const moving = takeMove(entries);
    const { timestamp: signedAt, fallback } = signed ?? {};
    return { text: data, entries, signedAt, fallback, rotated: isMarker(entries), moving };
  }

  #jsonIn(data: string, signed: SignedText | undefined): string {
    if (!signed) return data;
    const json = signed.read();
    return this.#sealer ? this.#sealer.open(json) : json;
  }

  #outlineOf(entries: Entries): JsonOutline {
    const outline = joinedOutline(entries);
    this.#limits.measures.pass(entries, outline);
    return outline;
  }

  /** Where the entries are, if all of them can be read and are within the limits. */
  #outline(json: string): JsonOutline | undefined {
    const limits = this.#limits;
    if (limits.isTooLong(json)) return undefined;
    const measured = { depth: 0, entries: 0 };
    const outline = outlineObject(json, measured);
    // Before it is parsed: a text from outside may nest as deep as it likes.
    if (!outline || limits.isExceeded(measured, json)) return undefined;
    assertReadable(json);
    this.#tryToLoad(outlinedEntries(json, outline));
    if (!limits.isClearlyWithin(json)) limits.measures.keep(outline, json, measured);
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
    this.#limits.join(entries);
  }
}

/** Whether its summary is kept; of what is marked, something is taken out. */
function hasSummary(json: string, entries: Entries): boolean {
  return isWorthASummary(json, entries.size) && !isMarked(entries);
}
