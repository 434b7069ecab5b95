import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { TimestampSigner } from '@coatcheck/core';
import { type DatabaseBackend, sqliteBackend } from '@coatcheck/db';
import { Directory, Fleet, isFullTier, record, SECRET_KEY } from '@coatcheck/faults';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** What DESIGN promises, and how many times as much it may be where other things go on. */
const MOST_MS = 50;
const SLACK = isFullTier ? 1 : 5;
const MOST_BYTES = 10 * 2 ** 20;

const signer = new TimestampSigner({
  key: SECRET_KEY,
  salt: 'django.contrib.sessions.SessionStore',
});
const plain = (json: string) => signer.sign(Buffer.from(json).toString('base64url'));
const compressed = (json: string) =>
  signer.sign(`.${deflateSync(json, { level: 9 }).toString('base64url')}`);

/** Records that are signed with the right key, by somebody who leaked it. */
const bombs: Readonly<Record<string, () => string>> = {
  'zlib that unfolds to 100 MB': () => compressed(`{"marker":"${'x'.repeat(100_000_000)}"}`),
  'zlib that unfolds to 100 MB of blanks': () => compressed(`${' '.repeat(100_000_000)}{}`),
  'text of 5 MB': () => plain(`{"marker":"${'x'.repeat(5_000_000)}"}`),
  '65 levels': () => compressed(`{"a":${'['.repeat(65)}${']'.repeat(65)}}`),
  '10,000 levels': () => compressed(`{"a":${'['.repeat(1e4)}${']'.repeat(1e4)}}`),
  '1,000,000 levels': () => compressed(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`),
  '100,000 entries': () =>
    compressed(`{${Array.from({ length: 1e5 }, (_, i) => `"k${i}":1`).join()},"a":1}`),
};

describe('a record that is', () => {
  let directory: Directory;
  let backend: DatabaseBackend;
  let fleet: Fleet;
  beforeAll(async () => {
    directory = new Directory();
    const url = `sqlite:${path.join(directory.path, 'sessions.sqlite3')}`;
    backend = sqliteBackend({ path: url });
    await backend.migrate();
    fleet = new Fleet({ config: { engine: 'db', db: { url } } }, 1);
    await fleet.start();
    // What every request needs is there before anything is measured.
    for (let i = 0; i < 300; i += 1) {
      const answer = await fleet.site(0).request(`/create?value=${'m'.repeat(5000)}`);
      await fleet.site(0).request('/read', 'cookie' in answer ? answer.cookie : undefined);
    }
  }, 60_000);
  afterAll(async () => {
    await fleet.stop();
    await backend.close();
    directory.remove();
  });

  it.each(Object.entries(bombs))(
    '%s is no session, soon and in little memory',
    async (name, make) => {
      const data = make();
      const site = fleet.site(0);
      const keys = ['a', 'b', 'c'].map(
        (start) => start + String(Math.random()).slice(2).padEnd(31, 'z').slice(0, 31),
      );
      const expiresAt = new Date(Date.now() + 3_600_000);
      for (const key of keys) await backend.create({ key, data, expiresAt, attributes: {} });
      const [before] = await fleet.reports();
      const times: number[] = [];
      for (const key of keys) {
        const { status, start, end } = await site.request('/read', key);
        expect(status).toBe(401);
        times.push(end - start);
        expect((await site.request('/plain')).status).toBe(200);
      }
      const [after] = await fleet.reports();
      // One may have met a collection of garbage.
      const ms = Math.min(...times);
      // What the driver reads from the file is the record itself; what is made of it is what counts.
      const bytes =
        (after?.maxRssBytes ?? 0) - (before?.maxRssBytes ?? 0) - keys.length * data.length;
      record(`bomb of ${name}`, { ms, times, bytes, stored: data.length });
      expect(ms).toBeLessThan(SLACK * MOST_MS);
      expect(bytes).toBeLessThan(SLACK * MOST_BYTES);
      expect(after?.events['rejected: corrupt']).toBeGreaterThan(0);
      expect(after?.unhandled).toEqual([]);
    },
    60_000,
  );
});
