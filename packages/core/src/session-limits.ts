import { type Entries, largestOf, MOVING_ENTRY } from './changes.ts';
import { SessionTooLarge } from './errors.ts';
import { EXPIRY_ENTRY, expiresAtBrowserClose } from './expiry.ts';
import { joinObject, keepsWithin, type Measured, measureJson } from './json-text.ts';
import { KnownMeasures } from './known-measures.ts';
import { jsonSerializer } from './serializers.ts';
import { setCookieText } from './session-cookie.ts';
import { endOfSession, expirySettings } from './session-lifetime.ts';
import type { Settings } from './settings.ts';

/** What every browser keeps of a cookie, with its name and attributes (RFC 6265, section 6.1, less the separators). */
const MAX_COOKIE_BYTES = 4093;

/** More than the attributes of a cookie take besides domain and path. */
const LONGEST_ATTRIBUTES = 256;

/** What a session that is arriving says of that, as one entry: it must not make one too large that was not. */
export const MOVING_CHARACTERS = 40;

/** How large sessions may be: `maxDataBytes`, `maxDepth` and `maxEntries` of the settings, and what fits into a cookie. */
export class SessionLimits {
  readonly #settings: Settings;
  readonly measures: KnownMeasures = new KnownMeasures();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * The JSON text of the entries.
   *
   * @param before what they were made from: what has not changed since need not be measured.
   * @throws {SessionTooLarge} when it exceeds a limit.
   */
  join(entries: Entries, before?: Entries): string {
    const json = joinObject(entries);
    const { maxDataBytes } = this.#settings;
    if (this.isTooLong(json)) {
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

  /** @throws {SessionTooLarge} when browsers would drop the cookie with this value. */
  checkCookie(data: string, entries: Entries): void {
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

  /** Whether the text is too long to be looked into. */
  isTooLong(json: string): boolean {
    const over = json.length - this.#settings.maxDataBytes;
    return over > 0 && (over > MOVING_CHARACTERS || !json.includes(MOVING_ENTRY));
  }

  /** Whether a text that was measured is too deep, or has too many entries. */
  isExceeded(measured: Measured, json: string): boolean {
    return this.#limitExceeded(measured, json) !== undefined;
  }

  /** Whether the text is so short that it need not be measured. */
  isClearlyWithin(json: string): boolean {
    const { maxDepth, maxEntries } = this.#settings;
    return keepsWithin(json, { depth: maxDepth, entries: maxEntries });
  }

  #exceeds(
    json: string,
    entries: Entries,
    before: Entries | undefined,
  ): 'maxDepth' | 'maxEntries' | undefined {
    if (this.isClearlyWithin(json)) return undefined;
    const atMost = this.measures.measure(json, entries, before);
    return this.#limitExceeded(atMost, json) && this.#limitExceeded(measureJson(json), json);
  }

  #limitExceeded(measured: Measured, json: string): 'maxDepth' | 'maxEntries' | undefined {
    const { maxDepth, maxEntries } = this.#settings;
    if (measured.depth > maxDepth) return 'maxDepth';
    const over = measured.entries - maxEntries;
    return over > 0 && (over > 1 || !json.includes(MOVING_ENTRY)) ? 'maxEntries' : undefined;
  }
}
