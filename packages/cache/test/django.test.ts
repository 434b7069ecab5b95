import { CacheBackend, LruCache, memoryBackend, redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { djangoFixture } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeDjangoSessionTests } from '../../core/test/support/django-session-tests.ts';
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
  describeDjangoSessionTests('the cache engine', ({ now }) => {
    const each = redisBackend({ url: place.url, keyPrefix: place.keyPrefix, now });
    opened.push(each);
    return each;
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

  // The prefix of the tests stands in front of Django's, since the server may be shared.
  const fixtureBackend = ({ key_prefix, version }: Fixture) =>
    redisBackend({ url: place.url, keyPrefix: `${place.keyPrefix}${key_prefix}`, version });

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

  // What is pickled there is another issue's; here only where it is, and that it does no harm.
  describe.each([
    ['with prefix and version', prefixed],
    ['without', pickled],
  ])('the keys that Django makes %s', (_, fixture) => {
    it.each(ours(fixture))('are ours: $label', async (row) => {
      const storedUnder = `${place.keyPrefix}${row.stored_under}`;
      await place.redis.set(storedUnder, Buffer.from(row.value_base64, 'base64'), 'EX', 60);
      const other = fixtureBackend(fixture);
      const found = await other.load(row.session_key);
      expect(Buffer.from(found?.data ?? '', 'latin1').toString('base64')).toBe(row.value_base64);
      const session = createSessions({ backend: other, secretKey: SECRET_KEY }).open(
        row.session_key,
      );
      await session.load();
      expect(session.size).toBe(0);
      await other.close();
    });
  });
});
