import type { AccountNote, NotedSession } from '@coatcheck/core';
import type { ClearingPace } from './clearing-pace.ts';
import type { DatabaseDriver, Operation, Row, Statement } from './database-driver.ts';

/** The table of accounts beside the session table; made when an account is first noted or asked for. */
export class AccountTable {
  readonly #driver: DatabaseDriver;
  #isThere = false;

  constructor(driver: DatabaseDriver) {
    this.#driver = driver;
  }

  async note({ key, account, seenAt, address, userAgent }: AccountNote): Promise<void> {
    const { note } = this.#driver.accounts;
    const seen = this.#driver.toColumn(seenAt);
    const values = [key, account, seen, seen, address, userAgent];
    await this.#write(function* () {
      yield { sql: note, values, changesNoSession: true };
    });
  }

  async noted(account: string, now: Date): Promise<readonly NotedSession[]> {
    // Asking is no reason to make a table.
    if (!this.#isThere && !(await this.#driver.hasTable(this.#driver.accounts.table))) return [];
    const values = [this.#driver.toColumn(now), account];
    const rows = await this.#driver.read({ sql: this.#driver.accounts.noted, values });
    return Array.from(rows, (row) => this.#session(row));
  }

  async forget(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    const { forget } = this.#driver.accounts;
    const before = this.#driver.toColumn(unseenSince);
    await this.#write(function* () {
      for (const key of keys) {
        yield { sql: forget, values: [key, account, before], changesNoSession: true };
      }
    });
  }

  /** Removes notes of sessions that are no more, page by page, so that nobody waits for it. */
  async clear(unseenSince: Date, pace: ClearingPace, isStopped: () => boolean): Promise<void> {
    const { page, clear, table } = this.#driver.accounts;
    if (!(await this.#driver.hasTable(table))) return;
    const before = this.#driver.toColumn(unseenSince);
    let after = '';
    while (!isStopped()) {
      const { rows } = pace;
      const values = [before, after, rows];
      const [found] = await this.#driver.read({ sql: page, values, mayTakeLong: true });
      const last = String(found?.last_key);
      if (Number(found?.orphans) > 0) {
        const values = [after, last, before];
        const range: Statement = { sql: clear, values, mayTakeLong: true, changesNoSession: true };
        await this.#driver.write(() => pace.timed(range), { mayBeLost: true });
      }
      if (Number(found?.notes ?? 0) < rows) return;
      after = last;
      await pace.rest();
    }
  }

  async #write(operation: () => Operation<void>): Promise<void> {
    try {
      await this.#driver.write(() => this.#inTable(operation));
    } catch (error) {
      this.#isThere = false;
      throw error;
    }
  }

  *#inTable(operation: () => Operation<void>): Operation<void> {
    if (!this.#isThere) {
      for (const sql of this.#driver.accounts.definition) {
        try {
          yield { sql, values: [], mayTakeLong: true };
        } catch (error) {
          // Two that make it at once meet in the catalogue of PostgreSQL, for all its IF NOT EXISTS.
          if (!this.#driver.isExistingTable(error)) throw error;
        }
      }
      this.#isThere = true;
    }
    yield* operation();
  }

  #session(row: Row): NotedSession {
    const date = (value: unknown): Date => this.#driver.fromColumn(value) ?? new Date(0);
    const text = (value: unknown): string | null => (value === null ? null : String(value));
    const data = text(row.session_data);
    const expiresAt = this.#driver.fromColumn(row.expire_date);
    return {
      key: String(row.session_key),
      createdAt: date(row.created_at),
      seenAt: date(row.seen_at),
      address: text(row.address),
      userAgent: text(row.user_agent),
      stored: data === null ? undefined : { data, base: data, ...(expiresAt && { expiresAt }) },
    };
  }
}
