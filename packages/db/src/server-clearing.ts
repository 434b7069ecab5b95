import { ClearingPace } from './clearing-pace.ts';
import type {
  Clearing,
  ClearingOrder,
  DatabaseDriver,
  Operation,
  Outcome,
  Row,
  Statement,
} from './database-driver.ts';

/** How a kind of server is cleared. */
export interface ServerClearingDialect {
  /** Milliseconds that the statement of a batch may take, its commit included, alone and beside others. */
  readonly aloneMs: number;
  readonly besideMs: number;
  /** Selects rows whose `value`s add up to how often others have written so far. Without it nobody is looked for. */
  readonly othersQuery?: Statement;
  /** Where rows lie in the order of their keys: how many of them are removed faster in this order than by expiry. */
  readonly walk?: KeyWalk;
}

/** A walk through all keys, which reads each part of the table once. */
export interface KeyWalk {
  /** cutoff, number of rows: how many of so many rows have expired */
  readonly sample: string;
  /** key that goes before, number of rows: the key after so many, whether they have expired or not */
  readonly end: string;
  /** key that goes before, last key, cutoff */
  readonly remove: string;
  /** key that goes before, cutoff */
  readonly removeRest: string;
}

/** How often it is asked whether others have written. */
const LOOK_EVERY_MS = 200;
const SAMPLE = 500;
/** One in so many rows has to have expired for the walk to be quicker. */
const WORTH_A_WALK = 10;

/** Removes rows in the order of their expiry, or of their keys where that is quicker. */
export class ServerClearing implements Clearing {
  readonly pace: ClearingPace;
  readonly #driver: DatabaseDriver;
  readonly #dialect: ServerClearingDialect;
  readonly #order: ClearingOrder;
  #writes: number | undefined;
  #lookedAt = 0;
  #walksAfter: string | undefined;
  #isSampled = false;
  #from: string | undefined;
  #first: string | undefined;
  #isFound = false;

  constructor(driver: DatabaseDriver, dialect: ServerClearingDialect, order: ClearingOrder) {
    this.#driver = driver;
    this.#dialect = dialect;
    this.#order = order;
    this.pace = new ClearingPace({
      most: order.most,
      aloneMs: dialect.aloneMs,
      besideMs: dialect.besideMs,
      haveOthersWritten: dialect.othersQuery && (() => this.#haveOthersWritten()),
    });
  }

  async removeSome(): Promise<number | undefined> {
    if (!this.#isSampled) await this.#sample();
    return this.#walksAfter === undefined ? this.#removeByExpiry() : this.#removeByKey();
  }

  end(): void {}

  /** Keys are random, so that a part of the table tells about all of it. */
  async #sample(): Promise<void> {
    this.#isSampled = true;
    const { walk } = this.#dialect;
    if (!walk) return;
    const [row] = await this.#read(walk.sample, [this.#order.cutoff, SAMPLE]);
    const isWorthIt = Number(row?.expired ?? 0) * WORTH_A_WALK > Number(row?.looked_at ?? 0);
    if (isWorthIt) this.#walksAfter = '';
  }

  async #removeByKey(): Promise<number | undefined> {
    const { walk } = this.#dialect;
    const after = this.#walksAfter;
    if (!walk || after === undefined) return undefined;
    const { cutoff, isStopped } = this.#order;
    const [end] = await this.#read(walk.end, [after, this.pace.rows - 1]);
    if (isStopped()) return undefined;
    // What is left, such as what others have just put there, is found by its expiry.
    this.#walksAfter = end && String(end.session_key);
    const { changes } =
      this.#walksAfter === undefined
        ? await this.#write(walk.removeRest, [after, cutoff])
        : await this.#write(walk.remove, [after, this.#walksAfter, cutoff]);
    return changes;
  }

  async #removeByExpiry(): Promise<number | undefined> {
    const { cutoff, isStopped } = this.#order;
    if (!this.#isFound && !(await this.#find())) return undefined;
    if (isStopped()) return undefined;
    const { clearExpired, clearExpiredFrom } = this.#driver.statements;
    const { rows } = this.pace;
    const from = this.#from;
    const outcome = await this.#write(
      from ? clearExpiredFrom : clearExpired,
      from ? [from, cutoff, rows] : [cutoff, rows],
    );
    const [told] = outcome.rows;
    const removed = told ? Number(told.removed) : outcome.changes;
    const last = told && removed > 0 ? this.#expiryOf(told.last) : undefined;
    // Where the last one is known, it need not be looked for again.
    this.#isFound = removed === rows && last !== undefined;
    if (last !== undefined) this.#from = last;
    if (removed > 0) this.#first = undefined;
    return removed;
  }

  /** Where nothing has expired, nobody has to wait for a lock, and no table is made. */
  async #find(): Promise<boolean> {
    const { findExpired, findExpiredFrom } = this.#driver.statements;
    const { cutoff } = this.#order;
    const from = this.#from;
    const [row] = await this.#read(
      from ? findExpiredFrom : findExpired,
      from ? [from, cutoff, 1] : [cutoff, 1],
    );
    if (!row) return false;
    // Not from there: what cannot be told exactly as a date would stay for ever.
    const first = this.#expiryOf(row.expire_date) ?? '';
    // Nothing was removed, and another clearing has not done it either: it cannot be removed.
    if (first === this.#first) return false;
    this.#first = first;
    this.#from = first || undefined;
    return true;
  }

  /** To the millisecond, before what it is exactly. */
  #expiryOf(text: unknown): string | undefined {
    const expiry = this.#driver.fromColumn(text);
    return expiry && this.#driver.toColumn(expiry);
  }

  async #haveOthersWritten(): Promise<boolean> {
    const { othersQuery } = this.#dialect;
    const now = performance.now();
    if (!othersQuery || now - this.#lookedAt < LOOK_EVERY_MS) return false;
    this.#lookedAt = now;
    const rows = await this.#driver.read(othersQuery);
    const writes = Array.from(rows).reduce((sum, { Value }) => sum + Number(Value), 0);
    const isMore = this.#writes !== undefined && writes > this.#writes;
    this.#writes = writes;
    return isMore;
  }

  async #read(sql: string, values: Statement['values']): Promise<readonly Row[]> {
    return this.#driver.read({ sql, values, mayTakeLong: true });
  }

  #write(sql: string, values: Statement['values']): Promise<Outcome> {
    const { pace } = this;
    return this.#driver.write(
      function* (): Operation<Outcome> {
        return yield* pace.timed({ sql, values, mayTakeLong: true });
      },
      { mayBeLost: this.#order.mayBeLost },
    );
  }
}
