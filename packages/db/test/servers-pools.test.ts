import { mysqlBackend, postgresqlBackend } from '@coatcheck/db';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mysqlCallback from 'mysql2';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { describeServers, type Place, type Watched } from './database-servers.ts';
import { record } from './sessions.ts';

describeServers('pools', (kind) => {
  let place: Place;
  let watched: Watched;
  beforeAll(async () => {
    place = await kind.open();
    watched = place.watch({ poolSize: 1 });
    await watched.backend.migrate();
    for (const each of [record('old'), record('other')]) await watched.backend.create(each);
  });
  afterAll(async () => {
    await watched.close();
    await place.close();
  });

  describe('statements', () => {
    const old = record('old');
    const calls: Record<string, [number, string, () => unknown]> = {
      'a read is one': [1, 'SELECT', () => watched.backend.load(old.key)],
      'a read that finds nothing is one': [1, 'SELECT', () => watched.backend.load('x')],
      'a create is one': [1, 'INSERT', () => watched.backend.create(record('new'))],
      'an update is one': [
        1,
        'UPDATE',
        () => watched.backend.update({ ...old, data: 'b' }, 'first'),
      ],
      'a touch is one': [1, 'UPDATE', () => watched.backend.touch({ ...old, data: 'b' }, 'b')],
      'an update that meets a conflict is two': [
        2,
        'UPDATE SELECT',
        () => watched.backend.update(old, 'stale'),
      ],
      'a create that meets its key is three': [
        3,
        'INSERT DELETE INSERT',
        () => watched.backend.create(record('old')),
      ],
      'a delete is one': [1, 'DELETE', () => watched.backend.delete(old.key)],
      'a delete with a base is one': [
        1,
        'DELETE',
        () => watched.backend.delete(record('other').key, 'first'),
      ],
    };
    it.each(Object.entries(calls))('%s', async (_, [count, verbs, call]) => {
      watched.statements.length = 0;
      await Promise.resolve(call()).catch(() => {});
      expect(watched.statements.map(({ sql }) => sql.split(' ')[0]).join(' ')).toBe(verbs);
      expect(watched.statements).toHaveLength(count);
    });

    it('are not wrapped in transactions, and are sent over one connection', () => {
      expect(watched.connections()).toBe(1);
    });
  });

  describe('a pool of the application', () => {
    it('stays open when the backend is closed', async () => {
      const other = place.watch();
      await other.backend.create(record('pool'));
      await other.backend.close();
      await expect(other.backend.create(record('late'))).rejects.toThrow('closed');
      await other.close();
    });

    it('of the other make is accepted', async () => {
      if (kind.name === 'PostgreSQL') {
        const pool = new pg.Pool({ connectionString: place.url });
        const backend = postgresqlBackend({ pool });
        expect(await backend.load('x')).toBeUndefined();
        await backend.close();
        await pool.end();
        return;
      }
      const pool = mysql.createPool(place.url);
      const backend = mysqlBackend({ pool });
      expect(await backend.load('x')).toBeUndefined();
      await backend.close();
      await pool.end();
    });

    it('that would count changed rows instead of matched ones is refused', async () => {
      if (kind.name === 'PostgreSQL') return;
      const pool = mysqlCallback.createPool({ uri: place.url, flags: ['-FOUND_ROWS'] });
      expect(() => mysqlBackend({ pool })).toThrow('FOUND_ROWS');
      await pool.promise().end();
    });
  });

  it('a pool of the backend’s own is closed with it, after the calls under way', async () => {
    const before = (await place.connections()).length;
    const backend = place.backend();
    const writes = Array.from({ length: 20 }, (_, i) => backend.create(record(`close${i}x`)));
    await backend.close();
    await Promise.all(writes);
    for (let i = 0; i < 100 && (await place.connections()).length > before; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // One of an earlier test may have ended meanwhile.
    expect((await place.connections()).length).toBeLessThanOrEqual(before);
  });
});
