import { ImproperlyConfigured } from '@coatcheck/core';
import type { DatabaseBackend } from './database-backend.ts';
import { type MysqlOptions, mysqlBackend } from './mysql.ts';
import { type PostgresqlOptions, postgresqlBackend } from './postgresql.ts';
import { type SqliteOptions, sqliteBackend } from './sqlite.ts';

/** Settings of `createBackend`: those of the kind of database that the URL names; the others' are left alone. */
export interface DatabaseOptions
  extends Omit<SqliteOptions, 'path' | 'database'>,
    Omit<PostgresqlOptions, 'pool' | 'url'>,
    Omit<MysqlOptions, 'pool' | 'url'> {
  /** `sqlite:./sessions.sqlite3`, `postgres://…`, `mysql://…` or `mariadb://…`. */
  readonly url: string | URL;
}

/**
 * Sessions in the database that the URL names.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong, or the driver is missing.
 */
export function createBackend({ url, ...options }: DatabaseOptions): DatabaseBackend {
  const [, scheme = ''] = /^([a-z]+):/.exec(String(url)) ?? [];
  switch (scheme) {
    case 'sqlite':
      return sqliteBackend({ ...options, path: url });
    case 'postgres':
    case 'postgresql':
      return postgresqlBackend({ ...options, url });
    case 'mysql':
    case 'mariadb':
      return mysqlBackend({ ...options, url });
    default:
      // Only the scheme may be quoted: the rest may hold a password.
      throw new ImproperlyConfigured(
        `db.url ${scheme ? `has the unknown scheme ${scheme}:` : 'has no scheme'}; it begins with sqlite:, postgres: or mysql:, as in sqlite:./sessions.sqlite3.`,
      );
  }
}
