import { createSessions } from '@coatcheck/core';
import type { DatabaseBackend } from '@coatcheck/db';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SECRET_KEY, signed } from '../../core/test/support/sqlite-sessions.ts';
import { corruptions } from './corruptions.ts';
import { describeServers, type Place } from './database-servers.ts';
import { record } from './sessions.ts';

const key = 'abcdefghijklmnopqrstuvwxyz012345';
const hour = 3_600_000;

describeServers('exactness', (kind) => {
  let place: Place;
  let backend: DatabaseBackend;
  beforeAll(async () => {
    place = await kind.open();
  });
  afterAll(() => place.close());
  beforeEach(() => {
    backend = place.backend();
  });
  afterEach(async () => {
    await backend.close();
    await place.query('DROP TABLE IF EXISTS django_session');
  });

  describe('a key that differs', () => {
    const others = {
      'in case': key.toUpperCase(),
      'in the case of one letter': `A${key.slice(1)}`,
      'by a trailing space': `${key} `,
      'by a leading space': ` ${key}`,
      'by a wildcard': `${key.slice(0, -1)}_`,
      'by an accent': `á${key.slice(1)}`,
      'by a zero byte': `${key}\0`,
      'by a zero byte in front': `\0${key}`,
      'by a character of four bytes': `${key}😀`,
      'by half a surrogate pair': `${key}\ud83d`,
      'by being empty': '',
      'by a quote': `${key}' OR '1'='1`,
    };
    it.each(Object.entries(others))('%s finds nothing and changes nothing', async (_, other) => {
      await backend.create(record('', { key, data: 'first' }));
      expect(await backend.load(other)).toBeUndefined();
      // What cannot be a key at all may be refused instead.
      const calls = [
        () => backend.update(record('', { key: other, data: 'second' }), 'first'),
        () => backend.touch(record('', { key: other, data: 'second' }), 'first'),
        () => backend.delete(other),
        () => backend.delete(other, 'first'),
      ];
      for (const call of calls) {
        const outcome = await call().catch(
          (error: { reason?: string; code?: string }) => error.reason ?? error.code,
        );
        expect([undefined, false, 'gone', '22021']).toContain(outcome);
      }
      expect(await backend.load(key)).toMatchObject({ data: 'first' });
      expect(await place.query('SELECT session_data FROM django_session')).toHaveLength(1);
    });
  });

  describe('a base that differs', () => {
    const data = 'eyJhIjoxfQ:1r31eq:Abc_-';
    const others = {
      'in case': data.toLowerCase(),
      'by a trailing space': `${data} `,
      'by a missing character': data.slice(0, -1),
      'by an accent': data.replace('A', 'Á'),
    };
    it.each(Object.entries(others))('%s is a conflict', async (_, other) => {
      await backend.create(record('', { key, data }));
      const changed = { name: 'UpdateError', reason: 'changed', current: { data } };
      const next = record('', { key, data: 'second' });
      await expect(backend.update(next, other)).rejects.toMatchObject(changed);
      await expect(backend.delete(key, other)).rejects.toMatchObject(changed);
      expect(await backend.touch(next, other)).toBeUndefined();
      expect(await backend.load(key)).toMatchObject({ data });
      await backend.update(next, data);
      expect(await backend.load(key)).toMatchObject({ data: 'second' });
    });
  });

  it('rewriting a record as it is is no loss', async () => {
    const same = record('', { key, data: 'same' });
    await backend.create(same);
    for (const call of [() => backend.update(same, 'same'), () => backend.touch(same, 'same')]) {
      expect(await call()).toEqual({ key, base: 'same' });
    }
  });

  it.each([
    'naïve café',
    'emoji 😀 and 𝒳',
    '  spaces  ',
    "quotes ' \" ` \\ \\' %s $1 ?",
    'a\nline\r\nand\ttab',
  ])('data of every kind can be kept, compared and read: %j', async (data) => {
    await backend.create(record('', { key, data }));
    expect(await backend.load(key)).toMatchObject({ data, base: data });
    await backend.update(record('', { key, data: `${data}!` }), data);
    expect(await backend.delete(key, `${data}!`)).toBe(true);
  });

  it('every statement finds its rows through an index', async () => {
    const watched = place.watch();
    await watched.backend.migrate();
    const rows = Array.from({ length: 3000 }, (_, i) => `('row${i}', 'x', '2100-01-01 00:00:00')`);
    await place.query(`INSERT INTO django_session VALUES ${rows.join(', ')}`);
    await place.query(`ANALYZE ${kind.name === 'MariaDB' ? 'TABLE ' : ''}django_session`);
    watched.statements.length = 0;
    const row = record('', { key: 'row7', data: 'y' });
    await watched.backend.load(row.key);
    await watched.backend.update(row, 'x');
    await watched.backend.delete(row.key, 'y');
    await watched.backend.delete('row8');
    await watched.backend.delete('row8');
    await watched.backend
      .create(record('', { key: 'row9', expiresAt: new Date(0) }))
      .catch(() => {});
    await place.query(
      "UPDATE django_session SET expire_date = '2001-01-01' WHERE session_key = 'row9'",
    );
    await watched.backend.clearExpired({ batchSize: 10 });
    expect(watched.statements.length).toBeGreaterThan(7);
    for (const { sql, values } of watched.statements) {
      // Nor what asks the catalogue whether there is a table of accounts, or how busy the server is; and a sample of the
      // table needs none.
      if (/^(INSERT|SHOW)|information_schema|pg_attribute|TABLESAMPLE/.test(sql)) continue;
      let next = 0;
      const literal = sql.replace(/\$(\d)|\?/g, (_, n?: string) => {
        const value = values[n === undefined ? next++ : Number(n) - 1];
        return /^\d{1,3}$/.test(String(value)) ? String(value) : `'${value}'`;
      });
      const plan = JSON.stringify(await place.query(`EXPLAIN ${literal}`));
      expect({ sql, plan }).toMatchObject({
        plan: expect.stringMatching(
          /pkey|_like|expire_date_a5c62663|"key":"PRIMARY"|reading const tables/,
        ),
      });
    }
    await watched.close();
  });

  it('the settings of a connection change nothing', async () => {
    const url = new URL(place.url);
    const settings = '-c TimeZone=Asia/Kolkata -c DateStyle=German';
    const isolation = '-c default_transaction_isolation=serializable';
    if (kind.name === 'PostgreSQL') {
      const options = url.searchParams.get('options');
      url.searchParams.set('options', `${options} ${settings} ${isolation}`);
    } else {
      url.searchParams.set('timezone', '+05:30');
      url.searchParams.set('dateStrings', 'true');
      url.searchParams.set('rowsAsArray', 'true');
    }
    const other = place.backend({ url: url.href });
    const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + hour + 123);
    await backend.create(record('', { key, data: 'first', expiresAt }));
    expect(await other.load(key)).toEqual({ data: 'first', base: 'first', expiresAt });
    await other.update(record('', { key, data: 'second', expiresAt }), 'first');
    expect(await backend.load(key)).toEqual({ data: 'second', base: 'second', expiresAt });
    await other.close();
  });

  it('10,000 corrupt rows give no session, and no error', async () => {
    const now = new Date();
    const expiresAt = new Date(now.getTime() + hour);
    const sessions = createSessions<Record<string, unknown>>({
      backend,
      secretKey: SECRET_KEY,
      operationTimeoutMs: 60_000,
    });
    const good = signed('{"user":"somebody else"}', now);
    const rows = corruptions(good, 10_000);
    await backend.migrate();
    await Promise.all(
      rows.map((data, i) =>
        backend.create(record('', { key: String(i).padStart(32, '0'), data, expiresAt })),
      ),
    );
    for (let i = 0; i < rows.length; i += 1) {
      const session = sessions.open(String(i).padStart(32, '0'));
      await session.load();
      expect({ row: rows[i], entries: session.entries() }).toMatchObject({ entries: [] });
      if (i % 200 > 0) continue;
      // What is written next gets a key of its own, and the row stays for whoever looks into it.
      session.set('a', 1);
      await session.save();
      expect(session.sessionKey).not.toBe(String(i).padStart(32, '0'));
    }
  }, 180_000);
});
