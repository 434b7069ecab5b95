import type { Entries } from './changes.ts';
import type { JsonOutline } from './json-outline.ts';
import { type Measured, measureJson } from './json-text.ts';

/** Texts of fewer characters are measured again at no more than it takes to remember. */
const LONG = 1024;

/**
 * How large and deep the sessions in use are, so that a change need not measure all that it leaves as it is. Measured: a
 * third of what a write to 60 KB took.
 */
export class KnownMeasures {
  readonly #known = new WeakMap<object, Measured>();

  /** Keeps the measure of the outline of a text. */
  keep(outline: JsonOutline, json: string, measured: Measured): void {
    if (json.length >= LONG) this.#known.set(outline, measured);
  }

  /** What is known of one, entries or an outline, is known of the other, which is of the same text. */
  pass(from: Entries | JsonOutline, to: Entries | JsonOutline): void {
    const known = this.#known.get(from);
    if (known) this.#known.set(to, known);
  }

  /**
   * The measure of entries whose text is `json`; that of `before`, which they were made from, with what has changed since,
   * if it is known. That may be too much, where the deepest entry or a mark of core has gone, and never too little.
   */
  measure(json: string, entries: Entries, before: Entries | undefined): Measured {
    const known = before && this.#known.get(before);
    const measured = (known && changed(known, before, entries, json.length)) ?? measureJson(json);
    if (json.length >= LONG) this.#known.set(entries, measured);
    return measured;
  }
}

/** @param most characters to be measured; `undefined` where it would be more. */
function changed(
  { depth, entries: count }: Measured,
  before: Entries,
  after: Entries,
  most: number,
): Measured | undefined {
  const [gained, lost] = [differing(after, before), differing(before, after)];
  const characters = [...gained, ...lost].reduce((sum, text) => sum + text.length, 0);
  if (characters >= most) return undefined;
  const measured = { depth, entries: count };
  for (const text of gained) {
    const inside = measureJson(text);
    measured.depth = Math.max(measured.depth, inside.depth + 1);
    measured.entries += 1 + inside.entries;
  }
  for (const text of lost) measured.entries -= 1 + measureJson(text).entries;
  return measured;
}

/** The texts of entries that are not the same in others. */
function differing(entries: Entries, others: Entries): string[] {
  const texts: string[] = [];
  for (const [key, text] of entries) if (others.get(key) !== text) texts.push(text);
  return texts;
}
