import { GUARD_MS } from './django-copies.ts';

/** Milliseconds after a write at which the copy of its session is removed once more. */
const ROUNDS_MS = [100, 1000, 5000, 20_000, GUARD_MS] as const;
/** Milliseconds until a round that failed is tried again. */
const RETRY_MS = 1000;
/** Keys that are remembered; beyond this, the one whose copy was removed most often is forgotten. */
const MOST_KEYS = 100_000;

/**
 * Removes copies again for a while after each write, since Django may put back what it read before it. A round that is
 * not confirmed is repeated until it is.
 */
export class CopyRounds {
  readonly #drop: (keys: readonly string[]) => Promise<boolean>;
  /** For each round the keys that wait for it, and when they were written, the oldest first. */
  readonly #waiting: readonly Map<string, number>[] = ROUNDS_MS.map(() => new Map());
  #timer: NodeJS.Timeout | undefined;
  #timerAt = 0;
  /** A cache that failed is left alone until then. */
  #notBefore = 0;
  #running: Promise<void> | undefined;
  #isClosing = false;

  /** @param drop tells whether the copies are gone; never rejects. */
  constructor(drop: (keys: readonly string[]) => Promise<boolean>) {
    this.#drop = drop;
  }

  /** The session under the key was written just now, or may have been. */
  add(key: string): void {
    for (const round of this.#waiting) round.delete(key);
    if (this.#size >= MOST_KEYS) this.#forgetOne();
    this.#waiting[0]?.set(key, performance.now());
    this.#plan();
  }

  /** Ends with a round of all keys: nobody else remembers them. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await this.#running;
    const keys = this.#waiting.flatMap((round) => [...round.keys()]);
    for (const round of this.#waiting) round.clear();
    if (keys.length > 0) await this.#drop(keys);
  }

  get #size(): number {
    return this.#waiting.reduce((sum, { size }) => sum + size, 0);
  }

  #forgetOne(): void {
    const last = this.#waiting.findLast(({ size }) => size > 0);
    const [key] = last?.keys() ?? [];
    if (key !== undefined) last?.delete(key);
  }

  #plan(): void {
    if (this.#running || this.#isClosing) return;
    const due = this.#waiting.flatMap((round, i) => {
      const [oldest] = round.values();
      return oldest === undefined ? [] : [oldest + (ROUNDS_MS[i] ?? 0)];
    });
    if (due.length === 0) return;
    const at = Math.max(Math.min(...due), this.#notBefore);
    if (this.#timer && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run().then((done) => {
        this.#running = undefined;
        if (!done) this.#notBefore = performance.now() + RETRY_MS;
        this.#plan();
      });
    }, at - performance.now()).unref();
  }

  /** Every key whose round has come; `false` when it was not confirmed. */
  async #run(): Promise<boolean> {
    for (const [i, round] of this.#waiting.entries()) {
      const due = this.#dueIn(round, performance.now() - (ROUNDS_MS[i] ?? 0));
      if (due.length === 0) continue;
      if (!(await this.#drop(due.map(([key]) => key)))) return false;
      for (const [key, writtenAt] of due) {
        // Written again meanwhile: it waits for its first round.
        if (round.get(key) !== writtenAt) continue;
        round.delete(key);
        this.#waiting[i + 1]?.set(key, writtenAt);
      }
    }
    return true;
  }

  #dueIn(round: ReadonlyMap<string, number>, writtenUntil: number): [string, number][] {
    const due: [string, number][] = [];
    for (const waiting of round) {
      if (waiting[1] > writtenUntil) break;
      due.push(waiting);
    }
    return due;
  }
}
