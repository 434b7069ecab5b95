import { createBackend, mysqlBackend, postgresqlBackend } from '@coatcheck/db';
import { describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { describeServers } from './database-servers.ts';
import { record } from './sessions.ts';

const misconfigured = (text: string) =>
  expect.objectContaining({
    name: 'ImproperlyConfigured',
    message: expect.stringContaining(text),
  });

describe('createBackend', () => {
  it('opens SQLite by its URL', async () => {
    const backend = createBackend({ url: 'sqlite::memory:', table: 'mine', poolSize: 3 });
    await backend.create(record('one'));
    expect(backend.answers).toBe('synchronously');
    await backend.close();
  });

  it.each(['postgres://a/b', 'postgresql://a/b', 'mysql://a/b', 'mariadb://a/b'])(
    'knows the server in %s, and asks it nothing before it is used',
    async (url) => {
      const backend = createBackend({ url, hashKeys: true, synchronous: 'FULL' });
      expect(backend.answers).toBe('later');
      await backend.close();
    },
  );

  it.each(['oracle://u:hunter2@a/b', '', 'hunter2', './file', '://hunter2', 'MYSQL'])(
    'refuses %j without telling what may be a password',
    (url) => {
      expect(() => createBackend({ url })).toThrow(misconfigured('sqlite:./sessions.sqlite3'));
      expect(() => createBackend({ url })).not.toThrow(/hunter2/);
    },
  );
});

describe('a server’s backend', () => {
  const makers = { postgresqlBackend, mysqlBackend };
  it.each([
    [{}, 'db.url'],
    [{ url: 'http://u:hunter2@a/b' }, 'db.url'],
    [{ url: 'hunter2' }, 'db.url'],
    [{ poolSize: 0 }, 'db.poolSize'],
    [{ poolSize: 1.5 }, 'db.poolSize'],
    [{ timeoutMs: 0 }, 'db.timeoutMs'],
    [{ timeoutMs: Number.NaN }, 'db.timeoutMs'],
    [{ timeZone: 'Mars/Olympus' }, 'db.timeZone'],
  ])('refuses %j', (options, name) => {
    for (const make of Object.values(makers)) {
      expect(() => make(options)).toThrow(misconfigured(name));
      expect(() => make(options)).not.toThrow(/hunter2/);
    }
  });

  it('refuses a pool beside a URL, a database without a name, and a driver that is none', () => {
    const pool = new pg.Pool();
    expect(() => postgresqlBackend({ pool, url: 'postgres://a/b' })).toThrow(misconfigured('url'));
    expect(() => mysqlBackend({ url: 'mysql://localhost' })).toThrow(misconfigured('no database'));
    expect(() => mysqlBackend({ url: 'mysql://a/b', driver: {} })).toThrow(misconfigured('mysql2'));
    expect(() => postgresqlBackend({ url: 'postgres://a/b', driver: 1 })).toThrow(
      misconfigured('pg'),
    );
  });

  it('names the command that installs a missing driver', async () => {
    jest.resetModules();
    jest.doMock('node:module', () => ({
      createRequire: () => (name: string) => {
        throw Object.assign(new Error(name), { code: 'MODULE_NOT_FOUND' });
      },
    }));
    const fresh = await import('@coatcheck/db');
    for (const [url, name] of [
      ['postgres://a/b', 'pg'],
      ['mysql://a/b', 'mysql2'],
      ['sqlite:a', 'better-sqlite3'],
    ] as const) {
      expect(() => fresh.createBackend({ url })).toThrow(misconfigured(`npm install ${name}.`));
    }
    jest.dontMock('node:module');
  });
});

describeServers('createBackend', (kind) => {
  it('opens the server by its URL, with the driver that it is given', async () => {
    const place = await kind.open();
    const name = kind.name === 'PostgreSQL' ? 'pg' : 'mysql2';
    const drivers: Record<string, unknown> = {
      found: undefined,
      module: await import(name),
      default: { default: ((await import(name)) as { default?: unknown }).default },
    };
    for (const [key, driver] of Object.entries(drivers)) {
      const backend = createBackend({ url: place.url, driver, timeoutMs: 30_000 });
      await backend.create(record(key));
      expect(await backend.load(record(key).key)).toBeDefined();
      await backend.close();
    }
    await place.close();
  });
});
