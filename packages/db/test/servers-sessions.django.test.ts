import { createSessions, dumps, loads } from '@coatcheck/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, createClock } from '../../core/test/support/clock.ts';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { SALT, SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';
import { describeServers, type Place } from './database-servers.ts';

// test_extra_session_field is in custom-table.test.ts.
describeServers('sessions', (kind) => {
  const zones = [
    { suite: 'DatabaseSessionWithTimeZoneTests', timeZone: undefined },
    { suite: 'DatabaseSessionTests, USE_TZ off', timeZone: 'America/New_York' },
  ];
  let place: Place;
  let tables = 0;
  let table: string;
  const newTable = () => {
    tables += 1;
    table = `sessions_${tables}`;
    return table;
  };
  beforeAll(async () => {
    place = await kind.open();
  });
  afterAll(() => place.close());

  for (const { suite, timeZone } of zones) {
    describeDjangoSessionTests(
      `${kind.name} (${suite})`,
      ({ now }) => place.backend({ table: newTable(), timeZone, now }),
      { settings: { timeZone } },
    );

    describe(`Django's ${suite}`, () => {
      let clock: Clock;
      let sessions: ReturnType<typeof open>;
      const open = () =>
        createSessions<Record<string, unknown>>({
          backend: place.backend({ table: newTable(), timeZone, now: clock.now }),
          secretKey: SECRET_KEY,
          operationTimeoutMs: 30_000,
          timeZone,
          now: clock.now,
        });
      beforeEach(() => {
        clock = createClock();
        sessions = open();
      });
      afterEach(() => sessions.close());
      const rows = () => place.query(`SELECT * FROM ${table}`);
      const save = async (expiry?: number) => {
        const session = sessions.open();
        session.set('y', 1);
        if (expiry !== undefined) session.setExpiry(expiry);
        await session.save();
        return session.sessionKey;
      };

      it('test_session_str: without a model, the key column of the row is the session key', async () => {
        const key = await save();
        expect((await rows()).map((row) => row.session_key)).toEqual([key]);
      });

      it('test_session_get_decoded: loads() reads the data column of the row', async () => {
        await save();
        const [row] = await rows();
        const data = loads(String(row?.session_data), { key: SECRET_KEY, salt: SALT });
        expect(data).toEqual({ y: 1 });
      });

      it('test_sessionmanager_save: a row that is rewritten by hand is what the store reads', async () => {
        const session = sessions.open(await save());
        const data = dumps({ y: 2 }, { key: SECRET_KEY, salt: SALT, compress: true });
        await place.query(`UPDATE ${table} SET session_data = '${data}'`);
        await session.load();
        expect(session.get('y')).toBe(2);
      });

      it('test_clearsessions_command: through clearExpired, which the command calls', async () => {
        const future = await save(3600);
        await save(-3600);
        expect(await rows()).toHaveLength(2);
        expect(await sessions.clearExpired()).toBe(1);
        expect((await rows()).map((row) => row.session_key)).toEqual([future]);
      });

      it('test_aclear_expired: called twice it removes nothing more', async () => {
        for (const seconds of [3600, 60]) await save(seconds);
        clock.advance(61);
        expect(await sessions.clearExpired()).toBe(1);
        expect(await sessions.clearExpired()).toBe(0);
        expect(await rows()).toHaveLength(1);
      });
    });
  }
});
