import type { DatabaseBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeServers, type Place } from './database-servers.ts';
import { record, records } from './sessions.ts';

jest.setTimeout(60_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeServers('failures', (kind) => {
  const postgresql = kind.name === 'PostgreSQL';
  let place: Place;
  let backend: DatabaseBackend;
  beforeEach(async () => {
    place = await kind.open();
    backend = place.backend();
    await backend.create(record('old'));
  });
  afterEach(async () => {
    await backend.close();
    await place.close();
  });

  const next = (data = 'second') => record('old', { data });
  const lockRow = () =>
    place.query("SELECT 1 FROM django_session WHERE session_data = 'first' FOR UPDATE");
  const lockTable = () =>
    place.query(postgresql ? 'LOCK TABLE django_session' : 'LOCK TABLES django_session WRITE');
  const unlock = () => place.query(postgresql ? 'ROLLBACK' : 'UNLOCK TABLES');

  /** Waits until so many connections of the backend wait for a lock. */
  async function waiting(count = 1): Promise<void> {
    const sql = postgresql
      ? "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%django_session%'"
      : "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND COMMAND <> 'Sleep'";
    while ((await place.query(sql)).length < count) await pause(5);
  }

  describe('an idle connection that is killed', () => {
    it('does not end the process, and the next call works', async () => {
      await Promise.all(records(5).map((each) => backend.create(each)));
      const connections = await place.connections();
      expect(connections.length).toBeGreaterThan(0);
      for (const connection of connections) await place.kill(connection);
      expect(await backend.load(next().key)).toMatchObject({ data: 'first' });
      await pause(50);
      await backend.update(next(), 'first');
      expect(await backend.load(next().key)).toMatchObject({ data: 'second' });
    });

    it('costs a read nothing when it is noticed by the read', async () => {
      for (const connection of await place.connections()) await place.kill(connection);
      const found = await Promise.all(Array.from({ length: 20 }, () => backend.load(next().key)));
      expect(found).toMatchObject(Array(20).fill({ data: 'first' }));
    });

    it('costs the first question for the sessions of an account nothing either', async () => {
      const note = { account: '7', key: next().key, seenAt: new Date(), expiresAt: new Date() };
      await backend.note({ ...note, address: null, userAgent: null });
      const another = place.backend();
      await another.load(next().key);
      for (const connection of await place.connections()) await place.kill(connection);
      expect(await another.noted('7')).toMatchObject([{ key: note.key }]);
      await another.close();
    });
  });

  describe('a connection that is killed at work', () => {
    it('makes a write ambiguous, and is not used again', async () => {
      await place.query('BEGIN');
      await lockRow();
      const [victim] = await place.connections();
      const write = expect(backend.update(next(), 'first')).rejects.toMatchObject({
        name: 'BackendUnavailable',
        ambiguous: true,
      });
      await waiting();
      await place.kill(String(victim));
      await write;
      await place.query('ROLLBACK');
      await backend.update(next('third'), 'first');
      expect(await place.connections()).not.toContain(victim);
    });

    it('makes a read ask again', async () => {
      if (postgresql) await place.query('BEGIN');
      await lockTable();
      const read = backend.load(next().key);
      await waiting();
      for (const connection of await place.connections()) await place.kill(connection);
      await pause(20);
      await unlock();
      expect(await read).toMatchObject({ data: 'first' });
    });
  });

  describe('a database that is slow', () => {
    it('makes a write ambiguous in time, and its connection is not used again', async () => {
      const watched = place.watch({ timeoutMs: 300 });
      await watched.backend.load(next().key);
      expect(watched.connections()).toBe(1);
      await place.query('BEGIN');
      await lockRow();
      const start = performance.now();
      await expect(watched.backend.update(next(), 'first')).rejects.toMatchObject({
        name: 'BackendUnavailable',
        ambiguous: true,
        cause: { code: 'ETIMEDOUT' },
      });
      expect(performance.now() - start).toBeLessThan(2000);
      await place.query('ROLLBACK');
      await watched.backend.load(next().key);
      expect(watched.connections()).toBe(2);
      await watched.close();
    });

    it('makes a read fail in time, once', async () => {
      const watched = place.watch({ timeoutMs: 300 });
      await watched.backend.load('warm');
      if (postgresql) await place.query('BEGIN');
      await lockTable();
      watched.statements.length = 0;
      await expect(watched.backend.load(next().key)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      expect(watched.statements).toHaveLength(1);
      await unlock();
      expect(await watched.backend.load(next().key)).toMatchObject({ data: 'first' });
      await watched.close();
    });

    it('makes a write that had to wait for a connection fail for certain', async () => {
      const watched = place.watch({ poolSize: 1 });
      await watched.backend.load('warm');
      await place.query('BEGIN');
      await lockRow();
      const slow = watched.backend.update(next(), 'first');
      const hasty = watched.another({ timeoutMs: 200 });
      await expect(hasty.create(record('new'))).rejects.toMatchObject({
        name: 'Error',
        code: 'ETIMEDOUT',
      });
      await place.query('ROLLBACK');
      await slow;
      expect(await watched.backend.load(record('new').key)).toBeUndefined();
      await watched.close();
    });
  });

  it('500 calls at once get through 5 connections', async () => {
    const watched = place.watch({ poolSize: 5 });
    await Promise.all(
      records(250).flatMap((each) => [
        watched.backend.create(each),
        watched.backend.load(each.key),
      ]),
    );
    expect(await place.query('SELECT session_key FROM django_session')).toHaveLength(251);
    expect(watched.connections()).toBe(5);
    await watched.close();
  });

  it('a server that is not there refuses each call at once, for certain', async () => {
    const url = new URL(place.url);
    url.port = '1';
    const nowhere = place.backend({ url: url.href, poolSize: 2, timeoutMs: 5000 });
    const start = performance.now();
    for (let i = 0; i < 10; i += 1) {
      await expect(nowhere.load(next().key)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await expect(nowhere.create(next())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
    expect(performance.now() - start).toBeLessThan(4000);
    await nowhere.close();
  });

  it('a table that vanishes is empty, and is made again by the next write', async () => {
    await place.query('DROP TABLE django_session');
    expect(await backend.load(next().key)).toBeUndefined();
    await place.query('CREATE TABLE django_session_2 (a integer)');
    await backend.create(next());
    await place.query('DROP TABLE django_session');
    await backend.create(next());
    expect(await backend.load(next().key)).toMatchObject({ data: 'second' });
  });

  if (postgresql) {
    it('a serialization failure is tried again', async () => {
      const url = new URL(place.url);
      const options = url.searchParams.get('options');
      url.searchParams.set('options', `${options} -c default_transaction_isolation=serializable`);
      const strict = place.backend({ url: url.href });
      for (let round = 0; round < 20; round += 1) {
        const base = round === 0 ? 'first' : `round ${round - 1}`;
        const calls = [1, 2].map(() => strict.update(next(`round ${round}`), base));
        const outcomes = await Promise.allSettled(calls);
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(outcomes).toContainEqual(
          expect.objectContaining({ reason: expect.objectContaining({ reason: 'changed' }) }),
        );
      }
      await strict.close();
    });
  } else {
    it('a deadlock is tried again', async () => {
      const past = new Date(Date.now() - 1000);
      await backend.create(record('b', { expiresAt: new Date(past.getTime() - 1000) }));
      await backend.create(record('a', { expiresAt: past }));
      await Promise.all(records(50).map((each) => backend.create(each)));
      // This transaction has done more, so that InnoDB undoes the other one.
      await place.query('BEGIN');
      await place.query("UPDATE django_session SET session_data = 'x' WHERE session_key LIKE 'k%'");
      await place.query(
        "UPDATE django_session SET session_data = 'x' WHERE session_key LIKE 'a0%'",
      );
      const clearing = backend.clearExpired();
      await waiting();
      await place.query(
        "UPDATE django_session SET session_data = 'x' WHERE session_key LIKE 'b0%'",
      );
      await place.query('COMMIT');
      expect(await clearing).toBe(2);
    });
  }

  const { own } = kind.server;
  (own ? it : it.skip)(
    'a server that hangs fails every call in time, and answers the next ones when it goes on',
    async () => {
      // New connections too: those that PostgreSQL has are served by processes of their own.
      const hanging = place.backend({ timeoutMs: 400 });
      process.kill(Number(own?.pid), 'SIGSTOP');
      const start = performance.now();
      const calls = records(30).flatMap((each) => [hanging.create(each), hanging.load(each.key)]);
      const outcomes = await Promise.allSettled(calls);
      expect(performance.now() - start).toBeLessThan(3000);
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
      process.kill(Number(own?.pid), 'SIGCONT');
      const resumed = performance.now();
      let found: unknown;
      while (!found && performance.now() - resumed < 5000) {
        found = await Promise.resolve(hanging.load(next().key)).catch(() => undefined);
      }
      expect(found).toMatchObject({ data: 'first' });
      expect(performance.now() - resumed).toBeLessThan(2000);
      await hanging.update(next(), 'first');
      await hanging.close();
    },
  );

  (own ? it : it.skip)(
    'a restart of the server loses nothing acknowledged, and the next call works',
    async () => {
      const created = records(20);
      await Promise.all(created.map((each) => backend.create(each)));
      await own?.kill(postgresql ? 'SIGQUIT' : 'SIGKILL');
      await expect(backend.load(next().key)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await expect(backend.update(next(), 'first')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await own?.start();
      for (const { key } of created) expect(await backend.load(key)).toBeDefined();
      await backend.update(next(), 'first');
      await pause(50);
    },
  );
});
