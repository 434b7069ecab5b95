import { createHash } from 'node:crypto';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { keyStart, sessionCacheName } from '../src/cache-key.ts';

interface Fixture {
  readonly cache: string;
  readonly key_prefix: string;
  readonly version: number;
  readonly rows: readonly {
    readonly engine: string;
    readonly label: string;
    readonly session_key: string;
    readonly stored_under: string;
    readonly file_name?: string;
  }[];
}

const names: Readonly<Record<string, string>> = {
  cache: sessionCacheName,
  cached_db: 'django.contrib.sessions.cached_db',
};

// Coatcheck keeps no sessions in these three caches of Django, and all of their values are pickled: what it shares
// with them is how a key is made.
describe.each(['cache-db.json', 'cache-file.json', 'cache-memcached.json'])(
  'the keys of %s',
  (file) => {
    const { key_prefix: keyPrefix, version, rows } = djangoFixture<Fixture>(file);

    it.each(rows)('are made alike: $engine, $label', (row) => {
      const name = names[row.engine];
      expect(name).toBeDefined();
      const key = keyStart({ keyPrefix, version }, String(name)) + row.session_key;
      expect(key).toBe(row.stored_under);
      if (row.file_name === undefined) return;
      const digest = createHash('md5').update(key).digest('hex');
      expect(row.file_name).toBe(`${digest}.djcache`);
    });
  },
);
