import type { Entries } from './changes.ts';
import { type Generations, recentTexts } from './generations.ts';

/** A text and what it was found to hold; see `LoadedSession`. */
export interface VerifiedText {
  readonly text: string;
  readonly entries: Entries;
  readonly signedAt: number | undefined;
  readonly fallback: number | undefined;
  readonly rotated: boolean;
  readonly moving: string | undefined;
}

/** Characters of a session key, its last ones, by which its text is found: 62 random bits, or the end of a cookie's signature. */
const NAME_CHARACTERS = 12;

/**
 * Texts that were verified and read a short while ago, or that replaced such a text here. A session that is asked for again
 * need not be verified again: measured, that spares a record of 300 bytes 10 µs and more. Only what was found good is
 * kept, for one codec and so for one set of keys and limits, and it is found for the whole same text alone; the session
 * key only says where to look. Measured: to look for the text itself takes half a microsecond more, which V8 needs to hash it.
 */
export class VerifiedTexts {
  readonly #known: Generations<VerifiedText>;

  /** @param mostCharacters of text, and 256 for each, in each of two generations. */
  constructor(mostCharacters?: number) {
    this.#known = recentTexts(({ text }) => text.length, mostCharacters);
  }

  /** What this very text holds, where it was the last one under the key. */
  get(key: string, text: string): VerifiedText | undefined {
    const known = this.#known.get(nameOf(key));
    return known?.text === text ? known : undefined;
  }

  /**
   * Drops a text that is out of date. Measured: without that, what a busy site writes lives long enough to be moved
   * about by the garbage collector, which took a fifth of all time.
   */
  delete(key: string): void {
    this.#known.delete(nameOf(key));
  }

  /** Replaces the text that was known under the key. */
  add(key: string, verified: VerifiedText): void {
    this.#known.add(nameOf(key), verified);
  }
}

/** As a text of its own, which V8 makes of less than 13 characters: of more, it would keep the Cookie header they are from. */
function nameOf(key: string): string {
  return key.slice(-NAME_CHARACTERS);
}
