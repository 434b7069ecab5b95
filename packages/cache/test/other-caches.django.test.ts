import { createHash } from 'node:crypto';
import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { keyStart, sessionCacheName } from '../src/cache-key.ts';
import { readPickle } from '../src/pickle/pickle-reader.ts';
import { inAscii, jsonIn, pickleOf } from './pickle/pickles.ts';

interface Row {
  readonly engine: string;
  readonly label: string;
  readonly session_key: string;
  readonly cache_key: string;
  readonly stored_under: string;
  readonly data: object;
  readonly value_base64: string;
}

interface Fixture<Extra = unknown> {
  readonly key_prefix: string;
  readonly version: number;
  readonly rows: readonly (Row & Extra)[];
}

const names: Readonly<Record<string, string>> = {
  cache: sessionCacheName,
  cached_db: 'django.contrib.sessions.cached_db',
};

type MemcachedFixture = Fixture<{ flags: number }>;
type DatabaseFixture = Fixture<{ column_value: string }> & { schema: string[] };
type FileFixture = Fixture<{ file_name: string; expiry_pickle_base64: string }>;

const memcached = djangoFixture<MemcachedFixture>('cache-memcached.json');
const database = djangoFixture<DatabaseFixture>('cache-db.json');
const files = djangoFixture<FileFixture>('cache-file.json');
const redis = djangoFixture<Fixture>('cache-redis.json');
const prefixed = djangoFixture<Fixture>('cache-redis-prefix.json');

// Coatcheck keeps no sessions in the first three, but what Django puts there has the keys and the form that it has in
// Redis.
describe.each([
  ['memcached', memcached],
  ['the database', database],
  ['files', files],
  ['Redis', redis],
  ['Redis, with prefix and version', prefixed],
] as const)('an entry of Django’s cache in %s', (_, { key_prefix: keyPrefix, version, rows }) => {
  it.each<Row>(rows)('has the key that is made here: $engine, $label', (row) => {
    const name = String(names[row.engine]);
    expect(name + row.session_key).toBe(row.cache_key);
    expect(keyStart({ keyPrefix, version }, name) + row.session_key).toBe(row.stored_under);
  });

  it.each<Row>(rows)('is read here: $engine, $label', (row) => {
    expect(jsonIn(pickleOf(row.value_base64))).toBe(inAscii(JSON.stringify(row.data)));
  });
});

it.each(memcached.rows)('memcached tells pickles by their flags: $engine, $label', ({ flags }) => {
  expect(flags).toBe(1);
});

it.each(database.rows)('the database has pickles in base64: $engine, $label', (row) => {
  expect(row.column_value).toBe(row.value_base64);
  expect(database.schema[0]).toContain('"value" text NOT NULL');
});

it.each(files.rows)('a file is named after its key: $engine, $label', (row) => {
  const digest = createHash('md5').update(row.stored_under).digest('hex');
  expect(row.file_name).toBe(`${digest}.djcache`);
});

it.each(files.rows)('a file begins with its pickled expiry: $engine, $label', (row) => {
  const { value } = readPickle(pickleOf(row.expiry_pickle_base64));
  expect(value).toMatch(/^\d{10}\.\d+$/);
  expect(Number(value)).toBeGreaterThan(1_700_000_000);
});
