import { quoting, type SessionTable } from './session-table.ts';

/**
 * The statements of a session table; the comments list the values, which the statements call $1, $2 and so on.
 * `columns` are the extra ones, in their order.
 */
export interface SessionStatements {
  /** key, now */
  readonly load: string;
  /** key, data, expiry, columns */
  readonly insert: string;
  /** data, expiry, columns, key, base, now */
  readonly update: string;
  /** key, now */
  readonly delete: string;
  /** key, base, now */
  readonly deleteUnchanged: string;
  /** key, now */
  readonly deleteExpired: string;
  /** cutoff */
  readonly countExpired: string;
  /** cutoff: the earliest expiry that is over */
  readonly firstExpired: string;
  /** expiry, cutoff: the earliest from this expiry on */
  readonly firstExpiredFrom: string;
  /** cutoff, number of rows */
  readonly clearExpired: string;
  /** expiry, cutoff, number of rows: those from this expiry on */
  readonly clearExpiredFrom: string;
  /** key that goes before, number of rows */
  readonly scan: string;
}

/** How one kind of database says what the statements need. */
export interface StatementDialect {
  readonly quote: '"' | '`';
  /** That the key is this value, byte for byte, found through the primary key. */
  keyIs(column: string, value: string): string;
  /** That the text is this value, byte for byte. */
  dataIs(column: string, value: string): string;
  /** The expiry, as `fromColumn` of the driver reads it. */
  expiryText(column: string): string;
  /** Removes the first of the rows that the conditions name. */
  clearExpired(names: ExpiredRows): string;
}

/** The rows that a clearing removes. */
export interface ExpiredRows {
  readonly sessions: string;
  /** The instant up to which they have expired. */
  readonly cutoff: string;
  /** Where they are looked for. */
  readonly condition: string;
  /** What is left out where they are found; again, since others may have changed a row meanwhile. */
  readonly isExpired: string;
  readonly order: string;
  readonly limit: string;
}

/** The statements of a table in a dialect. */
export function sessionStatements(
  table: SessionTable,
  dialect: StatementDialect,
): SessionStatements {
  const name = quoting(dialect.quote);
  const [sessions, key, data, expiry] = [
    name(table.name),
    name('session_key'),
    name('session_data'),
    name('expire_date'),
  ];
  const changing = [data, expiry, ...table.columns.map((column) => name(column.name))];
  const inserting = [key, ...changing];
  const settings = changing.map((column, i) => `${column} = $${i + 1}`);
  const keyIs = (n: number): string => dialect.keyIs(key, `$${n}`);
  const dataIs = (n: number): string => dialect.dataIs(data, `$${n}`);
  const given = changing.length;
  const order = `ORDER BY ${expiry}`;
  const expired = {
    ...{ sessions, cutoff: '$1', condition: `${expiry} <= $1`, isExpired: `${expiry} <= $1` },
    ...{ order, limit: 'LIMIT $2' },
  };
  // Where rows were removed before, databases keep what is left of them in the index, to be passed by every search.
  const expiredFrom = {
    ...{ sessions, cutoff: '$2', condition: `${expiry} >= $1 AND ${expiry} <= $2` },
    ...{ isExpired: `${expiry} <= $2`, order, limit: 'LIMIT $3' },
  };
  const first = ({ condition }: ExpiredRows): string =>
    `SELECT ${dialect.expiryText(expiry)} AS ${expiry} FROM ${sessions} WHERE ${condition} ORDER BY ${sessions}.${expiry} LIMIT 1`;
  return {
    load: `SELECT ${data}, ${dialect.expiryText(expiry)} AS ${expiry} FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} > $2`,
    insert: `INSERT INTO ${sessions} (${inserting.join(', ')}) VALUES (${inserting.map((_, i) => `$${i + 1}`).join(', ')})`,
    update: `UPDATE ${sessions} SET ${settings.join(', ')} WHERE ${keyIs(given + 1)} AND ${dataIs(given + 2)} AND ${expiry} > $${given + 3}`,
    delete: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} > $2`,
    deleteUnchanged: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${dataIs(2)} AND ${expiry} > $3`,
    deleteExpired: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} <= $2`,
    countExpired: `SELECT count(*) AS expired FROM ${sessions} WHERE ${expiry} <= $1`,
    firstExpired: first(expired),
    firstExpiredFrom: first(expiredFrom),
    clearExpired: dialect.clearExpired(expired),
    clearExpiredFrom: dialect.clearExpired(expiredFrom),
    // The order of the index: whatever its collation is, no two keys are equal in it.
    scan: `SELECT ${key}, ${data}, ${dialect.expiryText(expiry)} AS ${expiry} FROM ${sessions} WHERE ${key} > $1 ORDER BY ${key} LIMIT $2`,
  };
}

/** The statement for a driver that marks values by `?`, and which value each mark stands for, counted from 0. */
export function withQuestionMarks(sql: string): { sql: string; order: readonly number[] } {
  const order: number[] = [];
  const marked = sql.replace(/\$(\d+)/g, (_, n: string) => {
    order.push(Number(n) - 1);
    return '?';
  });
  return { sql: marked, order };
}
