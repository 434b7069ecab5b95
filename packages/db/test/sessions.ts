import type { SessionRecord } from '@coatcheck/core';
import type { SqliteDatabase } from '@coatcheck/db';

/** A record for tests, under a key made of this text. */
export function record(name: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    key: name.padEnd(32, '0'),
    data: 'first',
    expiresAt: new Date(Date.now() + 3_600_000),
    attributes: {},
    ...fields,
  };
}

/** As many records as asked for. */
export function records(count: number, fields: Partial<SessionRecord> = {}): SessionRecord[] {
  return Array.from({ length: count }, (_, i) => record(`k${i}x`, fields));
}

/** The same database with a look at its commits: their number, and an error that the next one shall meet. */
export function watchCommits(database: SqliteDatabase) {
  const commits = { count: 0, failures: [] as Error[] };
  const watched: SqliteDatabase = {
    get inTransaction() {
      return database.inTransaction;
    },
    prepare(sql) {
      const statement = database.prepare(sql);
      if (sql !== 'COMMIT') return statement;
      return {
        reader: false,
        get: () => undefined,
        all: () => [],
        pluck() {
          return this;
        },
        run() {
          const failure = commits.failures.shift();
          if (failure) throw failure;
          commits.count++;
          return statement.run();
        },
      };
    },
    exec: (sql) => database.exec(sql),
    pragma: (source, options) => database.pragma(source, options),
    close: () => database.close(),
  };
  return { database: watched, commits };
}

/** An error as better-sqlite3 throws it. */
export function sqliteError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
