import { ClearingPace } from './clearing-pace.ts';
import type {
  Clearing,
  ClearingOrder,
  DatabaseDriver,
  Operation,
  Row,
  Statement,
} from './database-driver.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** Rows that are looked up at once: few where visitors wait for it. */
const LOOKED_UP_BESIDE = 2000;
const LOOKED_UP_ALONE = 50_000;
/** Rows after which the log is written back while nobody else writes: some 100 MB of it, of two pages for each row. */
const WRITTEN_BACK_AFTER = 16_000;

/** The connection, as far as a clearing needs more of it than its statements. */
export interface ClearingConnection {
  /** Whether it serves visitors of this process, who wait while it is at work. */
  servesVisitors(): boolean;
  /** Whether visitors of this process, or other connections, have written since this was last asked. */
  haveOthersWritten(): boolean;
  /** Writes back what it can of the log, without having anybody wait. */
  writeBack(): void;
  /** Keeps everybody from writing back the log until it is closed; `undefined` where that cannot be done. */
  pin(): SqliteDatabase | undefined;
}

/**
 * Removes rows by their places in the file, many at once in the order of their places: each page that a batch changes
 * is written to the log and back again, so that the fewer there are, the quicker it is. What is expensive is writing
 * back, for its pages lie apart and everybody's commits queue up behind them: beside others it is done in small portions,
 * and while nobody else writes seldom, so that pages that were changed often are written once.
 */
export class SqliteClearing implements Clearing {
  readonly pace: ClearingPace;
  readonly #driver: DatabaseDriver;
  readonly #connection: ClearingConnection;
  readonly #order: ClearingOrder;
  #places: unknown[] = [];
  #from: string | undefined;
  #first: unknown;
  #removed = 0;
  #notWrittenBack = 0;
  #pin: SqliteDatabase | undefined;

  constructor(driver: DatabaseDriver, order: ClearingOrder, connection: ClearingConnection) {
    this.#driver = driver;
    this.#connection = connection;
    this.#order = order;
    this.pace = new ClearingPace({
      most: order.most,
      // Nobody else can write meanwhile, nor during the commit, which takes as long again.
      aloneMs: 8,
      besideMs: 1.5,
      holdsUp: () => connection.servesVisitors(),
      haveOthersWritten: () => connection.haveOthersWritten(),
      tidy: (isShort) => this.#tidy(isShort),
    });
  }

  async removeSome(): Promise<number | undefined> {
    if (this.#places.length === 0 && !(await this.#lookUp())) return undefined;
    const { cutoff, mayBeLost } = this.#order;
    const batch = this.#places.splice(0, this.pace.rows);
    const statement: Statement = {
      sql: this.#driver.statements.clearExpired,
      // Not JSON.stringify: a database of the application's may give BigInts.
      values: [`[${batch.join(',')}]`, cutoff],
      mayTakeLong: true,
    };
    const { pace } = this;
    function* remove(): Operation<number> {
      return (yield* pace.timed(statement)).changes;
    }
    // A visitor's commit would have to wait for all that has not reached the disk: much of it, while nobody is there.
    const removed = await this.#driver.write(remove, { mayBeLost: mayBeLost && !pace.isAlone });
    this.#removed += removed;
    this.#notWrittenBack += removed;
    return removed;
  }

  end(): void {
    if (this.#pin === undefined) return;
    this.#unpin();
    this.#connection.writeBack();
  }

  /** Where nothing has expired, nobody has to wait for a write lock, and no table is made. */
  async #lookUp(): Promise<boolean> {
    const { findExpired, findExpiredFrom } = this.#driver.statements;
    const { cutoff } = this.#order;
    const count = this.pace.isAlone ? LOOKED_UP_ALONE : LOOKED_UP_BESIDE;
    // Where rows were removed before, what is left of them would have to be passed again.
    const from = this.#from;
    const rows = await this.#driver.read({
      sql: from ? findExpiredFrom : findExpired,
      values: from ? [from, cutoff, count] : [cutoff, count],
      mayTakeLong: true,
    });
    const [first] = rows;
    if (first === undefined) return false;
    // It cannot be removed, whatever keeps it there.
    if (this.#removed === 0 && first.place === this.#first) return false;
    this.#first = first.place;
    this.#removed = 0;
    this.#from = this.#expiryOf(rows.at(-1));
    this.#places = Array.from(rows, ({ place }) => place).sort((a, b) => Number(a) - Number(b));
    return true;
  }

  /** To the millisecond, before what it is exactly; what is no date is looked up from the beginning again. */
  #expiryOf(row: Row | undefined): string | undefined {
    const expiry = this.#driver.fromColumn(row?.expire_date);
    return expiry && this.#driver.toColumn(expiry);
  }

  #tidy(isShort: boolean): void {
    if (!isShort && this.#pin !== undefined && this.#notWrittenBack < WRITTEN_BACK_AFTER) return;
    this.#unpin();
    this.#connection.writeBack();
    this.#notWrittenBack = 0;
    if (!isShort) this.#pin = this.#connection.pin();
  }

  #unpin(): void {
    this.#pin?.close();
    this.#pin = undefined;
  }
}
