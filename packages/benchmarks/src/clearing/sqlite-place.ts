import { closeSync, copyFileSync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { inBatches, sessionRows } from './rows.ts';
import type { TablePlace } from './table-place.ts';
import { databaseDate, migrate } from './tables.ts';

/** SQLite: a file for each table. */
export async function sqlitePlace(): Promise<TablePlace> {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-clearing-'));
  const fileOf = (name: string): string => join(directory, `${name}.sqlite3`);
  const settings = (name: string) => ({ url: `sqlite:${fileOf(name)}` });
  const open = (name: string) => {
    const database = new Database(fileOf(name));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    return database;
  };
  return {
    name: 'SQLite',
    limit: 3,
    durability: 'WAL, synchronous FULL',
    settings,
    async fill(count, now) {
      await migrate(settings('original'));
      const database = open('original');
      const insert = database.prepare('INSERT INTO django_session VALUES (?, ?, ?)');
      for (const rows of inBatches(sessionRows(count, now), 10_000)) {
        database.transaction(() => {
          for (const { key, data, expiresAt } of rows)
            insert.run(key, data, databaseDate(expiresAt));
        })();
      }
      database.close();
    },
    async copy(name) {
      copyFileSync(fileOf('original'), fileOf(name));
      // Whoever is measured would have to wait until all of it is on the disk.
      const file = openSync(fileOf(name), 'r+');
      fsyncSync(file);
      closeSync(file);
    },
    async deleteExpired(name, now) {
      const database = open(name);
      const sql = 'DELETE FROM django_session WHERE expire_date <= ?';
      const { changes } = database.prepare(sql).run(databaseDate(now));
      database.close();
      return changes;
    },
    async count(name, now) {
      const database = open(name);
      const count = (sign: string) =>
        database
          .prepare(`SELECT count(*) FROM django_session WHERE expire_date ${sign} ?`)
          .pluck()
          .get(databaseDate(now)) as number;
      const counts = { expired: count('<='), live: count('>') };
      database.close();
      return counts;
    },
    async close() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
