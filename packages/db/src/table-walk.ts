import type { ClearingOrder, Row, Statement } from './database-driver.ts';

/** A walk through the whole table, from position to position, which reads each part of it once. */
export interface TableWalk {
  /** The first position. */
  readonly start: string;
  /** cutoff, number of rows: how many of about so many rows have expired; 0 where there can be no walk */
  readonly sample: string;
  /** position, number of rows: the position after so many from there on, expired or not; none at the end */
  readonly next: string;
  /** Whether it may be after more than so many, so that what was removed need not be all. */
  readonly isNextInexact: boolean;
  /** position, the one after the part, cutoff, number of rows: the most that are removed */
  readonly remove: string;
  /** position, cutoff, number of rows: of what lies there and behind */
  readonly removeRest: string;
  /** Whether the error of the sample says that there is nothing to walk on. */
  isImpossible(error: unknown): boolean;
}

const SAMPLE = 500;
/** One in so many rows has to have expired for the walk to be quicker. */
const WORTH_A_WALK = 10;

/** A part of the table, to be removed from. */
export interface TablePart {
  readonly sql: string;
  readonly values: Statement['values'];
  /** To be told how many rows were removed: the next part comes next, unless this one may have more. */
  removed(rows: number): void;
}

type Read = (sql: string, values: Statement['values']) => Promise<readonly Row[]>;

/** Goes on a walk, where enough has expired for it. */
export class TableWalker {
  readonly #walk: TableWalk;
  readonly #order: ClearingOrder;
  readonly #read: Read;
  #isSampled = false;
  /** How far it has got; `undefined` before and afterwards. */
  #position: string | undefined;

  constructor(walk: TableWalk, order: ClearingOrder, read: Read) {
    this.#walk = walk;
    this.#order = order;
    this.#read = read;
  }

  /** @param rows how many a part should have, and at most so many are removed. */
  async next(rows: number): Promise<TablePart | undefined> {
    if (!this.#isSampled) await this.#sample();
    const position = this.#position;
    if (position === undefined) return undefined;
    const { next: sql, isNextInexact, remove, removeRest } = this.#walk;
    const { cutoff } = this.#order;
    const [found] = await this.#read(sql, [position, rows]);
    const next = found && String(found.next);
    const part =
      next === undefined
        ? { sql: removeRest, values: [position, cutoff, rows] }
        : { sql: remove, values: [position, next, cutoff, rows] };
    const removed = (count: number): void => {
      const mayHaveMore = count >= rows && (isNextInexact || next === undefined);
      if (!mayHaveMore) this.#position = next;
    };
    return { ...part, removed };
  }

  /** A part of the table tells about all of it. */
  async #sample(): Promise<void> {
    this.#isSampled = true;
    const [row] = await this.#readSample();
    const isWorthIt = Number(row?.expired ?? 0) * WORTH_A_WALK > Number(row?.looked_at ?? 0);
    if (isWorthIt) this.#position = this.#walk.start;
  }

  async #readSample(): Promise<readonly Row[]> {
    try {
      return await this.#read(this.#walk.sample, [this.#order.cutoff, SAMPLE]);
    } catch (error) {
      if (this.#walk.isImpossible(error)) return [];
      throw error;
    }
  }
}
