import { type AccountDialect, accountStatements } from './account-statements.ts';
import { DatabaseBackend } from './database-backend.ts';
import { djangoDateColumn } from './django-date.ts';
import { type MysqlPoolOptions, mysqlPool } from './mysql-pool.ts';
import { checkServerOptions, type ServerDialect, ServerDriver } from './server-driver.ts';
import { mysqlSafety } from './server-safety.ts';
import { type StatementDialect, sessionStatements } from './session-statements.ts';
import {
  type SessionTable,
  sessionTable,
  type TableDialect,
  tableDefinition,
  tableIndexes,
} from './session-table.ts';
import type { TableWalk } from './table-walk.ts';

/** Settings of `mysqlBackend`: one of `url` and `pool`, and what differs from the defaults. */
export interface MysqlOptions extends MysqlPoolOptions {}

/**
 * Sessions in MySQL or MariaDB, by mysql2. Django: `django.contrib.sessions.backends.db` on MySQL.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong, or the driver is missing.
 */
export function mysqlBackend(options: MysqlOptions): DatabaseBackend {
  checkServerOptions(options);
  const table = sessionTable(options);
  const dialect = mysqlDialect(table, options.timeZone);
  const pool = mysqlPool(options);
  return new DatabaseBackend(new ServerDriver(table, dialect, pool, options), options.now);
}

const sql: StatementDialect & TableDialect = {
  quote: '`',
  dataType: 'longtext',
  expiryType: 'datetime(6)',
  longestName: 64,
  // The usual collations fold case and ignore trailing spaces; the first comparison is what the index can do.
  keyIs: (column, value) => `${column} = ${value} AND ${sameBytes(column, value)}`,
  dataIs: sameBytes,
  // The driver would make a Date of it, in the zone of its own choice.
  expiryText: (column) => `CAST(${column} AS CHAR)`,
  place: 'session_key',
  clearExpired: ({ sessions, condition, order, limit }) =>
    `DELETE FROM ${sessions} WHERE ${condition} ${order} ${limit}`,
};

const accountDialect: AccountDialect = {
  ...sql,
  // A key in ASCII can be compared with one in any character set, whatever the collations.
  keyType: 'varchar(64) CHARACTER SET ascii COLLATE ascii_bin',
  accountType: 'varchar(n) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  indexesInside: true,
  sameKey: (indexed, other) => `${indexed} = ${other} AND ${sameBytes(indexed, other)}`,
  // Even its binary collations ignore trailing spaces.
  accountIs: (column, value) => `${column} = ${value} AND ${sameBytes(column, value)}`,
  onConflict: (_, set) => `ON DUPLICATE KEY UPDATE ${set((column) => `VALUES(${column})`)}`,
};

/** InnoDB keeps rows in the order of their keys. */
function keyWalk({ name }: SessionTable): TableWalk {
  const rows = `FROM \`${name}\` FORCE INDEX (PRIMARY)`;
  const remove = `DELETE FROM \`${name}\` WHERE session_key >= $1`;
  return {
    start: '',
    sample: `SELECT COUNT(*) AS looked_at, SUM(expired) AS expired FROM (SELECT expire_date <= $1 AS expired ${rows} ORDER BY session_key LIMIT $2) sample`,
    next: `SELECT session_key AS next ${rows} WHERE session_key >= $1 ORDER BY session_key LIMIT $2, 1`,
    isNextInexact: false,
    remove: `${remove} AND session_key < $2 AND expire_date <= $3 LIMIT $4`,
    removeRest: `${remove} AND expire_date <= $2 LIMIT $3`,
    // No primary key; the spelling is the server's.
    isImpossible: (error) => codeOf(error) === 'ER_KEY_DOES_NOT_EXITS',
  };
}

function sameBytes(column: string, value: string): string {
  return `CAST(${column} AS BINARY) = CAST(${value} AS BINARY)`;
}

function mysqlDialect(table: SessionTable, timeZone: string | undefined): ServerDialect {
  const dates = djangoDateColumn(timeZone);
  return {
    statements: sessionStatements(table, sql),
    accounts: accountStatements(table, accountDialect),
    columnsQuery: (name) => ({
      sql: 'SELECT COLUMN_NAME AS `name`, COLUMN_TYPE AS `type` FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = $1',
      values: [name],
    }),
    definition: definition(table),
    safety: mysqlSafety(table.name),
    clearing: {
      // It locks live rows between the expired ones too, one in a hundred of the table at most.
      aloneMs: 100,
      besideMs: 10,
      // Deletions are left out, being those of the clearing itself.
      othersQuery: {
        sql: "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_update')",
        values: [],
        mayTakeLong: true,
      },
      walk: keyWalk(table),
    },
    toColumn: (date) => dates.toText(date),
    fromColumn: (value) => dates.fromText(value),
    isDuplicateKey: (error) => codeOf(error) === 'ER_DUP_ENTRY',
    isMissingTable: (error) => codeOf(error) === 'ER_NO_SUCH_TABLE',
    isExistingTable: (error) => codeOf(error) === 'ER_TABLE_EXISTS_ERROR',
    // A character that the character set of the column does not have.
    isImpossibleKey: (error) => codeOf(error) === 'ER_CANT_AGGREGATE_2COLLATIONS',
    isTransient: (error) => transient.has(codeOf(error)),
  };
}

/** MariaDB reports the second since 11.6; the third: another process has altered the table. */
const transient = new Set(['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', 'ER_NEED_REPREPARE']);

/** One statement, since here each definition is a transaction of its own; the outcome is the same as Django's. */
function definition(table: SessionTable): string {
  const indexes = tableIndexes(table, sql).map(
    ({ name, column }) => `KEY \`${name}\` (\`${column}\`)`,
  );
  return tableDefinition(table, sql).replace(/\)$/, `, ${indexes.join(', ')})`);
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
