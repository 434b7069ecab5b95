import { hash } from 'node:crypto';
import { Generations } from './generations.ts';
import type { JsonOutline } from './json-outline.ts';

/** Texts of fewer characters are outlined again at no more than it takes to recognise them. */
const LONG = 2048;
/** Entries in one generation: some 5 MB. */
const MOST_ENTRIES = 2 ** 16;
/** So many characters of a key count as another entry: they take about as much memory. */
const KEY_CHARACTERS = 64;

/**
 * Outlines of long texts that were found good a short while ago, so that they need be neither parsed nor searched again.
 * By digest: the texts themselves are kept by `VerifiedTexts`, as far as there is room for them. Measured: 60 KB take 45 µs
 * instead of 370.
 */
export class KnownOutlines {
  readonly #known: Generations<JsonOutline>;

  /** @param mostEntries in each of two generations. */
  constructor(mostEntries: number = MOST_ENTRIES) {
    this.#known = new Generations(mostEntries, weightOf);
  }

  /**
   * The outline of the text, as it was found before, or as `outline` finds it; `undefined` is not kept.
   *
   * @param keeps whether it is kept at all.
   */
  find(
    text: string,
    outline: (text: string) => JsonOutline | undefined,
    keeps = true,
  ): JsonOutline | undefined {
    const digest = digestOf(text);
    if (digest === undefined) return outline(text);
    const known = this.#known.get(digest);
    if (known) return known;
    const found = outline(text);
    if (found && keeps) this.#known.add(digest, found);
    return found;
  }

  /** Keeps the outline of a text that was just written. */
  learn(text: string, outline: () => JsonOutline): void {
    const digest = digestOf(text);
    if (digest !== undefined && !this.#known.get(digest)) this.#known.add(digest, outline());
  }
}

function weightOf(_: string, outline: JsonOutline): number {
  return outline.reduce((sum, { key }) => sum + 1 + Math.floor(key.length / KEY_CHARACTERS), 1);
}

/** Of long texts in ASCII, as all of ours are; of others, texts that differ might have the same bytes. */
function digestOf(text: string): string | undefined {
  const isKnowable = text.length >= LONG && Buffer.byteLength(text) === text.length;
  return isKnowable ? hash('sha256', text, 'base64') : undefined;
}
