import { type DatabaseBackend, sqliteBackend } from '@coatcheck/db';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import {
  type DjangoDatabase,
  type DjangoPlace,
  djangoNow,
  djangoVariants,
  endsAsInDjango,
  isSameSession,
} from './django-outcomes.ts';

const { variants, rows } = djangoVariants(djangoFixture<DjangoDatabase>('db-sqlite.json'));

let database: Database.Database;
beforeEach(() => {
  database = new Database(':memory:');
});
afterEach(() => {
  database.close();
});

describe.each(variants)('with Django’s table, %s', (_, variant) => {
  const timeZone = variant.use_tz ? undefined : variant.time_zone;
  const schema = variant.schema ?? [];
  let backend: DatabaseBackend;
  let place: DjangoPlace;
  beforeEach(() => {
    backend = sqliteBackend({ database, timeZone, now: () => place.now });
    place = {
      backend,
      now: djangoNow,
      keys: () => database.prepare('SELECT session_key FROM django_session').pluck().all(),
    };
  });

  it('migrate makes the schema that Django makes', async () => {
    expect(await backend.migrate()).toBe(true);
    const made = database.prepare('SELECT sql FROM sqlite_master WHERE sql NOT NULL').pluck();
    expect(made.all()).toEqual(schema);
  });

  it('migrate leaves Django’s table alone', async () => {
    for (const statement of schema) database.exec(statement);
    expect(await backend.migrate()).toBe(false);
  });

  describe.each(rows(variant))('the row: $label', (found) => {
    const { row, expiresAt } = found;
    const insert = () => {
      for (const statement of schema) database.exec(statement);
      database
        .prepare('INSERT INTO django_session VALUES (?, ?, ?)')
        .run(row.session_key, row.session_data, row.expire_date_text);
    };

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
      insert();
      const stored = { data: row.session_data, base: row.session_data, expiresAt };
      expect(backend.load(row.session_key)).toEqual(stored);
      place.now = new Date(expiresAt.getTime() - 1);
      expect(backend.load(row.session_key)).toEqual(stored);
      place.now = new Date(expiresAt.getTime() + 1);
      expect(backend.load(row.session_key)).toBeUndefined();
    });

    it('is the session that Django saved', async () => {
      insert();
      place.now = new Date(found.now * 1000);
      await isSameSession(found, { ...variant, backend });
    });
  });

  it.each(Object.entries(variant.sql))('ends as in Django: %s', async (name, { error }) => {
    await endsAsInDjango(name, error, place);
  });
});
