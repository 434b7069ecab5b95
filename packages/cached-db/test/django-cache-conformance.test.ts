import { randomBytes } from 'node:crypto';
import { withDjangoCache } from '@coatcheck/cached-db';
import {
  describeAccountIndex,
  describeSessionBackend,
  describeSessionScanner,
  type TestRunner,
} from '@coatcheck/core/testing';
import { describe, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { describeDatabases } from './databases.ts';

jest.setTimeout(60_000);

// Thousands of conflicts take their time, and the database alone is tested with them elsewhere.
const without = (slow: RegExp): TestRunner['it'] =>
  Object.assign(
    (title: string, run: () => Promise<void>) => (slow.test(title) ? undefined : it(title, run)),
    { skip: it.skip },
  );

describeDatabases('the conformance suite', (database) => {
  describeWithRedis("and Django's Redis", (place) => {
    describeSessionBackend(
      { describe, it: without(/^a hundred counters/) },
      `withDjangoCache over ${database.name}`,
      (context) => {
        const table = database.newTable();
        const keyPrefix = place.keyPrefix + randomBytes(6).toString('hex');
        const open = () =>
          withDjangoCache(table.open(context), {
            url: place.url,
            keyPrefix,
            timeoutMs: 5000,
            now: context.now,
          });
        return { backend: open(), openAnother: open };
      },
    );
  });

  if (database.name !== 'SQLite') return;
  describeAccountIndex({ describe, it }, 'withDjangoCache over SQLite', (context) => ({
    backend: withDjangoCache(database.newTable().open(context), { drop: async () => undefined }),
  }));
  describeSessionScanner({ describe, it }, 'withDjangoCache over SQLite', (context) => ({
    backend: withDjangoCache(database.newTable().open(context), { drop: async () => undefined }),
  }));
  describeSessionBackend(
    { describe, it },
    'withDjangoCache over SQLite and a function of the application',
    (context) => {
      const table = database.newTable();
      const drop = async () => undefined;
      const open = () =>
        withDjangoCache(table.open(context), { drop, dropAll: drop, now: context.now });
      return { backend: open(), openAnother: open };
    },
  );
});
