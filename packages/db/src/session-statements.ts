import { createHash } from 'node:crypto';
import { ImproperlyConfigured } from '@coatcheck/core';

/** Django's table. */
export const djangoTable = 'django_session';

/** The statements of a session table, with `?` placeholders; the comments list the values. */
export interface SessionStatements {
  /** key, now */
  readonly load: string;
  /** key, data, expiry */
  readonly insert: string;
  /** data, expiry, key, base, now */
  readonly update: string;
  /** key, now */
  readonly delete: string;
  /** key, base, now */
  readonly deleteUnchanged: string;
  /** key, now */
  readonly deleteExpired: string;
  /** cutoff */
  readonly countExpired: string;
  /** cutoff */
  readonly anyExpired: string;
  /** cutoff, number of rows */
  readonly clearExpired: string;
}

/** The statements that all databases share; the removal of one batch of expired rows is each dialect's own. */
export function sessionStatements(
  table: string,
  clearExpired: string,
  quote: '"' | '`' = '"',
): SessionStatements {
  const name = (identifier: string): string => `${quote}${identifier}${quote}`;
  const [sessions, key, data, expiry] = [table, 'session_key', 'session_data', 'expire_date'].map(
    name,
  );
  return {
    load: `SELECT ${data}, ${expiry} FROM ${sessions} WHERE ${key} = ? AND ${expiry} > ?`,
    insert: `INSERT INTO ${sessions} (${key}, ${data}, ${expiry}) VALUES (?, ?, ?)`,
    update: `UPDATE ${sessions} SET ${data} = ?, ${expiry} = ? WHERE ${key} = ? AND ${data} = ? AND ${expiry} > ?`,
    delete: `DELETE FROM ${sessions} WHERE ${key} = ? AND ${expiry} > ?`,
    deleteUnchanged: `DELETE FROM ${sessions} WHERE ${key} = ? AND ${data} = ? AND ${expiry} > ?`,
    deleteExpired: `DELETE FROM ${sessions} WHERE ${key} = ? AND ${expiry} <= ?`,
    countExpired: `SELECT count(*) AS expired FROM ${sessions} WHERE ${expiry} <= ?`,
    anyExpired: `SELECT 1 AS expired FROM ${sessions} WHERE ${expiry} <= ? LIMIT 1`,
    clearExpired,
  };
}

/** The table's name, fit to stand in a statement. @throws {ImproperlyConfigured} when it is not a plain identifier. */
export function checkTable(table: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(table)) {
    throw new ImproperlyConfigured(
      `db.table is not a plain table name: use letters, digits and underscores, such as ${djangoTable}.`,
    );
  }
  return table;
}

/** The name Django gives the index on `expire_date`. Django: `BaseDatabaseSchemaEditor._create_index_name` */
export function indexName(table: string): string {
  const digest = createHash('md5').update(`${table}expire_date`).digest('hex');
  return `${table}_expire_date_${digest.slice(0, 8)}`;
}
