import {
  type BackendContext,
  describeAccountIndex,
  describeSessionBackend,
  describeSessionScanner,
} from '@coatcheck/core/testing';
import type { ServerOptions } from '@coatcheck/db';
import { afterAll, beforeAll, describe, it, jest } from '@jest/globals';
import { describeServers, type Place } from './database-servers.ts';

jest.setTimeout(60_000);

describeServers('the conformance suite', (kind) => {
  let place: Place;
  let tables = 0;
  beforeAll(async () => {
    place = await kind.open();
  });
  afterAll(() => place.close());

  const suite = (
    runner: { describe: typeof describe; it: typeof it },
    name: string,
    options = {},
  ) =>
    describeSessionBackend(runner, name, (context: BackendContext) => {
      tables += 1;
      const all: ServerOptions = { table: `sessions_${tables}`, ...context, ...options };
      const open = () => place.backend(all);
      return { backend: open(), openAnother: open };
    });
  // Thousands of conflicts, which are the same whatever the settings.
  const quick = Object.assign(
    (title: string, run: () => Promise<void>) =>
      title.startsWith('a hundred counters') ? undefined : it(title, run),
    { skip: it.skip },
  ) as unknown as typeof it;

  describeAccountIndex({ describe, it }, 'DatabaseBackend', (context) => {
    tables += 1;
    return { backend: place.backend({ table: `sessions_${tables}`, ...context }) };
  });
  describeSessionScanner({ describe, it }, 'DatabaseBackend', (context) => {
    tables += 1;
    return { backend: place.backend({ table: `sessions_${tables}`, ...context }) };
  });
  suite({ describe, it }, 'DatabaseBackend');
  if (kind.name === 'PostgreSQL') {
    suite({ describe, it: quick }, 'DatabaseBackend with prepared statements', {
      preparedStatements: true,
    });
  } else {
    // A zone that never sets its clocks back: in the hour when they are, local text does not sort, in Django neither.
    suite({ describe, it: quick }, 'DatabaseBackend with local time', { timeZone: 'Asia/Kolkata' });
  }
});
