import type { DatabaseBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeServers, type Place } from './database-servers.ts';
import { record } from './sessions.ts';

describeServers('what a server says of its safety', (kind) => {
  let place: Place;
  let backend: DatabaseBackend;
  beforeEach(async () => {
    place = await kind.open();
    backend = place.backend();
    await backend.create(record('a'));
  });
  afterEach(async () => {
    await backend.close();
    await place.close();
  });

  async function found(): Promise<string[]> {
    const findings = await backend.reportSafety();
    return findings.map(({ level, about, message }) => `${level} ${about}: ${message}`);
  }

  if (kind.name === 'PostgreSQL') {
    describe('PostgreSQL', () => {
      it('tells whether the server waits for its disk at all', async () => {
        const [{ fsync } = {}] = await place.query('SHOW fsync');
        expect(await found()).toEqual([
          fsync === 'on'
            ? expect.stringMatching(/^safe PostgreSQL durability: synchronous_commit is on/)
            : expect.stringMatching(/^unsafe PostgreSQL durability: fsync is off/),
        ]);
      });

      it('tells of a table that a crash empties', async () => {
        await place.query('ALTER TABLE django_session SET UNLOGGED');
        expect(await found()).toEqual([
          expect.stringMatching(/^unsafe PostgreSQL durability: The table is UNLOGGED/),
        ]);
      });
    });
  } else {
    describe('MariaDB', () => {
      it.each([
        [0, /^unsafe MySQL durability: innodb_flush_log_at_trx_commit is 0: a crash loses/],
        [1, /^safe MySQL durability/],
        [2, /^notice MySQL durability: innodb_flush_log_at_trx_commit is 2: a power cut loses/],
      ])('tells what innodb_flush_log_at_trx_commit = %d loses', async (value, expected) => {
        const [{ before } = {}] = await place.query(
          'SELECT @@innodb_flush_log_at_trx_commit AS `before`',
        );
        await place.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${value}`);
        try {
          expect((await found())[0]).toMatch(expected);
        } finally {
          await place.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${before}`);
        }
      });

      it('tells of a table whose engine does not recover', async () => {
        await place.query('ALTER TABLE django_session ENGINE = MyISAM');
        expect((await found())[0]).toMatch(
          /^unsafe MySQL durability: The table's engine is MyISAM/,
        );
      });
    });
  }
});
