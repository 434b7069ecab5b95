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
  /** The order in which rows lie, where many are removed faster in it than by expiry. */
  readonly walk?: TableWalk;
}

/** A walk through the whole table, from position to position, which reads each part of it once. */
export interface TableWalk {
  /** The position before all rows. */
  readonly start: string;
  /** cutoff, number of rows: how many of about so many rows have expired; 0 where there can be no walk */
  readonly sample: string;
  /** position, number of rows: the next position after about so many, whether they have expired or not; none at the end */
  readonly next: string;
  /** position, next position, cutoff, number of rows: the most that are removed */
  readonly remove: string;
  /** position, cutoff, number of rows: what lies behind the last position */
  readonly removeRest: string;
  /** Whether the error of the sample says that there is nothing to walk on. */
  isImpossible(error: unknown): boolean;
}

/** How often it is asked whether others have written. */
const LOOK_EVERY_MS = 200;
const SAMPLE = 500;
/** One in so many rows has to have expired for the walk to be quicker. */
const WORTH_A_WALK = 10;

/** Removes rows in the order of their expiry, or in that in which they lie where that is quicker. */
export class ServerClearing implements Clearing {
  readonly pace: ClearingPace;
  readonly #driver: DatabaseDriver;
  readonly #dialect: ServerClearingDialect;
  readonly #order: ClearingOrder;
  #writes: number | undefined;
  #lookedAt = 0;
  /** Where the walk has got to. */
  #position: string | undefined;
  #isSampled = false;
  #from: string | undefined;
  #first: unknown;
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
    return this.#position === undefined ? this.#removeByExpiry() : this.#removeOnWalk();
  }

  end(): void {}

  /** A part of the table tells about all of it. */
  async #sample(): Promise<void> {
    this.#isSampled = true;
    const { walk } = this.#dialect;
    if (!walk) return;
    const row = await this.#read(walk.sample, [this.#order.cutoff, SAMPLE]).then(
      ([first]) => first,
      (error: unknown) => {
        if (walk.isImpossible(error)) return undefined;
        throw error;
      },
    );
    const isWorthIt = Number(row?.expired ?? 0) * WORTH_A_WALK > Number(row?.looked_at ?? 0);
    if (isWorthIt) this.#position = walk.start;
  }

  async #removeOnWalk(): Promise<number | undefined> {
    const { walk } = this.#dialect;
    const position = this.#position;
    if (!walk || position === undefined) return undefined;
    const { cutoff, isStopped } = this.#order;
    const { rows } = this.pace;
    const [found] = await this.#read(walk.next, [position, rows]);
    if (isStopped()) return undefined;
    const next = found && String(found.next);
    const { changes } =
      next === undefined
        ? await this.#write(walk.removeRest, [position, cutoff, rows])
        : await this.#write(walk.remove, [position, next, cutoff, rows]);
    // As many as it may: there may be more. In the end what is left, such as what others have just put there, is found
    // by its expiry.
    if (changes < rows) this.#position = next;
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
    this.#from = this.#expiryOf(row.expire_date);
    // Nothing was removed, and another clearing has not done it either: it cannot be removed.
    if (row.place === this.#first) return false;
    this.#first = row.place;
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
      { mayBeLost: this.#order.mayBeLost, needsTable: false },
    );
  }
}
