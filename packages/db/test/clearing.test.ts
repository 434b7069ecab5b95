import path from 'node:path';
import { type DatabaseBackend, postgresqlBackend, sqliteBackend } from '@coatcheck/db';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { describeServers, type Place } from './database-servers.ts';
import { record, records } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const past = { expiresAt: new Date(0) };
let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

/** What clearing has to do on every database. */
function clears(backendOf: () => DatabaseBackend): void {
  it('removes those that ended at the same instant in batches too', async () => {
    const backend = backendOf();
    const expiresAt = new Date(Date.now() - 1000);
    await Promise.all(records(50, { expiresAt }).map((each) => backend.create(each)));
    const steps: number[] = [];
    const onProgress = (cleared: number) => void steps.push(cleared);
    expect(await backend.clearExpired({ batchSize: 20, onProgress })).toBe(50);
    expect(steps).toEqual([20, 40, 50]);
  });

  it('by two at once counts each session once, and leaves the live ones', async () => {
    const backend = backendOf();
    const all = records(300).map((each, i) =>
      i % 3 === 0 ? each : { ...each, expiresAt: new Date(Date.now() - i * 1000) },
    );
    await Promise.all(all.map((each) => backend.create(each)));
    const counts = await Promise.all([1, 2].map(() => backend.clearExpired({ batchSize: 10 })));
    expect(counts.reduce((sum, count) => sum + count)).toBe(200);
    const left: string[] = [];
    for await (const { sessions } of backend.scan()) left.push(...sessions.map(({ key }) => key));
    const live = all.filter((_, i) => i % 3 === 0).map(({ key }) => key);
    expect(left.sort()).toEqual(live.sort());
    await Promise.all(live.map((key) => backend.delete(key)));
  });

  it('goes through the notes of all sessions, and drops those whose session is no more', async () => {
    const backend = backendOf();
    const all = records(30);
    const seenAt = new Date(Date.now() - 3_600_000);
    for (const { key, expiresAt } of all) {
      const facts = { address: null, userAgent: null };
      await backend.note({ account: '7', key, seenAt, expiresAt, ...facts });
    }
    const kept = all.filter((_, i) => i % 3 === 0);
    await Promise.all(kept.map((each) => backend.create(each)));
    await backend.clearExpired({ batchSize: 7 });
    const noted = await backend.noted('7');
    expect(noted.map(({ key }) => key).sort()).toEqual(kept.map(({ key }) => key).sort());
    expect(noted.every(({ stored }) => stored !== undefined)).toBe(true);
    await Promise.all(kept.map(({ key }) => backend.delete(key)));
  });
}

describe('clearing on SQLite', () => {
  let backend: DatabaseBackend;

  beforeEach(() => {
    backend = sqliteBackend({ path: path.join(directory.path, 'x.sqlite3') });
  });
  afterEach(() => backend.close());

  clears(() => backend);
});

