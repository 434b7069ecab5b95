import path from 'node:path';
import {
  describeAccountIndex,
  describeSessionBackend,
  describeSessionScanner,
} from '@coatcheck/core/testing';
import { sqliteBackend } from '@coatcheck/db';
import { describe, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { temporaryDirectory } from './temporary-directory.ts';

jest.setTimeout(60_000);
// A disk that others keep busy may take a second for one fsync.
const busyTimeoutMs = 30_000;

describeSessionBackend({ describe, it }, 'DatabaseBackend on an SQLite file', (context) => {
  const directory = temporaryDirectory();
  const open = () =>
    sqliteBackend({
      ...context,
      busyTimeoutMs,
      path: path.join(directory.path, 'sessions.sqlite3'),
    });
  return { backend: open(), openAnother: open, cleanup: directory.remove };
});

describeSessionBackend(
  { describe, it },
  'DatabaseBackend on SQLite in memory',
  (context) => ({ backend: sqliteBackend({ ...context, path: ':memory:' }) }),
  { cannot: { share: 'a database in memory has one connection' } },
);

describeAccountIndex({ describe, it }, 'DatabaseBackend on SQLite', (context) => ({
  backend: sqliteBackend({ ...context, path: ':memory:' }),
}));

describeSessionScanner({ describe, it }, 'DatabaseBackend on SQLite', (context) => ({
  backend: sqliteBackend({ ...context, path: ':memory:' }),
}));

describeSessionBackend(
  { describe, it },
  'DatabaseBackend on a connection of the application',
  (context) => {
    const database = new Database(':memory:');
    const open = () => sqliteBackend({ ...context, database });
    return {
      backend: open(),
      openAnother: open,
      cleanup: () => {
        database.close();
      },
    };
  },
);

// A zone that never sets its clocks back: in the hour when they are, local text does not sort, in Django neither.
describeSessionBackend(
  { describe, it },
  'DatabaseBackend on SQLite with local time',
  (context) => ({
    backend: sqliteBackend({ ...context, path: ':memory:', timeZone: 'Asia/Kolkata' }),
  }),
  { cannot: { share: 'a database in memory has one connection' } },
);
