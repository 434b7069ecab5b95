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
  /** cutoff, number of rows: those that expired first, in this order */
  readonly findExpired: string;
  /** expiry, cutoff, number of rows: the first from this expiry on */
  readonly findExpiredFrom: string;
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
  /** What is selected of a row beside its expiry, so that the row can be found again. */
  readonly place?: string;
  /** Removes the first of the rows that the conditions name. */
  clearExpired(names: ExpiredRows): string;
}

/** The rows that a clearing removes. */
export interface ExpiredRows {
  readonly sessions: string;
  readonly expiry: string;
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
    ...{
      sessions,
      expiry,
      cutoff: '$1',
      condition: `${expiry} <= $1`,
      isExpired: `${expiry} <= $1`,
    },
    ...{ order, limit: 'LIMIT $2' },
  };
  // Where rows were removed before, databases keep what is left of them in the index, to be passed by every search.
  const expiredFrom = {
    ...{ sessions, expiry, cutoff: '$2', condition: `${expiry} >= $1 AND ${expiry} <= $2` },
    ...{ isExpired: `${expiry} <= $2`, order, limit: 'LIMIT $3' },
  };
  const place = dialect.place === undefined ? '' : `${dialect.place} AS ${name('place')}, `;
  const find = ({ condition, limit }: ExpiredRows): string =>
    `SELECT ${place}${dialect.expiryText(expiry)} AS ${expiry} FROM ${sessions} WHERE ${condition} ORDER BY ${sessions}.${expiry} ${limit}`;
  return {
    load: `SELECT ${data}, ${dialect.expiryText(expiry)} AS ${expiry} FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} > $2`,
    insert: `INSERT INTO ${sessions} (${inserting.join(', ')}) VALUES (${inserting.map((_, i) => `$${i + 1}`).join(', ')})`,
    update: `UPDATE ${sessions} SET ${settings.join(', ')} WHERE ${keyIs(given + 1)} AND ${dataIs(given + 2)} AND ${expiry} > $${given + 3}`,
    delete: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} > $2`,
    deleteUnchanged: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${dataIs(2)} AND ${expiry} > $3`,
    deleteExpired: `DELETE FROM ${sessions} WHERE ${keyIs(1)} AND ${expiry} <= $2`,
    countExpired: `SELECT count(*) AS expired FROM ${sessions} WHERE ${expiry} <= $1`,
    findExpired: find(expired),
    findExpiredFrom: find(expiredFrom),
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