describeServers('clearing', (kind) => {
  let place: Place;
  let backend: DatabaseBackend;

  beforeAll(async () => {
    place = await kind.open();
    backend = place.backend();
  });
  afterAll(async () => {
    await backend.close();
    await place.close();
  });

  clears(() => backend);

  /** The statements of a clearing of a table with so many expired and live sessions. */
  async function statementsOf(expired: number, live: number, batchSize = 20): Promise<string[]> {
    const own = await kind.open();
    const watched = own.watch();
    const all = [...records(expired, past), ...records(live).map(named)];
    await Promise.all(all.map((each) => watched.backend.create(each)));
    watched.statements.length = 0;
    expect(await watched.backend.clearExpired({ batchSize })).toBe(expired);
    const statements = watched.statements.map(({ sql }) => sql);
    const left: string[] = [];
    for await (const { sessions } of watched.backend.scan())
      left.push(...sessions.map(({ key }) => key));
    expect(left).toHaveLength(live);
    await watched.backend.close();
    await watched.close();
    await own.close();
    return statements;
  }
  const named = (each: ReturnType<typeof record>, i: number) => ({
    ...each,
    ...record(`live${i}x`),
  });

  it('does not end before another one, whose batch it met, where all ended at the same instant', async () => {
    const all = records(300, { expiresAt: new Date(Date.now() - 1000) });
    await Promise.all(all.map((each) => backend.create(each)));
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    // The first one ends after a batch; the second may not have taken that for all.
    const ended = backend.clearExpired({ batchSize: 10, onProgress, signal: controller.signal });
    const whole = backend.clearExpired({ batchSize: 10 });
    expect((await ended) + (await whole)).toBe(300);
  });

  it('does not make a table that was dropped meanwhile', async () => {
    const own = await kind.open();
    const dropped = own.backend();
    await Promise.all(records(60, past).map((each) => dropped.create(each)));
    let isDropped = false;
    const onProgress = async () => {
      if (!isDropped) await own.query('DROP TABLE django_session');
      isDropped = true;
    };
    expect(await dropped.clearExpired({ batchSize: 20, onProgress })).toBe(20);
    expect(await dropped.migrate()).toBe(true);
    await dropped.close();
    await own.close();
  });

  if (kind.name === 'MariaDB') {
    it('goes on when its connections are lost', async () => {
      const own = await kind.open();
      const lost = own.backend();
      await Promise.all(records(100, past).map((each) => lost.create(each)));
      let isKilled = false;
      const onProgress = async () => {
        if (isKilled) return;
        isKilled = true;
        await Promise.all((await own.connections()).map((each) => own.kill(each)));
      };
      expect(await lost.clearExpired({ batchSize: 20, onProgress })).toBe(100);
      await lost.close();
      await own.close();
    });

    it('goes by expiry where the table has no primary key', async () => {
      const own = await kind.open();
      await own.query(`CREATE TABLE django_session (session_key varchar(40) NOT NULL UNIQUE,
        session_data longtext NOT NULL, expire_date datetime(6) NOT NULL, KEY (expire_date))`);
      const keyless = own.backend();
      await Promise.all(records(50, past).map((each) => keyless.create(each)));
      expect(await keyless.clearExpired({ batchSize: 20 })).toBe(50);
      await keyless.close();
      await own.close();
    });

    it('goes through the keys where many have expired', async () => {
      const removals = (await statementsOf(50, 100)).filter((sql) => sql.startsWith('DELETE'));
      expect(removals.length).toBeGreaterThanOrEqual(3);
      for (const sql of removals.slice(0, 3))
        expect(sql).toMatch(/session_key >= .* AND session_key < /);
    });

    it('goes by expiry where few have expired', async () => {
      const removals = (await statementsOf(5, 100)).filter((sql) => sql.startsWith('DELETE'));
      expect(removals.length).toBeGreaterThan(0);
      for (const sql of removals) expect(sql).toMatch(/ORDER BY `expire_date`\s+LIMIT/);
    });

    it('asks whether others write', async () => {
      const asked = (await statementsOf(5, 5)).filter((sql) =>
        sql.startsWith('SHOW GLOBAL STATUS'),
      );
      expect(asked.length).toBeGreaterThan(0);
    });
    return;
  }

  it('goes on where a full batch ended, without looking for it', async () => {
    const statements = await statementsOf(5, 100, 2);
    const removals = statements.filter((sql) => sql.startsWith('WITH gone AS (DELETE'));
    const searches = statements.filter((sql) => /^SELECT .* ORDER BY .* LIMIT/.test(sql));
    expect([removals.length, searches.length]).toEqual([3, 2]);
  });

  it('goes through the pages where many have expired', async () => {
    const statements = await statementsOf(50, 100);
    const removals = statements.filter((sql) => sql.includes('DELETE FROM'));
    expect(removals.length).toBeGreaterThanOrEqual(3);
    for (const sql of removals) expect(sql).toMatch(/^DELETE FROM .*ctid >= /);
  });

  it('takes no more rows at once than it may, however many are on a page, and leaves none', async () => {
    const own = await kind.open();
    const paged = postgresqlBackend({ url: own.url, timeoutMs: 30_000 });
    const data = 'x'.repeat(300);
    const all = records(300).map((each, i) => ({ ...each, data, ...(i % 3 > 0 && past) }));
    await Promise.all(all.map((each) => paged.create(each)));
    const [steps, pages] = [new Set<number>(), new Set<string>()];
    let before = 0;
    const pool = new Pool({ connectionString: own.url, max: 1 });
    const page = 'SELECT DISTINCT (ctid::text::point)[0] AS page FROM django_session';
    for (const { page: n } of (await pool.query(page)).rows) pages.add(n);
    expect(pages.size).toBeGreaterThan(10);
    const onProgress = (cleared: number) => {
      steps.add(cleared - before);
      before = cleared;
    };
    expect(await paged.clearExpired({ batchSize: 3, onProgress })).toBe(200);
    expect(Math.max(...steps)).toBe(3);
    const { rows } = await pool.query('SELECT session_key FROM django_session');
    const live = all.filter((_, i) => i % 3 === 0).map(({ key }) => key);
    expect(rows.map(({ session_key }) => session_key).sort()).toEqual(live.sort());
    await pool.end();
    await paged.close();
    await own.close();
  });

  it('finds rows by their places, however old the statistics are', async () => {
    const own = await kind.open();
    const watched = own.watch();
    await watched.backend.migrate();
    const fill = (from: number) =>
      `INSERT INTO django_session SELECT md5(i::text), repeat('x', 300), timestamptz '2001-01-01' + i * interval '1 second' FROM generate_series(${from}, ${from + 20_000}) i`;
    await own.query('ALTER TABLE django_session SET (autovacuum_enabled = off)');
    await own.query(fill(100_000));
    await own.query("INSERT INTO django_session VALUES ('last', 'x', '2101-01-01')");
    await own.query("DELETE FROM django_session WHERE session_key <> 'last'");
    await own.query('VACUUM ANALYZE django_session');
    await own.query(fill(0));
    watched.statements.length = 0;
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await watched.backend.clearExpired({ onProgress, signal: controller.signal });
    const removal = watched.statements.find(({ sql }) => sql.includes('DELETE FROM'));
    const pool = new Pool({ connectionString: own.url, max: 1 });
    const { rows } = await pool.query(`EXPLAIN ${removal?.sql}`, [...(removal?.values ?? [])]);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/^Delete on django_session.*\n(?:.*\n)*?\s+->\s+Tid Scan/);
    await pool.end();
    await watched.backend.close();
    await watched.close();
    await own.close();
  });

  it('clears a table in partitions, which has no pages of its own', async () => {
    const own = await kind.open();
    const pool = new Pool({ connectionString: own.url, max: 1 });
    await pool.query(`CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY,
        session_data text NOT NULL, expire_date timestamptz NOT NULL) PARTITION BY HASH (session_key);
      CREATE TABLE half PARTITION OF django_session FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE rest PARTITION OF django_session FOR VALUES WITH (MODULUS 2, REMAINDER 1)`);
    const parted = postgresqlBackend({ url: own.url, timeoutMs: 30_000 });
    const all = records(60).map((each, i) => ({ ...each, ...(i % 2 > 0 && past) }));
    await Promise.all(all.map((each) => parted.create(each)));
    expect(await parted.clearExpired({ batchSize: 7 })).toBe(30);
    const { rows } = await pool.query(
      'SELECT count(*)::int AS left, bool_and(expire_date > now()) AS live FROM django_session',
    );
    expect(rows).toEqual([{ left: 30, live: true }]);
    await pool.end();
    await parted.close();
    await own.close();
  });

  it('waits for the disk where live sessions are ended, and makes nobody else not wait', async () => {
    const own = await kind.open();
    const pool = new Pool({ connectionString: own.url, max: 1 });
    const pooled = postgresqlBackend({ pool, timeoutMs: 30_000 });
    await pooled.migrate();
    await pool.query(`CREATE TABLE told (setting text);
      CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO told VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
      END $$;
      CREATE TRIGGER tell AFTER INSERT OR DELETE ON django_session EXECUTE FUNCTION tell()`);
    /** What `synchronous_commit` was at each change of the table. */
    const told = async (): Promise<string[]> =>
      (await pool.query('DELETE FROM told RETURNING setting')).rows.map(({ setting }) => setting);
    await pooled.create(record('expired', past));
    expect(await told()).toEqual(['on']);
    expect(await pooled.clearExpired()).toBe(1);
    expect(await told()).toEqual(['off']);
    await pooled.create(record('live'));
    expect(await told()).toEqual(['on']);
    expect(await pooled.clearExpired({ expiresAt: new Date(4e12) })).toBe(1);
    expect(await told()).toEqual(['on']);
    await pooled.close();
    await pool.end();
    await own.close();
  });
});
