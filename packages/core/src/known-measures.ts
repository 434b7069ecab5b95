import type { Entries } from './changes.ts';
import { type Measured, measureJson } from './json-text.ts';
import type { JsonOutline } from './known-outlines.ts';

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
  pass(from: Entries | JsonOutline, to: Entries | JsonOutline, json: string): void {
    const known = json.length >= LONG ? this.#known.get(from) : undefined;
    if (known) this.#known.set(to, known);
  }

  /**
   * The measure of entries whose text is `json`; that of `before`, which they were made from, with what has changed since,
   * if it is known. That may be too much, where the deepest entry or a mark of core has gone, and never too little.
   */
  measure(json: string, entries: Entries, before: Entries | undefined): Measured {
    const known = before && this.#known.get(before);
    const measured = known ? changed(known, before, entries) : measureJson(json);
    if (json.length >= LONG) this.#known.set(entries, measured);
    return measured;
  }
}

function changed({ depth, entries: count }: Measured, before: Entries, after: Entries): Measured {
  const measured = { depth, entries: count };
  for (const [key, text] of after) {
    const former = before.get(key);
    if (former === text) continue;
    const { depth: inside, entries } = measureJson(text);
    measured.depth = Math.max(measured.depth, inside + 1);
    measured.entries += 1 + entries;
    if (former !== undefined) measured.entries -= 1 + measureJson(former).entries;
  }
  for (const [key, former] of before) {
    if (!after.has(key)) measured.entries -= 1 + measureJson(former).entries;
  }
  return measured;
}
