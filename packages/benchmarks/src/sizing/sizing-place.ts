import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisBackend } from '@coatcheck/cache';
import { createBackend as cachedBackend } from '@coatcheck/cached-db';
import type { SessionBackend } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';
import { fileBackend } from '@coatcheck/file';
import { mariadbServer, postgresqlServer, startRedis } from '@coatcheck/test-support';
import * as ioredis from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** A place to be filled with sessions. */
export interface SizingPlace {
  readonly name: string;
  readonly backend: SessionBackend;
  /** What it takes by now. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

const patient = { timeoutMs: 30_000 };

export const openings: Readonly<Record<string, () => Promise<SizingPlace>>> = {
  async sqlite() {
    const directory = mkdtempSync(join(tmpdir(), 'coatcheck-sizing-'));
    const backend = createBackend({ url: `sqlite:${join(directory, 's.sqlite3')}` });
    return {
      name: 'SQLite',
      backend,
      bytes: async () => onDisk(directory, (name) => !name.includes('-')),
      close: async () => rmSync(directory, { recursive: true }),
    };
  },
  async postgresql() {
    const server = postgresqlServer({ settings: { fsync: 'on' } });
    const url = await server.start();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return {
      name: 'PostgreSQL',
      backend: createBackend({ url, ...patient }),
      async bytes() {
        const { rows } = await client.query(
          "SELECT coalesce(pg_total_relation_size(to_regclass('django_session')), 0) AS bytes",
        );
        return Number(rows[0].bytes);
      },
      async close() {
        await client.end();
        await server.stop();
      },
    };
  },
  async mariadb() {
    const server = mariadbServer();
    const url = await server.start();
    const connection = await mysql.createConnection({ uri: url });
    await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
    return {
      name: 'MariaDB',
      backend: createBackend({ url, ...patient }),
      async bytes() {
        const [rows] = await connection.query(
          "SELECT coalesce(sum(FILE_SIZE), 0) AS bytes FROM information_schema.INNODB_SYS_TABLESPACES WHERE NAME = 'test/django_session'",
        );
        return Number((rows as { bytes: unknown }[])[0]?.bytes);
      },
      async close() {
        await connection.end();
        await server.stop();
      },
    };
  },
  async redis() {
    const server = await startRedis({ config: { appendonly: 'yes' } });
    return {
      name: 'Redis, appendonly everysec',
      backend: redisBackend({ url: server.url, driver: ioredis }),
      bytes: async () =>
        Number(/^used_memory:(\d+)/m.exec(await server.command('info', 'memory'))?.[1]),
      close: () => server.stop(),
    };
  },
  async 'cached-db'() {
    const database = await openings.sqlite?.();
    const server = await startRedis();
    if (!database) throw new Error('There is SQLite.');
    return {
      name: 'cached_db: Redis before SQLite',
      backend: cachedBackend({ database: database.backend, url: server.url, driver: ioredis }),
      bytes: database.bytes,
      async close() {
        await database.close();
        await server.stop();
      },
    };
  },
  async file() {
    const directory = mkdtempSync(join(tmpdir(), 'coatcheck-sizing-'));
    return {
      name: 'file',
      backend: fileBackend({ path: join(directory, 's') }),
      bytes: async () => onDisk(join(directory, 's'), (name) => name.startsWith('sessionid')),
      close: async () => rmSync(directory, { recursive: true }),
    };
  },
};

function onDisk(directory: string, isMeant: (name: string) => boolean): number {
  const files = readdirSync(directory).filter(isMeant);
  return files.reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0);
}
