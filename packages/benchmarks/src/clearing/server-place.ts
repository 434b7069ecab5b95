import { mariadbServer, postgresqlServer } from '@coatcheck/test-support';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { inBatches, sessionRows } from './rows.ts';
import type { TablePlace } from './table-place.ts';
import { databaseDate, migrate } from './tables.ts';

/** A connection to a server, as far as both kinds are used alike. */
interface Server {
  readonly url: string;
  /** Rows of a query, or how many it changed. */
  query(sql: string, values?: readonly unknown[]): Promise<{ rows: unknown[]; changes: number }>;
  /** After many rows were written. */
  settle(table: string): Promise<void>;
  close(): Promise<void>;
}

/** PostgreSQL, with a commit that is on disk. */
export async function postgresqlPlace(): Promise<TablePlace> {
  const server = postgresqlServer({ settings: { fsync: 'on', shared_buffers: '512MB' } });
  const url = await server.start();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return place('PostgreSQL', 'fsync, synchronous_commit on', {
    url,
    async query(sql, values = []) {
      let marks = 0;
      const marked = sql.replace(/\?/g, () => {
        marks += 1;
        return `$${marks}`;
      });
      const { rows, rowCount } = await client.query(marked, [...values]);
      return { rows, changes: rowCount ?? 0 };
    },
    async settle(table) {
      await client.query(`VACUUM ANALYZE ${table}`);
      await client.query('CHECKPOINT');
    },
    async close() {
      await client.end();
      await server.stop();
    },
  });
}

/** MariaDB, with a commit that is on disk. */
export async function mariadbPlace(): Promise<TablePlace> {
  const server = mariadbServer();
  const url = await server.start();
  const connection = await mysql.createConnection({ uri: url });
  // What tests can do without, and a server that anybody would run cannot.
  await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
  await connection.query(`SET GLOBAL innodb_buffer_pool_size = ${512 * 2 ** 20}`);
  await connection.query(`SET GLOBAL innodb_log_file_size = ${96 * 2 ** 20}`);
  return place('MariaDB', 'innodb_flush_log_at_trx_commit 1', {
    url,
    async query(sql, values = []) {
      const [found] = await connection.query(sql, [...values]);
      return Array.isArray(found)
        ? { rows: found, changes: 0 }
        : { rows: [], changes: found.affectedRows };
    },
    async settle(table) {
      await connection.query(`ANALYZE TABLE ${table}`);
      // Whoever is measured would have to wait for what has not reached the disk.
      await connection.query('SET GLOBAL innodb_max_dirty_pages_pct = 0');
      for (let n = 0, dirty = Number.POSITIVE_INFINITY; dirty > 100 && n < 300; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const sql = "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'";
        const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
        dirty = Number(rows[0]?.Value ?? 0);
      }
      await connection.query('SET GLOBAL innodb_max_dirty_pages_pct = 90');
    },
    async close() {
      await connection.end();
      await server.stop();
    },
  });
}

function place(name: string, durability: string, server: Server): TablePlace {
  const settings = (table: string) => ({ url: server.url, table });
  const make = (table: string) => migrate(settings(table));
  return {
    name,
    limit: 2,
    durability,
    settings,
    async fill(count, now) {
      await make('original');
      for (const rows of inBatches(sessionRows(count, now), 1000)) {
        const marks = rows.map(() => '(?, ?, ?)').join(', ');
        const values = rows.flatMap(({ key, data, expiresAt }) => [
          key,
          data,
          databaseDate(expiresAt),
        ]);
        await server.query(`INSERT INTO original VALUES ${marks}`, values);
      }
      await server.settle('original');
    },
    async copy(table) {
      await make(table);
      await server.query(`INSERT INTO ${table} SELECT * FROM original`);
      await server.settle(table);
    },
    async deleteExpired(table, now) {
      const sql = `DELETE FROM ${table} WHERE expire_date <= ?`;
      return (await server.query(sql, [databaseDate(now)])).changes;
    },
    async count(table, now) {
      const count = async (sign: string) => {
        const sql = `SELECT count(*) AS n FROM ${table} WHERE expire_date ${sign} ?`;
        const { rows } = await server.query(sql, [databaseDate(now)]);
        return Number((rows[0] as { n: unknown }).n);
      };
      return { expired: await count('<='), live: await count('>') };
    },
    close: () => server.close(),
  };
}
