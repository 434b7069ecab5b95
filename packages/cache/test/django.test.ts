import { CacheBackend, LruCache, memoryBackend, redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
import { jsonIn } from './pickle/pickles.ts';
import { describeWithRedis } from './redis.ts';
import { SECRET_KEY, writeSession } from './sessions.ts';

describeDjangoSessionTests('the cache engine in this process', memoryBackend);

interface Fixture {
  key_prefix: string;
  version: number;
  rows: Row[];
}

interface Row {
  engine: string;
  label: string;
  session_key: string;
  stored_under: string;
  data: Record<string, unknown>;
  ttl_seconds: number;
  value_base64: string;
  value_text?: string;
}

const overlongKey = `(${'a'.repeat(1238)})`;

describe('Django’s tests of the cache engine, in this process', () => {
  it('test_load_overlong_key', async () => {
    const sessions = createSessions({ backend: memoryBackend(), secretKey: SECRET_KEY });
    const session = sessions.open(overlongKey);
    await session.load();
    expect(session.size).toBe(0);
  });

  it('test_default_cache', async () => {
    const cache = new LruCache();
    const { sessionKey } = await writeSession(new CacheBackend(cache), { a: 1 });
    expect(cache.get(sessionKey)).toMatchObject({ text: '{"a":1}' });
  });

  it.each(['test_create_and_save', 'test_create_and_save_async'])('%s', async () => {
    const cache = new LruCache();
    const sessions = createSessions({ backend: new CacheBackend(cache), secretKey: SECRET_KEY });
    const session = sessions.open();
    await session.create();
    session.set('blah', 'blahblah');
    await session.save();
    expect(cache.get(String(session.sessionKey))).toMatchObject({ text: '{"blah":"blahblah"}' });
  });
});

describeWithRedis('Django’s tests of the cache engine, on Redis', (place) => {
  let backend: CacheBackend;
  beforeEach(() => {
    backend = redisBackend({ url: place.url, keyPrefix: place.keyPrefix });
  });
  afterEach(() => backend.close());

  const entry = (prefix: string, version: number, key: string | null) =>
    place.redis.get(`${prefix}:${version}:django.contrib.sessions.cache${key}`);

  const opened: CacheBackend[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });
  const unwritten =
    'what is no JSON cannot be pickled; pickled-sessions.test.ts stores damaged bytes';
  describe.each([
    ['json', {}],
    [
      'pickle',
      {
        test_decode_failure_logged_to_security: unwritten,
        test_decode_serializer_exception: unwritten,
      },
    ],
  ] as const)('as %s', (serializer, skip) => {
    describeDjangoSessionTests(
      'the cache engine',
      ({ now }) => {
        const keyPrefix = `${place.keyPrefix}${serializer}`;
        const each = redisBackend({ url: place.url, keyPrefix, serializer, now });
        opened.push(each);
        return each;
      },
      { skip },
    );
  });

  it('test_load_overlong_key', async () => {
    const session = createSessions({ backend, secretKey: SECRET_KEY }).open(overlongKey);
    await session.load();
    expect(session.size).toBe(0);
    expect(await backend.load(overlongKey)).toBeUndefined();
  });

  it('test_default_cache', async () => {
    const { sessionKey } = await writeSession(backend, { a: 1 });
    expect(await entry(place.keyPrefix, 1, sessionKey)).toBe('{"a":1}');
  });

  it('test_non_default_cache: another version is another cache', async () => {
    const other = redisBackend({ url: place.url, keyPrefix: place.keyPrefix, version: 3 });
    const { sessionKey } = await writeSession(other, { a: 1 });
    expect(await entry(place.keyPrefix, 3, sessionKey)).toBe('{"a":1}');
    expect(await entry(place.keyPrefix, 1, sessionKey)).toBeNull();
    await other.close();
  });

  it.each(['test_create_and_save', 'test_create_and_save_async'])('%s', async () => {
    const session = createSessions({ backend, secretKey: SECRET_KEY }).open();
    await session.create();
    session.set('blah', 'blahblah');
    await session.save();
    expect(await entry(place.keyPrefix, 1, session.sessionKey)).toBe('{"blah":"blahblah"}');
  });

  const json = djangoFixture<Fixture>('cache-redis-json.json');
  const prefixed = djangoFixture<Fixture>('cache-redis-prefix.json');
  const pickled = djangoFixture<Fixture>('cache-redis.json');
  const ours = (fixture: Fixture) => fixture.rows.filter(({ engine }) => engine === 'cache');

  describe.each(ours(json))('the entry that Django wrote as JSON: $label', (row) => {
    const storedUnder = `${place.keyPrefix}${row.stored_under}`;
    const text = String(row.value_text);
    beforeEach(() => place.redis.del(storedUnder));

    it('is read', async () => {
      await place.redis.set(storedUnder, text, 'EX', row.ttl_seconds);
      expect(await backend.load(row.session_key)).toEqual({ data: text, base: text });
      const session = createSessions({ backend, secretKey: SECRET_KEY }).open(row.session_key);
      await session.load();
      expect(Object.fromEntries(session.entries())).toEqual(row.data);
    });

    it('is written under the same key, with the same bytes and lifetime', async () => {
      const expiresAt = new Date(Date.now() + row.ttl_seconds * 1000);
      await backend.create({ key: row.session_key, data: text, expiresAt, attributes: {} });
      const written = await place.redis.getBuffer(storedUnder);
      expect(written?.toString('base64')).toBe(row.value_base64);
      const ttl = await place.redis.pttl(storedUnder);
      expect(Math.abs(ttl - row.ttl_seconds * 1000)).toBeLessThan(5000);
    });
  });

  describe.each([
    ['with prefix and version', prefixed],
    ['without', pickled],
  ])('the entry that Django pickled, %s', (_, fixture) => {
    const { key_prefix, version } = fixture;
    /** The prefix of the tests stands in front of Django's, since the server may be shared. */
    const open = (serializer: 'json' | 'pickle') => {
      const keyPrefix = `${place.keyPrefix}${key_prefix}`;
      const each = redisBackend({ url: place.url, keyPrefix, version, serializer });
      opened.push(each);
      return each;
    };
    const storedUnder = (row: Row) => `${place.keyPrefix}${row.stored_under}`;
    const store = async (row: Row) => {
      const bytes = Buffer.from(row.value_base64, 'base64');
      await place.redis.set(storedUnder(row), bytes, 'EX', row.ttl_seconds);
      return bytes.toString('latin1');
    };
    const fetch = async (row: Row) =>
      (await place.redis.getBuffer(storedUnder(row)))?.toString('latin1');

    it.each(ours(fixture))('is read: $label', async (row) => {
      const bytes = await store(row);
      const session = createSessions({ backend: open('pickle'), secretKey: SECRET_KEY }).open(
        row.session_key,
      );
      await session.load();
      expect(Object.fromEntries(session.entries())).toEqual(row.data);
      expect(await fetch(row)).toBe(bytes);
    });

    it.each(ours(fixture))('is touched without a change: $label', async (row) => {
      const bytes = await store(row);
      const each = open('pickle');
      const { data = '', base = '' } = (await each.load(row.session_key)) ?? {};
      const expiresAt = new Date(Date.now() + 7_200_000);
      const fields = { key: row.session_key, data, expiresAt, attributes: {} };
      expect(await each.touch(fields, base)).toEqual({ key: row.session_key, base: bytes });
      expect(await fetch(row)).toBe(bytes);
      expect(Math.abs((await place.redis.pttl(storedUnder(row))) - 7_200_000)).toBeLessThan(5000);
    });

    it.each(ours(fixture))('is changed: $label', async (row) => {
      await store(row);
      const session = createSessions({ backend: open('pickle'), secretKey: SECRET_KEY }).open(
        row.session_key,
      );
      await session.load();
      await session.set('more', [1.5]).save();
      expect(JSON.parse(jsonIn(String(await fetch(row))))).toEqual({ ...row.data, more: [1.5] });
    });

    it.each(ours(fixture))(
      'is no session where JSON is expected, and the event says why: $label',
      async (row) => {
        const bytes = await store(row);
        const sessions = createSessions({ backend: open('json'), secretKey: SECRET_KEY });
        const told: unknown[] = [];
        sessions.events.on('rejected', ({ detail }) => told.push(detail));
        const session = sessions.open(row.session_key);
        await session.load();
        expect(session.size).toBe(0);
        expect(told).toEqual(["a pickle, which only cache.serializer: 'pickle' reads"]);
        expect(await fetch(row)).toBe(bytes);
      },
    );
  });
});
