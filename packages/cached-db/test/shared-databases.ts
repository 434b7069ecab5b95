import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBackend, type DatabaseBackend } from '@coatcheck/db';
import type { Django, DjangoDriver } from '@coatcheck/test-support';
import { describe } from '@jest/globals';
import { describeServers } from '../../db/test/database-servers.ts';

/** A database with an empty table of sessions, which a Django shares. */
export interface SharedDatabase {
  readonly url: string;
  /** As Django's `DATABASES['default']`. */
  readonly django: object;
  /** Opens a handle onto it. */
  open(): DatabaseBackend;
  close(): Promise<void>;
}

/** How a kind of database is opened. */
export interface SharedKind {
  readonly name: string;
  open(): Promise<SharedDatabase>;
}

/** What is tested is not the speed of the machine. */
const patient = { timeoutMs: 30_000, busyTimeoutMs: 29_000, synchronous: 'NORMAL' } as const;

/** An SQLite file. */
export const sqlite: SharedKind = {
  name: 'SQLite',
  async open() {
    const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-django-cache-'));
    const file = path.join(directory, 'shared.sqlite3');
    const url = `sqlite:${file}`;
    await migrate(url);
    return {
      url,
      django: { ENGINE: 'django.db.backends.sqlite3', NAME: file, OPTIONS: { timeout: 30 } },
      open: () => createBackend({ url, ...patient }),
      async close() {
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};

/** Tests for each kind of database that this Django and Coatcheck can share. */
export function describeShared(django: Django, define: (kind: SharedKind) => void): void {
  describe('on SQLite', () => define(sqlite));
  const servers: Record<string, { drivers: DjangoDriver[]; engine: string }> = {
    PostgreSQL: { drivers: ['psycopg', 'psycopg2'], engine: 'django.db.backends.postgresql' },
    MariaDB: { drivers: ['MySQLdb'], engine: 'django.db.backends.mysql' },
  };
  describeServers('shared', (server) => {
    const { drivers = [], engine = '' } = servers[server.name] ?? {};
    const kind: SharedKind = {
      name: server.name,
      async open() {
        const place = await server.open();
        await migrate(place.url);
        return {
          url: place.url,
          django: { ENGINE: engine, ...djangoAddress(new URL(place.url)) },
          open: () => createBackend({ url: place.url, ...patient }),
          close: () => place.close(),
        };
      },
    };
    if (drivers.some((driver) => django.has.has(driver))) define(kind);
    else describe.skip(`(this Python has none of ${drivers})`, () => define(kind));
  });
}

async function migrate(url: string): Promise<void> {
  const database = createBackend({ url, ...patient });
  await database.migrate();
  await database.close();
}

function djangoAddress(url: URL): object {
  const options = url.searchParams.get('options');
  return {
    HOST: url.hostname,
    PORT: url.port,
    USER: url.username,
    PASSWORD: url.password,
    NAME: url.pathname.slice(1),
    ...(options && { OPTIONS: { options } }),
  };
}
