import type { SessionBackend, SessionRecord } from '@coatcheck/core';
import { type DatabaseBackend, sqliteBackend } from '@coatcheck/db';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';

interface Variant {
  use_tz: boolean;
  time_zone: string;
  schema: string[];
  rows: { label: string; key: string; expire_date: string; row: Row }[];
  sql: Record<string, { queries: string[]; error: string | null }>;
}

interface Row {
  session_key: string;
  session_data: string;
  expire_date_type: string;
  expire_date_text: string;
}

const { variants } = djangoFixture<{ variants: Record<string, Variant> }>('db-sqlite.json');
// The same instants in every variant; this one writes them with their offset.
const instants = (variants.utc as Variant).rows.map((row) => new Date(row.expire_date));

const data = 'eyJhIjoxfQ:1r31eq:5MgoLqkmKp1FHiOgGBtarGDXgrxa9VJfaeKTRkgkOCk';
const key = 'a'.repeat(32);
const newKey = 'bcdefghijklmnopqrstuvwxyz0123456';
const session: SessionRecord = { key, data, expiresAt: new Date(1701209600_000), attributes: {} };

let database: Database.Database;
let now: Date;
beforeEach(() => {
  database = new Database(':memory:');
  now = new Date(1700000000_000);
});
afterEach(() => {
  database.close();
});

/** What the same operation ends in here; each starts in an empty table. */
const outcomes: Record<string, (backend: SessionBackend) => Promise<void>> = {
  'save mustCreate': async (backend) => {
    await backend.create(session);
    expect(keys()).toEqual([key]);
  },
  'save mustCreate, key taken': async (backend) => {
    await backend.create(session);
    await backend.create({ ...session, data: 'other' });
  },
  save: async (backend) => {
    await backend.create({ ...session, data: 'old', expiresAt: new Date(now.getTime() + 1000) });
    await backend.update(session, 'old');
    expect(backend.load(key)).toEqual({ data, base: data, expiresAt: session.expiresAt });
  },
  exists: async (backend) => {
    expect(backend.load(key)).toBeUndefined();
    await backend.create(session);
    expect(backend.load(key)).toBeDefined();
  },
  load: async (backend) => {
    await backend.create(session);
    expect(backend.load(key)).toEqual({ data, base: data, expiresAt: session.expiresAt });
  },
  delete: async (backend) => {
    await backend.create(session);
    expect(await backend.delete(key)).toBe(true);
    expect(keys()).toEqual([]);
  },
  'delete, no row': async (backend) => {
    expect(await backend.delete(key)).toBe(false);
  },
  'save, row gone (UpdateError)': async (backend) => {
    await backend.update(session, data);
  },
  create: async (backend) => {
    await backend.create({ ...session, key: newKey });
    expect(keys()).toEqual([newKey]);
  },
  clearExpired: async (backend) => {
    await backend.create(session);
    expect(await backend.clearExpired()).toBe(0);
    expect(keys()).toEqual([key]);
  },
  'clearExpired, one row': async (backend) => {
    await backend.create({ ...session, expiresAt: new Date(now.getTime() - 1) });
    await backend.create({ ...session, key: newKey });
    expect(await backend.clearExpired()).toBe(1);
    expect(keys()).toEqual([newKey]);
  },
  'load expired or missing': async (backend) => {
    expect(backend.load(key)).toBeUndefined();
    await backend.create(session);
    now = session.expiresAt;
    expect(backend.load(key)).toBeUndefined();
  },
  flush: async (backend) => {
    await backend.create({ ...session, key: newKey });
    await backend.delete(newKey);
    expect(keys()).toEqual([]);
  },
  cycleKey: async (backend) => {
    await backend.create(session);
    await backend.create({ ...session, key: newKey });
    await backend.delete(key, data);
    expect(keys()).toEqual([newKey]);
  },
};

function keys(): unknown[] {
  return database.prepare('SELECT session_key FROM django_session').pluck().all();
}

describe.each(Object.entries(variants))('with Django’s table, %s', (_, variant) => {
  const timeZone = variant.use_tz ? undefined : variant.time_zone;
  let backend: DatabaseBackend;
  beforeEach(() => {
    backend = sqliteBackend({ database, timeZone, now: () => now });
  });

  it('migrate makes the schema that Django makes', async () => {
    expect(await backend.migrate()).toBe(true);
    const schema = database.prepare('SELECT sql FROM sqlite_master WHERE sql NOT NULL').pluck();
    expect(schema.all()).toEqual(variant.schema);
  });

  it('migrate leaves Django’s table alone', async () => {
    for (const statement of variant.schema) database.exec(statement);
    expect(await backend.migrate()).toBe(false);
  });

  describe.each(variant.rows.map((row, i) => ({ ...row, expiresAt: instants[i] as Date })))(
    'the row: $label',
    ({ row, expiresAt }) => {
      it('is written as Django writes it', async () => {
        const { session_key: key, session_data: data } = row;
        await backend.create({ key, data, expiresAt, attributes: {} });
        const written = database.prepare(
          'SELECT session_key, session_data, typeof(expire_date) AS expire_date_type, expire_date AS expire_date_text FROM django_session',
        );
        // A Date has no microseconds.
        const text = row.expire_date_text.replace(/(\.\d{3})\d{3}$/, '$1000');
        expect(written.all()).toEqual([{ ...row, expire_date_text: text }]);
      });

      it('is read as Django wrote it, until its last millisecond', async () => {
        for (const statement of variant.schema) database.exec(statement);
        database
          .prepare('INSERT INTO django_session VALUES (?, ?, ?)')
          .run(row.session_key, row.session_data, row.expire_date_text);
        const found = { data: row.session_data, base: row.session_data, expiresAt };
        expect(backend.load(row.session_key)).toEqual(found);
        now = new Date(expiresAt.getTime() - 1);
        expect(backend.load(row.session_key)).toEqual(found);
        now = new Date(expiresAt.getTime() + 1);
        expect(backend.load(row.session_key)).toBeUndefined();
      });
    },
  );

  it.each(Object.entries(variant.sql))('ends as in Django: %s', async (name, { error }) => {
    const outcome = outcomes[name];
    if (!outcome) throw new Error('There is no test for this operation.');
    if (error === null) await outcome(backend);
    else await expect(outcome(backend)).rejects.toMatchObject({ name: error });
  });
});
