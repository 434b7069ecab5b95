export { DatabaseBackend, type Migratable } from './database-backend.ts';
export type { DatabaseDriver, Operation, Outcome, Row, Statement } from './database-driver.ts';
export type { SessionStatements } from './session-statements.ts';
export { type SqliteOptions, sqliteBackend } from './sqlite.ts';
export type { SqliteDatabase, SqliteStatement } from './sqlite-database.ts';
