import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { withDjangoCache } from '@coatcheck/cached-db';
import {
  BackendUnavailable,
  createSessions,
  type SessionBackend,
  type Sessions,
} from '@coatcheck/core';
import { type RedisServer, startRedis, startRedisSentinel } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWithServers } from '../../cache/test/redis.ts';
import { SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { type Entries, read, set, write } from './handles.ts';
import { withHook } from './hooked-backend.ts';
import { outagesOf } from './outages.ts';
import { type SharedDatabase, sqlite } from './shared-databases.ts';
import { until } from './until.ts';

jest.setTimeout(60_000);

const NAME = ':1:django.contrib.sessions.cached_db';

describeWithServers("when Django's cache fails", () => {
  let server: RedisServer;
  let database: SharedDatabase;
  let opened: Sessions<Entries>[];
  let reported: unknown[];
  const listener = (message: unknown): void => void reported.push(message);
  beforeEach(async () => {
    server = await startRedis({ config: { save: '3600 100000' } });
    database = await sqlite.open();
    opened = [];
    reported = [];
    subscribe('coatcheck:djangoCacheFailed', listener);
  });
  afterEach(async () => {
    unsubscribe('coatcheck:djangoCacheFailed', listener);
    await server.signal('SIGCONT');
    for (const sessions of opened) await sessions.close();
    await server.stop();
    await database.close();
  });

  function open(url = server.url, on: SessionBackend = database.open()): Sessions<Entries> {
    const backend = withDjangoCache(on, { url, timeoutMs: 300, onFailure: () => undefined });
    const sessions = createSessions<Entries>({
      backend,
      secretKey: SECRET_KEY,
      operationTimeoutMs: 30_000,
    });
    opened.push(sessions);
    return sessions;
  }
  /** What Django does when it read a row: its text is never looked at. */
  const putCopy = (key: string, on = server) =>
    on.command('set', NAME + key, 'a copy', 'px', '9999999');
  const copies = async (on = server) =>
    (await on.command('--scan', '--pattern', `${NAME}*`)).split('\n').filter(Boolean);
  /** Waits until as many handles hear of copies, and this one has looked for those that it missed. */
  async function heard(sessions: Sessions<Entries>, listening = 1): Promise<void> {
    const channel = '__redis__:invalidate';
    await until(async () =>
      (await server.command('pubsub', 'numsub', channel)).endsWith(`${listening}`),
    );
    const key = await write(sessions, 'n', 0);
    await set(sessions, key, 'n', 1);
    await putCopy(key);
    await until(async () => !(await copies()).includes(NAME + key));
  }

  describe.each(outagesOf(() => server))('and %s', (_, stop, goOn) => {
    it('nothing is written that it could not forget, and everything is read', async () => {
      const sessions = open();
      const key = await write(sessions, 'n', 1);
      const session = sessions.open(key);
      await session.load();
      await stop();
      await expect(set(sessions, key, 'n', 2)).rejects.toMatchObject({
        name: 'BackendUnavailable',
        ambiguous: false,
      });
      await expect(sessions.delete(key)).rejects.toMatchObject({ ambiguous: false });
      await expect(session.cycleKey()).rejects.toMatchObject({ ambiguous: false });
      expect(await read(sessions, key)).toEqual({ n: 1 });
      expect(await sessions.exists(key)).toBe(true);
      expect(await read(sessions, await write(sessions, 'new', 1))).toEqual({ new: 1 });
      expect(reported.length).toBeGreaterThan(0);

      await goOn();
      await until(() =>
        set(sessions, key, 'n', 2).then(
          () => true,
          () => false,
        ),
      );
      expect(await read(sessions, key)).toEqual({ n: 2 });
      expect(await sessions.delete(key)).toBe(true);
    });

    it('what was written just before is forgotten as soon as it is back', async () => {
      let isLast = false;
      const on = withHook(database.open(), async () => {
        if (!isLast) return;
        await putCopy(key);
        await stop();
      });
      const sessions = open(server.url, on);
      const key = await write(sessions, 'n', 1);
      // The server that comes back may bring this.
      await putCopy(key);
      await server.command('save');
      isLast = true;
      const failed = await set(sessions, key, 'n', 2).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(BackendUnavailable);
      expect(failed).toMatchObject({ ambiguous: true });
      expect(await read(sessions, key)).toEqual({ n: 2 });
      await goOn();
      await until(async () => (await copies()).length === 0);
    });
  });

  it('it forgets all when it comes back with an old snapshot', async () => {
    const sessions = open();
    const keys = await Promise.all([1, 2, 3].map((n) => write(sessions, 'n', n)));
    const [changed = '', ended = '', untouched = ''] = keys;
    await heard(sessions);
    for (const key of keys) await putCopy(key);
    await server.command('save');
    await set(sessions, changed, 'n', 0);
    await sessions.delete(ended);
    expect(await copies()).toEqual([NAME + untouched]);

    await server.signal('SIGKILL');
    await server.start();
    await until(async () => (await copies()).length === 0);
    // From there on it is a cache again, also for the next process.
    await putCopy(untouched);
    await heard(open(), 2);
    expect(await copies()).toEqual([NAME + untouched]);
  });

  it('it forgets all when Sentinels replace it by one that missed something', async () => {
    const servers = await startRedisSentinel();
    try {
      const [primary, replica] = servers.servers as [RedisServer, RedisServer];
      const sessions = open(servers.url);
      const key = await write(sessions, 'n', 1);
      await until(() =>
        set(sessions, key, 'n', 2).then(
          () => true,
          () => false,
        ),
      );
      await until(
        async () => (await replica.command('exists', ':1:coatcheck.django_cache.server')) === '1',
      );
      await replica.command('config', 'set', 'replica-read-only', 'no');
      await putCopy(key, replica);
      await primary.signal('SIGKILL');
      // A Sentinel cuts off the clients of the replica that it makes a primary.
      await until(() =>
        copies(replica).then(
          (left) => left.length === 0,
          () => false,
        ),
      );
    } finally {
      for (const sessions of opened.splice(0)) await sessions.close();
      await servers.stop();
    }
  });
});
