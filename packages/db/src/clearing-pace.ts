import { BatchSize } from './batch-size.ts';
import type { Operation, Outcome, Statement } from './database-driver.ts';

/** How a kind of database lets a clearing take turns with others. */
export interface PaceSettings {
  /** The most rows of a batch, however quick they are. */
  readonly most: number;
  /** Milliseconds that the statement of a batch may take while nobody else writes. */
  readonly aloneMs: number;
  /** Milliseconds that it may take beside others. */
  readonly besideMs: number;
  /** Whether a batch holds up this process, which serves visitors, so that it has to be short at all times. */
  readonly holdsUp?: (() => boolean) | undefined;
  /** Whether others have written since this was last asked; without it they do not matter. */
  readonly haveOthersWritten?: (() => Promise<boolean> | boolean) | undefined;
  /** What is to be done between two batches, in the middle of the rest. */
  readonly tidy?: ((isShort: boolean) => void) | undefined;
}

/** The clock and the timer, for tests. */
export interface PaceTime {
  /** Milliseconds that pass. */
  now(): number;
  wait(ms: number): Promise<void>;
}

/** Who has not written for this long is taken to be gone. */
export const ALONE_AFTER_MS = 2000;
/** How long it takes to find out that nobody is there to begin with. */
const FIRST_LOOK_MS = 300;
/** Beside others a clearing rests so many times as long as it worked: few of them meet it at all. */
const REST = 4;
const LONGEST_REST_MS = 200;

/** How much a clearing does at once, and how long it rests: much and not at all, unless others write meanwhile. */
export class ClearingPace {
  readonly #settings: PaceSettings;
  readonly #time: PaceTime;
  readonly #alone: BatchSize;
  readonly #beside: BatchSize;
  #othersAt: number;
  #isAlone: boolean;
  #workSince: number;

  constructor(settings: PaceSettings, time: PaceTime = realTime) {
    this.#settings = settings;
    this.#time = time;
    const now = (): number => time.now();
    this.#alone = new BatchSize(settings.most, settings.aloneMs, now);
    this.#beside = new BatchSize(settings.most, settings.besideMs, now);
    this.#isAlone = settings.haveOthersWritten === undefined;
    this.#othersAt = time.now() - ALONE_AFTER_MS + FIRST_LOOK_MS;
    this.#workSince = time.now();
  }

  /** Whether nobody else writes, nor is held up. */
  get isAlone(): boolean {
    return this.#isAlone && this.#settings.holdsUp?.() !== true;
  }

  /** How many rows the next batch takes. */
  get rows(): number {
    return this.#batch.rows;
  }

  /** Runs the statement of a batch of this size. */
  timed(statement: Statement): Operation<Outcome> {
    return this.#batch.timed(statement);
  }

  /** To be called between two batches: lets others have their turn. */
  async rest(): Promise<void> {
    const worked = this.#time.now() - this.#workSince;
    await this.#look();
    const half = this.#isAlone ? 0 : Math.min(worked * REST, LONGEST_REST_MS) / 2;
    // Apart from the commit: a visitor who waited for it commits now.
    await this.#time.wait(half);
    const start = this.#time.now();
    this.#settings.tidy?.(!this.isAlone);
    const tidied = this.#time.now() - start;
    const more = this.#isAlone ? 0 : Math.min(tidied * REST, LONGEST_REST_MS);
    if (half + more > 0) await this.#time.wait(half + more);
    this.#workSince = this.#time.now();
  }

  async #look(): Promise<void> {
    const { haveOthersWritten } = this.#settings;
    if (!haveOthersWritten) return;
    const others = await haveOthersWritten();
    const now = this.#time.now();
    if (others) this.#othersAt = now;
    this.#isAlone = now - this.#othersAt >= ALONE_AFTER_MS;
  }

  get #batch(): BatchSize {
    return this.isAlone ? this.#alone : this.#beside;
  }
}

const realTime: PaceTime = {
  now: () => performance.now(),
  wait: (ms) =>
    new Promise((resolve) => {
      if (ms < 1) setImmediate(resolve);
      else setTimeout(resolve, ms);
    }),
};
