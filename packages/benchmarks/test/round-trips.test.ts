import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { redisBackend } from '@coatcheck/cache';
import { createSessions, type SessionBackend } from '@coatcheck/core';
import { mysqlBackend, postgresqlBackend } from '@coatcheck/db';
import { sessions } from '@coatcheck/koa';
import {
  mariadbServer,
  postgresqlServer,
  type RedisServer,
  redisIsMissing,
  startRedis,
} from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** A server that counts for itself what it is asked. */
interface Counted {
  readonly missing: string | undefined;
  /** Starts the server, and returns a backend on it. */
  start(): Promise<SessionBackend>;
  /** What the server was asked, by anybody else, since the last time. */
  countSince(): Promise<number>;
  stop(): Promise<void>;
}

/** `INFO commandstats`: what clients sent. */
function redis(): Counted {
  let server: RedisServer | undefined;
  return {
    missing: redisIsMissing(),
    start: async () => {
      server = await startRedis();
      return redisBackend({ url: server.url });
    },
    countSince: async () => {
      const stats = String(await server?.command('info', 'commandstats'));
      await server?.command('config', 'resetstat');
      const calls = [...stats.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)]
        .filter(([, name = '']) => !/^(config|info)/.test(name))
        .map(([, name, count]) => ({ name, count: Number(count) }));
      const sum = calls.reduce((all, { count }) => all + count, 0);
      // Each script makes two calls on the server: it compares, then sets or removes.
      const scripts = calls.find(({ name }) => name === 'evalsha')?.count ?? 0;
      return sum - 2 * scripts;
    },
    stop: async () => void (await server?.stop()),
  };
}

/** `pg_stat_statements`, which also counts what begins and ends transactions. */
function postgresql(): Counted {
  const server = postgresqlServer({
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });
  let client: pg.Client;
  return {
    missing: server.missing,
    start: async () => {
      const url = await server.start();
      client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
      return postgresqlBackend({ url, table: 'round_trips', timeoutMs: 30_000 });
    },
    countSince: async () => {
      const { rows } = await client.query(
        "SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'",
      );
      await client.query('SELECT pg_stat_statements_reset()');
      return Number(rows[0].calls);
    },
    stop: async () => {
      await client?.end();
      await server.stop();
    },
  };
}

/** `Questions`: the statements that clients sent; and those that they had prepared, which it leaves out. */
function mariadb(): Counted {
  const server = mariadbServer();
  let connection: mysql.Connection;
  let last = 0;
  return {
    missing: server.missing,
    start: async () => {
      const url = await server.start();
      connection = await mysql.createConnection(url);
      return mysqlBackend({ url, table: 'round_trips', timeoutMs: 30_000 });
    },
    countSince: async () => {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare')",
      );
      const all = rows.reduce((sum, { Value }) => sum + Number(Value), 0);
      // This question is one itself.
      const asked = all - last - 1;
      last = all;
      return asked;
    },
    stop: async () => {
      await connection?.end();
      await server.stop();
    },
  };
}

describe.each([
  ['Redis', redis()],
  ['PostgreSQL', postgresql()],
  ['MariaDB', mariadb()],
])('the round trips of a request to %s', (_, server) => {
  if (server.missing) {
    it.skip(server.missing, () => {});
    return;
  }

  let url: string;
  let stop: () => Promise<void>;
  let cookie = '';

  beforeAll(async () => {
    const opener = createSessions<Record<string, unknown>>({
      backend: await server.start(),
      secretKey: 'h7Qd2zV5mX9pL3tR8wN1cB6kJ4sG0yFa',
      operationTimeoutMs: 30_000,
    });
    const app = new Koa()
      .use(sessions(opener, { lazy: ({ path }) => path === '/lazy' }))
      .use(async (ctx) => {
        const { path, session } = ctx;
        if (path === '/create' || path === '/write') session.set('n', Number(ctx.query.n));
        if (path === '/read' || path === '/write') session.get('user');
        if (path === '/twice') for (const n of [1, 2]) await session.set('n', n).save();
        if (path === '/cycle') await session.cycleKey();
        if (path === '/flush') await session.flush();
        ctx.body = String(session.isEmpty() ? undefined : path);
      });
    const http = app.listen(0, '127.0.0.1');
    await once(http, 'listening');
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    stop = async () => {
      http.closeAllConnections();
      http.close();
      await opener.close();
      await server.stop();
    };
    // The first calls make the connection, the table, and bring the scripts along.
    for (const path of ['/create?n=0', '/write?n=-1', '/cycle', '/flush']) await visit(path);
  }, 90_000);
  afterAll(() => stop?.(), 60_000);

  /** Asks for the page with the visitor's cookie. */
  async function visit(path: string): Promise<void> {
    const response = await fetch(url + path, { headers: { cookie } });
    expect(response.status).toBe(200);
    const [sent] = response.headers.getSetCookie();
    if (sent !== undefined) cookie = sent.slice(0, sent.indexOf(';'));
  }

  async function roundTrips(path: string): Promise<number> {
    await server.countSince();
    await visit(path);
    return server.countSince();
  }

  it('are none without a cookie, and one when the session begins', async () => {
    cookie = '';
    expect(await roundTrips('/untouched')).toBe(0);
    expect(await roundTrips('/create?n=1')).toBe(1);
    expect(cookie).toMatch(/^sessionid=[a-z0-9]{32}$/);
  });

  it('are one to read, and one more to write', async () => {
    expect(await roundTrips('/read')).toBe(1);
    expect(await roundTrips('/write?n=2')).toBe(2);
  });

  it('are one for each write that the handler waits for, and a last look before the cookie is sent', async () => {
    // A session may have ended since its cookie was put there early, which must then not be sent.
    expect(await roundTrips('/twice')).toBe(4);
  });

  it('are none in lazy mode where the session is left alone, else the early fetch', async () => {
    expect(await roundTrips('/lazy')).toBe(0);
    expect(await roundTrips('/untouched')).toBe(1);
  });

  it('are a read, a new record, the mark in the old one and that look where the key is cycled', async () => {
    const old = cookie;
    expect(await roundTrips('/cycle')).toBe(4);
    expect(cookie).not.toBe(old);
  });

  it('are a read and a removal where the session ends', async () => {
    expect(await roundTrips('/flush')).toBe(2);
  });
});
