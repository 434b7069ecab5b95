import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { CANARY, watchForLeaks } from '../../core/test/support/leaks.ts';
import { describeServers, type Place } from './database-servers.ts';

/** Triggers that refuse every write with an error that quotes what was written, wherever the server lets them. */
const quoting: Record<string, readonly string[]> = {
  PostgreSQL: [
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE old_row record := COALESCE(OLD, NEW); new_row record := COALESCE(NEW, OLD);
     BEGIN
       RAISE EXCEPTION 'refused % % %', new_row.session_key, new_row.session_data, old_row.session_data
         USING DETAIL = 'Row: ' || new_row, HINT = old_row.session_data, CONSTRAINT = new_row.session_key;
     END $$`,
    'CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON django_session FOR EACH ROW EXECUTE FUNCTION refuse()',
  ],
  MariaDB: ['INSERT', 'UPDATE', 'DELETE'].map((event) => {
    const row = event === 'DELETE' ? 'OLD' : 'NEW';
    return `CREATE TRIGGER refuse_${event} BEFORE ${event} ON django_session FOR EACH ROW
     BEGIN
       DECLARE quoted TEXT DEFAULT CONCAT('refused ', ${row}.session_key, ' ', LEFT(${row}.session_data, 60));
       SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = quoted, CONSTRAINT_NAME = ${row}.session_key;
     END`;
  }),
};

describeServers('errors and events', ({ name, open }) => {
  let place: Place;
  beforeEach(async () => {
    place = await open();
  });
  afterEach(() => place.close());

  it('of a server that quotes what it refuses hold neither keys nor data', async () => {
    const backend = place.backend();
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    for (const statement of quoting[name] ?? []) await place.query(statement);
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(5);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
    await backend.close();
  });

  it('of a column that refuses an attribute do not hold it', async () => {
    const columns = { account_id: 'integer' } as const;
    const backend = place.backend({ columns });
    const watch = watchForLeaks(backend, {
      attributes: (entries) => ({ account_id: (entries.get('account') as string | null) ?? null }),
    });
    const key = await watch.start();
    const session = watch.sessions.open(key);
    await session.load();
    session.set('account', CANARY);
    const error = await session.save().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'BackendUnavailable', cause: { message: /\[data\]/ } });
    await watch.provoke(key);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
    await backend.close();
  });

  it('of a table that lacks a column, and of a server that has gone, hold neither', async () => {
    const backend = place.backend();
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    await place.query('ALTER TABLE django_session RENAME COLUMN session_data TO other_data');
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(5);
    await place.query('ALTER TABLE django_session RENAME COLUMN other_data TO session_data');
    const gone = place.backend({ url: place.url.replace(/:\d+\//, ':1/'), timeoutMs: 900 });
    const away = watchForLeaks(gone);
    expect(await away.provoke(key)).toBeGreaterThanOrEqual(5);
    expect([...watch.leaks(), ...away.leaks()]).toEqual([]);
    watch.stop();
    away.stop();
    await backend.close();
    await gone.close();
  });
});

describe('errors and events on SQLite', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-leaks-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('of a database that quotes what it refuses hold neither keys nor data', async () => {
    const database = new Database(path.join(directory, 'sessions.sqlite3'));
    const backend = sqliteBackend({ database });
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    // RAISE takes constant texts only, before SQLite 3.47; a constraint tells names, not values. A function quotes.
    database.function('refuse', { varargs: true }, (...values) => {
      throw new Error(`refused ${values.join(' ')}`);
    });
    for (const event of ['INSERT', 'UPDATE', 'DELETE']) {
      const row = event === 'DELETE' ? 'OLD' : 'NEW';
      database.exec(
        `CREATE TEMP TRIGGER refuse_${event} BEFORE ${event} ON main.django_session
         BEGIN SELECT refuse(${row}.session_key, ${row}.session_data); END`,
      );
    }
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(4);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
    await backend.close();
    database.close();
  });

  it('of a file that is no database hold neither', async () => {
    const file = path.join(directory, 'sessions.sqlite3');
    const backend = sqliteBackend({ path: file });
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    await backend.close();
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(5);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
  });
});
