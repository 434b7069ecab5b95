import type { Operation, Outcome, Statement } from './database-driver.ts';

const FIRST = 100;
/** Fewer would cost as much: what a transaction takes by itself. */
const SMALLEST = 20;

/** How many rows the next batch takes: as many as were quick enough before. */
export class BatchSize {
  readonly #most: number;
  readonly #wantedMs: number;
  readonly #now: () => number;
  #rows: number;

  /**
   * @param most the most rows of a batch, however quick they are
   * @param wantedMs how long the statement of a batch should take
   * @param now milliseconds that pass, for tests
   */
  constructor(most: number, wantedMs: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#wantedMs = wantedMs;
    this.#now = now;
    this.#rows = Math.min(FIRST, most);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Runs the statement of a batch of this size. */
  *timed(statement: Statement): Operation<Outcome> {
    const start = this.#now();
    const outcome = yield statement;
    this.#took(this.#now() - start);
    return outcome;
  }

  /** At most twice as large, and at least half. */
  #took(ms: number): void {
    const suiting = (this.#rows * this.#wantedMs) / Math.max(ms, 1);
    const near = Math.min(Math.max(suiting, this.#rows / 2), this.#rows * 2);
    this.#rows = Math.min(Math.max(Math.round(near), SMALLEST), this.#most);
  }
}
