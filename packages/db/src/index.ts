export { createBackend, type DatabaseOptions } from './create-backend.ts';
export { DatabaseBackend, type Migratable } from './database-backend.ts';
export type { DatabaseDriver, Operation, Outcome, Row, Statement } from './database-driver.ts';
export { type MysqlOptions, mysqlBackend } from './mysql.ts';
export type { MysqlConnection, MysqlPool, MysqlPoolOptions } from './mysql-pool.ts';
export { type PostgresqlOptions, postgresqlBackend } from './postgresql.ts';
export type {
  PostgresqlClient,
  PostgresqlPool,
  PostgresqlPoolOptions,
  PostgresqlQuery,
} from './postgresql-pool.ts';
export type { ServerOptions } from './server-driver.ts';
export type { SessionStatements } from './session-statements.ts';
export type { ColumnOptions, ColumnType, SessionTable, TableOptions } from './session-table.ts';
export { type SqliteOptions, sqliteBackend } from './sqlite.ts';
export type { SqliteDatabase, SqliteStatement } from './sqlite-database.ts';
