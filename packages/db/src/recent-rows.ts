import { type Generations, ownText, recentTexts } from '@coatcheck/core';
import type { Row } from './database-driver.ts';

/** What SQLite counts for one connection. */
export interface ConnectionCounters {
  /** Another number after each commit of another connection, and none of this one's. `PRAGMA data_version` */
  dataVersion(): unknown;
  /** Rows that this connection has changed, those of triggers included. `total_changes()` */
  totalChanges(): number;
  /** The statement that made the table, as `sqlite_schema` has it. */
  definition(): string;
}

/** A table, and no view, in which SQLite neither removes rows uncounted nor finds a row under another key. */
const COUNTED = /^CREATE TABLE\b(?!.*\b(?:REPLACE|COLLATE)\b)/is;

/** Questions after which it is decided anew whether they are worth it; more than there is room for. */
const LONGEST_PERIOD = 20_000;
/** A period that answered less than half is made up for by so many times as many reads that are not asked here. */
const REST = 8;
const SHORTEST_REST = 64;

/**
 * Rows of a connection that were read or written a short while ago, for as long as nothing has changed them: SQLite is
 * asked before each use whether another connection has committed anything, which takes less than half of a read and the
 * same time with a million rows as with a thousand. What this connection changes itself is told here, row by row.
 *
 * Where others write all the time, or there are more sessions than room, asking is in vain and makes a read dearer by
 * nearly half: so it is given up for a while; always, where the table of the application lets SQLite remove rows uncounted.
 */
export class RecentRows {
  readonly #counters: ConnectionCounters;
  #rows = noRows();
  #version: unknown;
  #totalChanges = 0;
  /** Rows that the transaction has changed, as it leaves them. */
  readonly #changed = new Map<string, Row | undefined>();
  #changes = 0;
  #asked = 0;
  #found = 0;
  #rest = 0;

  constructor(counters: ConnectionCounters) {
    this.#counters = counters;
  }

  /** The row as it is stored now, where that is known; throws what SQLite throws. Not within a transaction. */
  get(key: string): Row | undefined {
    if (this.#rest > 0) {
      this.#rest -= 1;
      return undefined;
    }
    const version = this.#counters.dataVersion();
    if (version !== this.#version) {
      this.#forgetAll();
      this.#version = version;
      if (!COUNTED.test(this.#counters.definition())) this.#giveUp();
    } else if (this.#asked >= LONGEST_PERIOD) {
      this.#endPeriod();
    }
    const row = this.#rows.get(key);
    if (row) {
      this.#asked += 1;
      this.#found += 1;
    }
    return row;
  }

  /** Keeps a row that was read after `get` did not know it. */
  add(key: string, row: Row): void {
    // What others have committed since the version was asked shows the next time that it is.
    if (this.#rest > 0) return;
    this.#asked += 1;
    this.#rows.add(ownText(key), row);
  }

  /** The transaction has changed one row, to this where that is known. */
  change(key: string, row: Row | undefined): void {
    this.#rows.delete(key);
    this.#changed.set(ownText(key), row);
    this.#changes += 1;
  }

  /** The transaction has changed so many rows of other tables. */
  changeOthers(count: number): void {
    this.#changes += count;
  }

  /** The transaction is about to be committed. What it has changed besides, such as by a trigger, can be any row. */
  prepareCommit(): void {
    const expected = this.#totalChanges + this.#changes;
    this.#totalChanges = this.#counters.totalChanges();
    this.#changes = 0;
    if (this.#totalChanges === expected) return;
    this.#forgetAll();
    this.#changed.clear();
  }

  /** The transaction was committed. */
  commit(): void {
    for (const [key, row] of this.#changed) if (row) this.#rows.add(key, row);
    this.#changed.clear();
  }

  /** The transaction was undone, or has never begun. */
  rollback(): void {
    // SQLite goes on counting what it has undone; so do we.
    this.#changed.clear();
  }

  #forgetAll(): void {
    this.#rows = noRows();
    this.#endPeriod();
  }

  #giveUp(): void {
    this.#rest = LONGEST_PERIOD * REST;
    // What is committed meanwhile must not be found afterwards.
    this.#version = undefined;
  }

  #endPeriod(): void {
    const wasWorthIt = this.#found * 2 >= this.#asked;
    this.#rest = wasWorthIt ? 0 : Math.max(SHORTEST_REST, this.#asked * REST);
    this.#asked = 0;
    this.#found = 0;
  }
}

function noRows(): Generations<Row> {
  return recentTexts((row) => String(row.session_data).length);
}
