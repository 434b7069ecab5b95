import type { Entries } from './changes.ts';
import { Generations } from './generations.ts';

/** What a text was found to hold; see `LoadedSession`. */
export interface VerifiedText {
  readonly entries: Entries;
  readonly signedAt: number | undefined;
  readonly fallback: number | undefined;
  readonly rotated: boolean;
  readonly moving: string | undefined;
}

/** Characters of text in one generation: some 4,000 usual sessions, and some 10 MB with what they hold. */
const MOST_CHARACTERS = 2 ** 21;

/**
 * Texts that were verified and read a short while ago, or that replaced such a text here. A session that is asked for again
 * need not be verified again: measured, that spares a record of 300 bytes 10 µs and more. Only what was found good is
 * kept, under its whole text and never under a part of it, for one codec and so for one set of keys and limits.
 */
export class VerifiedTexts {
  readonly #known: Generations<VerifiedText>;

  /** @param mostCharacters of text in each of two generations. */
  constructor(mostCharacters: number = MOST_CHARACTERS) {
    this.#known = new Generations(mostCharacters, (text) => text.length);
  }

  get(text: string): VerifiedText | undefined {
    return this.#known.get(text);
  }

  /**
   * Drops a text that is out of date. Measured: without that, what a busy site writes lives long enough to be moved
   * about by the garbage collector, which took a fifth of all time.
   */
  delete(text: string): void {
    this.#known.delete(text);
  }

  add(text: string, verified: VerifiedText): void {
    this.#known.add(text, verified);
  }
}
