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
import { type TableWalk, TableWalker } from './table-walk.ts';

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

/** How often it is asked whether others have written. */
const LOOK_EVERY_MS = 200;

/** Removes rows in the order of their expiry, or in that in which they lie where that is quicker. */
export class ServerClearing implements Clearing {
  readonly pace: ClearingPace;
  readonly #driver: DatabaseDriver;
  readonly #dialect: ServerClearingDialect;
  readonly #order: ClearingOrder;
  #writes: number | undefined;
  #lookedAt = 0;
  readonly #walker: TableWalker | undefined;
  #from: string | undefined;
  #first: unknown;
  #isFound = false;

  constructor(driver: DatabaseDriver, dialect: ServerClearingDialect, order: ClearingOrder) {
    this.#driver = driver;
    this.#dialect = dialect;
    this.#order = order;
    this.#walker =
      dialect.walk &&
      new TableWalker(dialect.walk, order, (sql, values) => this.#read(sql, values));
    this.pace = new ClearingPace({
      most: order.most,
      aloneMs: dialect.aloneMs,
      besideMs: dialect.besideMs,
      haveOthersWritten: dialect.othersQuery && (() => this.#haveOthersWritten()),
    });
  }

  async removeSome(): Promise<number | undefined> {
    // What the walk has left, such as what others have just put there, is found by its expiry.
    const part = await this.#walker?.next(this.pace.rows);
    if (!part) return this.#removeByExpiry();
    if (this.#order.isStopped()) return undefined;
    const { changes } = await this.#write(part.sql, part.values);
    part.removed(changes);
    return changes;
  }

  end(): void {}

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
