import { type AccountDialect, accountStatements, bytewiseAccounts } from './account-statements.ts';
import { DatabaseBackend } from './database-backend.ts';
import { djangoDateColumn } from './django-date.ts';
import { type PostgresqlPoolOptions, postgresqlPool } from './postgresql-pool.ts';
import { checkServerOptions, type ServerDialect, ServerDriver } from './server-driver.ts';
import { postgresqlSafety } from './server-safety.ts';
import {
  type ExpiredRows,
  type StatementDialect,
  sessionStatements,
} from './session-statements.ts';
import {
  indexName,
  type SessionTable,
  sessionTable,
  type TableDialect,
  tableDefinition,
  tableIndexes,
} from './session-table.ts';
import type { TableWalk } from './table-walk.ts';

/** Settings of `postgresqlBackend`: one of `url` and `pool`, and what differs from the defaults. */
export interface PostgresqlOptions extends PostgresqlPoolOptions {}

/**
 * Sessions in PostgreSQL, by pg. Django: `django.contrib.sessions.backends.db` on PostgreSQL.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong, or the driver is missing.
 */
export function postgresqlBackend(options: PostgresqlOptions): DatabaseBackend {
  checkServerOptions(options);
  const table = sessionTable(options);
  const dialect = postgresqlDialect(table, options.timeZone);
  const pool = postgresqlPool(options);
  return new DatabaseBackend(new ServerDriver(table, dialect, pool, options), options.now);
}

/** Rows that a clearing removes, and how they are chosen. */
type RemovedRows = Pick<ExpiredRows, 'sessions' | 'expiry' | 'cutoff' | 'condition'> & {
  readonly chosen: string;
};

const sql: StatementDialect & TableDialect = {
  quote: '"',
  dataType: 'text',
  expiryType: 'timestamp with time zone',
  longestName: 63,
  keyIs: (column, value) => `${column} = ${value}`,
  dataIs: (column, value) => `${column} = ${value}`,
  expiryText,
  place: 'session_key',
  clearExpired: ({ sessions, expiry, cutoff, condition, order, limit }) =>
    `WITH gone AS (${removal({ sessions, expiry, cutoff, condition, chosen: `${order} ${limit}` })} RETURNING ${expiry}) SELECT count(*) AS removed, ${expiryText(`max(${expiry})`)} AS last FROM gone`,
};

/**
 * By their places, which an array holds once, where IN might run a query with LIMIT again. The commit need not wait for
 * the disk, as WriteOptions.mayBeLost says, unless live sessions are ended; clocks may differ by a minute. The interval
 * keeps the expiry's index out of it, by which a server with old statistics would look for the places among all that expired.
 */
function removal(rows: RemovedRows): string {
  const { sessions, expiry, cutoff, condition, chosen } = rows;
  const durability = `CASE WHEN ${cutoff}::timestamptz <= now() + interval '1 minute' THEN 'off' ELSE current_setting('synchronous_commit') END`;
  return `DELETE FROM ${sessions} WHERE (SELECT set_config('synchronous_commit', ${durability}, true)) IS NOT NULL AND ctid = ANY(ARRAY(SELECT ctid FROM ${sessions} WHERE ${condition} ${chosen})) AND ${expiry} + interval '0' <= ${cutoff}`;
}

/**
 * A walk from page to page, each position the place of a row: `(page,0)`. Servers before 14 would look for the rows of a
 * part in the whole table, and a table in partitions has no pages of its own.
 */
function pageWalk({ name }: SessionTable): TableWalk {
  const sessions = `"${name}"`;
  const table = `pg_class WHERE oid = to_regclass('"${name}"')`;
  const pages = "pg_relation_size(oid) / current_setting('block_size')::int";
  // What is known of a table that was never analysed is -1 rows.
  const rowsOfPage =
    'CASE WHEN relpages > 0 AND reltuples > 0 THEN reltuples / relpages ELSE 1 END';
  const canWalk = `current_setting('server_version_num')::int >= 140000 AND EXISTS (SELECT FROM ${table} AND relkind = 'r')`;
  const share = `100 * least(1, $2::int / greatest((SELECT greatest(reltuples, ${pages}) FROM ${table}), 1))`;
  const remove = (condition: string, cutoff: string, limit: string): string => {
    const chosen = `AND expire_date <= ${cutoff} LIMIT ${limit}`;
    return removal({ sessions, expiry: 'expire_date', cutoff, condition, chosen });
  };
  return {
    start: '(0,0)',
    sample: `SELECT count(*) AS looked_at, count(*) FILTER (WHERE expire_date <= $1) AS expired FROM ${sessions} TABLESAMPLE SYSTEM (${share}) WHERE ${canWalk}`,
    next: `SELECT format('(%s,0)', page) AS next FROM (SELECT ($1::text::point)[0]::bigint + greatest(1, floor($2::int / (${rowsOfPage})))::bigint AS page, ${pages} AS pages FROM ${table}) AS part WHERE page < pages`,
    isNextInexact: true,
    remove: remove('ctid >= $1::tid AND ctid < $2::tid', '$3', '$4'),
    removeRest: remove('ctid >= $1::tid', '$2', '$3'),
    // A view has no pages.
    isImpossible: (error) => codeOf(error) === '42809',
  };
}

/** The same text whatever the settings of the connection. */
function expiryText(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;
}

const accountDialect: AccountDialect = {
  ...sql,
  ...bytewiseAccounts,
};

function postgresqlDialect(table: SessionTable, timeZone: string | undefined): ServerDialect {
  // The column holds instants, which are the same in every zone; a wrong zone is refused all the same.
  djangoDateColumn(timeZone);
  const dates = djangoDateColumn();
  return {
    statements: sessionStatements(table, sql),
    accounts: accountStatements(table, accountDialect),
    columnsQuery: (name) => ({
      sql: `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      values: [`"${name}"`],
    }),
    definition: definition(table),
    safety: postgresqlSafety(table.name),
    // It locks only rows that nobody else needs, and visitors hardly notice it.
    clearing: { aloneMs: 40, besideMs: 40, walk: pageWalk(table) },
    toColumn: (date) => `${dates.toText(date)}+00`,
    fromColumn: (value) => dates.fromText(value),
    isDuplicateKey: (error) => codeOf(error) === '23505',
    isMissingTable: (error) => codeOf(error) === '42P01',
    // Two that make it at once meet in the catalogue, in its unique indexes or by name.
    isExistingTable: (error) => ['23505', '42P07', '42710'].includes(codeOf(error)),
    // A zero byte.
    isImpossibleKey: (error) => codeOf(error) === '22021',
    isTransient: (error) => ['40001', '40P01'].includes(codeOf(error)),
  };
}

/** One query without values, which PostgreSQL runs as one transaction. */
function definition(table: SessionTable): string {
  const texts = table.columns.filter(({ type, index }) => index && type.startsWith('varchar'));
  // Django adds an index for LIKE to every indexed text.
  const like = ['session_key', ...texts.map(({ name }) => name)].map(
    (column) =>
      `CREATE INDEX "${indexName(table.name, column, sql.longestName, '_like')}" ON "${table.name}" ("${column}" varchar_pattern_ops)`,
  );
  const indexes = tableIndexes(table, sql).map(
    ({ name, column }) => `CREATE INDEX "${name}" ON "${table.name}" ("${column}")`,
  );
  return [tableDefinition(table, sql), ...like, ...indexes].join('; ');
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
