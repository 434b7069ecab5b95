import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSessions, dumps, loads, type SessionsOptions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { createClock } from '../../core/test/support/clock.ts';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { SALT, SECRET_KEY } from '../../core/test/support/sqlite-sessions.ts';

const NEW_YORK = 'America/New_York';
const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-django-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function newFile(): string {
  files += 1;
  return path.join(directory, `${files}.sqlite3`);
}

describeDjangoSessionTests('an SQLite file (DatabaseSessionWithTimeZoneTests)', ({ now }) =>
  sqliteBackend({ path: newFile(), now }),
);

describeDjangoSessionTests(
  'an SQLite file with local times (DatabaseSessionTests, USE_TZ off)',
  ({ now }) => sqliteBackend({ path: newFile(), timeZone: NEW_YORK, now }),
  { settings: { timeZone: NEW_YORK } },
);

interface SessionRow {
  session_key: string;
  session_data: string;
  expire_date: string;
}

/** Sessions and their table, opened by hand as well. */
function createPlace(timeZone: string | undefined) {
  const clock = createClock();
  const database = new Database(newFile());
  const backend = sqliteBackend({ database, timeZone, now: clock.now });
  const options: SessionsOptions = { backend, secretKey: SECRET_KEY, timeZone, now: clock.now };
  const rows = (): SessionRow[] =>
    database.prepare<[], SessionRow>('SELECT * FROM django_session').all();
  return { clock, database, rows, sessions: createSessions<Record<string, unknown>>(options) };
}

describe.each([
  { name: 'DatabaseSessionTests', timeZone: NEW_YORK },
  { name: 'DatabaseSessionWithTimeZoneTests', timeZone: undefined },
])("Django's $name", ({ timeZone }) => {
  it('test_session_str: without a model, the key column of the row is the session key', async () => {
    const { rows, sessions } = createPlace(timeZone);
    const session = sessions.open();
    session.set('x', 1);
    await session.save();
    expect(rows().map((row) => row.session_key)).toEqual([session.sessionKey]);
  });

  it('test_session_get_decoded: loads() reads the data column of the row', async () => {
    const { rows, sessions } = createPlace(timeZone);
    const session = sessions.open();
    session.set('x', 1);
    await session.save();
    const [row] = rows();
    expect(loads(String(row?.session_data), { key: SECRET_KEY, salt: SALT })).toEqual({ x: 1 });
  });

  it('test_sessionmanager_save: a row that is rewritten by hand is what the store reads', async () => {
    const { database, sessions } = createPlace(timeZone);
    const session = sessions.open();
    session.set('y', 1);
    await session.save();
    const data = dumps({ y: 2 }, { key: SECRET_KEY, salt: SALT, compress: true });
    database.prepare('UPDATE django_session SET session_data = ?').run(data);
    expect(sessions.open(session.sessionKey).get('y')).toBe(2);
  });

  it('test_clearsessions_command: through clearExpired, which the command calls', async () => {
    const { rows, sessions } = createPlace(timeZone);
    const future = sessions.open();
    future.set('foo', 'bar');
    future.setExpiry(3600);
    await future.save();
    const past = sessions.open();
    past.set('foo', 'bar');
    past.setExpiry(-3600);
    await past.save();
    expect(rows()).toHaveLength(2);
    expect(await sessions.clearExpired()).toBe(1);
    expect(rows().map((row) => row.session_key)).toEqual([future.sessionKey]);
  });

  it('test_aclear_expired: called twice it removes nothing more', async () => {
    const { clock, rows, sessions } = createPlace(timeZone);
    for (const seconds of [3600, 60]) {
      const session = sessions.open();
      session.set('foo', 'bar');
      session.setExpiry(seconds);
      await session.save();
    }
    clock.advance(61);
    expect(await sessions.clearExpired()).toBe(1);
    expect(await sessions.clearExpired()).toBe(0);
    expect(rows()).toHaveLength(1);
  });
});
