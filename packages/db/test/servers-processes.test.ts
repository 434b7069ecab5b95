import path from 'node:path';
import { createSessions, SessionInterrupted } from '@coatcheck/core';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { describeServers, type Place } from './database-servers.ts';
import { runNode } from './run-node.ts';

jest.setTimeout(120_000);

type Entries = Record<string, unknown>;

describeServers('concurrent requests', (kind) => {
  let place: Place;
  beforeEach(async () => {
    place = await kind.open();
  });
  afterEach(() => place.close());

  const open = () =>
    createSessions<Entries>({
      backend: place.backend(),
      secretKey: SECRET_KEY,
      operationTimeoutMs: 60_000,
    });

  it('of 8 processes lose none of 1,000 entries of one session, and count right', async () => {
    const sessions = open();
    const session = sessions.open();
    session.set('count', 0);
    await session.save();
    const key = String(session.sessionKey);

    const child = path.join(import.meta.dirname, 'write-process.ts');
    const processes = Array.from({ length: 8 }, (_, i) =>
      runNode(child, place.url, SECRET_KEY, key, `p${i}`, '125'),
    );
    await Promise.all(processes);

    const found = sessions.open(key);
    await found.load();
    expect(found.size).toBe(1001);
    expect(found.get('count')).toBe(1000);
    await sessions.close();
  });

  it('that cycle one key 100 times at once leave one successor and no orphan', async () => {
    const handles = [open(), open(), open(), open()];
    const [sessions = open()] = handles;
    const session = sessions.open();
    session.set('a', 1);
    await session.save();

    const stores = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const store = (handles[i % 4] ?? sessions).open(session.sessionKey);
        await store.load();
        return store;
      }),
    );
    const outcomes = await Promise.allSettled(stores.map((store) => store.cycleKey()));
    const failures = outcomes.filter(({ status }) => status === 'rejected');
    expect(failures).toHaveLength(99);
    for (const failure of failures) {
      expect((failure as PromiseRejectedResult).reason).toBeInstanceOf(SessionInterrupted);
    }
    const successor = stores[outcomes.findIndex(({ status }) => status === 'fulfilled')];
    const keys = await place.query('SELECT session_key FROM django_session');
    // The old key is a marker now, for a minute.
    expect(keys.map((row) => row.session_key).sort()).toEqual(
      [session.sessionKey, successor?.sessionKey].sort(),
    );
    const found = sessions.open(successor?.sessionKey);
    await found.load();
    expect(found.entries()).toEqual([['a', 1]]);
    expect(await sessions.exists(String(session.sessionKey))).toBe(false);
    for (const handle of handles) await handle.close();
  });

  it('of several processes make the table once', async () => {
    const backends = Array.from({ length: 8 }, () => place.backend());
    const made = await Promise.all(backends.map((backend) => backend.migrate()));
    expect(made.filter((first) => first)).toHaveLength(1);
    for (const backend of backends) await backend.close();
  });
});
