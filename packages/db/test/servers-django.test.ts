import type { DatabaseBackend } from '@coatcheck/db';
import { djangoFixture } from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeServers, type Kind, type Place } from './database-servers.ts';
import {
  type DjangoDatabase,
  type DjangoPlace,
  type DjangoRow,
  type DjangoVariant,
  djangoNow,
  djangoVariants,
  endsAsInDjango,
  isSameSession,
} from './django-outcomes.ts';

/** What the tests have to know of a kind of server. */
const dialects = {
  PostgreSQL: {
    fixture: djangoFixture<DjangoDatabase>('db-postgresql.json'),
    setZone: (zone: string) => `SET TIME ZONE '${zone}'`,
    expiry:
      'pg_typeof(expire_date)::text AS expire_date_type, expire_date::text AS expire_date_text',
    // A Date has no microseconds.
    inMilliseconds: (text: string) => text.replace(/(\.\d{3})\d{3}/, '$1'),
    async schema({ query }: Place) {
      const columns = await query(
        "SELECT column_name, data_type, character_maximum_length, datetime_precision, is_nullable FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'django_session' ORDER BY ordinal_position",
      );
      const indexes = await query(
        "SELECT replace(indexdef, current_schema() || '.', 'public.') AS indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname",
      );
      return {
        columns: columns.map((column) => Object.values(column)),
        indexes: indexes.map(({ indexdef }) => indexdef),
      };
    },
    djangoSchema: ({ columns, indexes }: DjangoVariant) => ({
      columns: columns?.map((column) => column.map((value) => value && String(value))),
      indexes,
    }),
  },
  MariaDB: {
    fixture: djangoFixture<DjangoDatabase>('db-mysql.json'),
    setZone: (zone: string) => `SET time_zone = '${zone}'`,
    expiry: "'' AS expire_date_type, CAST(expire_date AS CHAR) AS expire_date_text",
    inMilliseconds: (text: string) => text.replace(/(\.\d{3})\d{3}/, '$1000'),
    async schema({ query }: Place) {
      const [table] = await query('SHOW CREATE TABLE django_session');
      return [table?.['Create Table']];
    },
    djangoSchema: ({ schema }: DjangoVariant) => schema,
  },
};

describeServers('Django’s table', (kind: Kind) => {
  const dialect = dialects[kind.name as keyof typeof dialects];
  const { variants, rows } = djangoVariants(dialect.fixture);

  describe.each(variants)('%s', (_, variant) => {
    const timeZone = variant.use_tz ? undefined : variant.time_zone;
    const zone = variant.connection_timezone ?? 'UTC';
    let place: Place;
    let backend: DatabaseBackend;
    let django: DjangoPlace;

    const open = async () => {
      place = await kind.open();
      await place.query(dialect.setZone(zone));
    };
    const openBackend = () => {
      backend = place.backend({ timeZone, now: () => django.now });
      const keys = async () =>
        (await place.query('SELECT session_key FROM django_session')).map((row) => row.session_key);
      django = { backend, now: djangoNow, keys };
    };
    async function migrateAsDjango(): Promise<void> {
      for (const statement of variant.sqlmigrate.replace(/^--.*$/gm, '').split(';')) {
        if (/CREATE/.test(statement)) await place.query(statement);
      }
    }

    describe('and migrate', () => {
      beforeEach(async () => {
        await open();
        openBackend();
      });
      afterEach(async () => {
        await backend.close();
        await place.close();
      });

      it('which makes it as Django makes it', async () => {
        expect(await backend.migrate()).toBe(true);
        expect(await dialect.schema(place)).toEqual(dialect.djangoSchema(variant));
      });

      it('which leaves it alone when it is there', async () => {
        await migrateAsDjango();
        expect(await backend.migrate()).toBe(false);
        expect(await dialect.schema(place)).toEqual(dialect.djangoSchema(variant));
      });
    });

    describe('and its rows', () => {
      beforeAll(async () => {
        await open();
        await migrateAsDjango();
      });
      afterAll(() => place.close());
      beforeEach(openBackend);
      afterEach(async () => {
        await backend.close();
        await place.query('DELETE FROM django_session');
      });

      describe.each(rows(variant))('$label', (found) => {
        const { row, expiresAt } = found;
        const { session_key: key, session_data: data, expire_date_text: text } = row;
        const insert = () =>
          place.query(`INSERT INTO django_session VALUES ('${key}', '${data}', '${text}')`);

        it('is written as Django writes it', async () => {
          await backend.create({ key, data, expiresAt, attributes: {} });
          const written = await place.query(
            `SELECT session_key, session_data, ${dialect.expiry} FROM django_session`,
          );
          const expected: DjangoRow = { ...row, expire_date_text: dialect.inMilliseconds(text) };
          expect(written.map((each) => ({ ...each }))).toEqual([expected]);
        });

        it('is read as Django wrote it, until its last millisecond', async () => {
          await insert();
          const stored = { data, base: data, expiresAt };
          expect(await backend.load(key)).toEqual(stored);
          django.now = new Date(expiresAt.getTime() - 1);
          expect(await backend.load(key)).toEqual(stored);
          django.now = new Date(expiresAt.getTime() + 1);
          expect(await backend.load(key)).toBeUndefined();
        });

        it('is the session that Django saved', async () => {
          await insert();
          django.now = new Date(found.now * 1000);
          await isSameSession(found, { ...variant, backend });
        });
      });

      it.each(Object.entries(variant.sql))('ends as in Django: %s', async (name, { error }) => {
        await endsAsInDjango(name, error, django);
      });
    });
  });
});
