import { type CacheBackend, redisBackend } from '@coatcheck/cache';
import {
  createSessions,
  SessionInterrupted,
  type Sessions,
  SessionTooLarge,
} from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jsonIn, pickleWith } from './pickle/pickles.ts';
import { describeWithRedis } from './redis.ts';
import { SECRET_KEY } from './sessions.ts';

type Entries = Record<string, unknown>;

describeWithRedis('pickled sessions', (place) => {
  let backend: CacheBackend;
  let sessions: Sessions<Entries>;
  let told: unknown[];

  beforeEach(() => {
    backend = redisBackend({ url: place.url, keyPrefix: place.keyPrefix, serializer: 'pickle' });
    sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY });
    told = [];
    sessions.events.on('rejected', ({ reason, detail }) => told.push([reason, detail]));
  });
  afterEach(() => sessions.close());

  const redisKey = (key: string | null) =>
    `${place.keyPrefix}:1:django.contrib.sessions.cache${key}`;
  const stored = async (key: string | null) =>
    (await place.redis.getBuffer(redisKey(key)))?.toString('latin1');
  const key = 'a'.repeat(32);
  /** What Django would have stored. */
  const store = (pickle: string) =>
    place.redis.set(redisKey(key), Buffer.from(pickle, 'latin1'), 'EX', 3600);

  async function open(sessionKey: string | null = key) {
    const session = sessions.open(sessionKey ?? '');
    await session.load();
    return session;
  }

  // A cart of Django's: {7: ('mug', 1.0)}, with its key and its tuple.
  const cart = '}(K\x07\x8c\x03mugG\x3f\xf0\0\0\0\0\0\0\x86u';
  const cartWritten = '}(J\x07\0\0\0(X\x03\0\0\0mugG\x3f\xf0\0\0\0\0\0\0tu';

  it('have the bytes that Django reads', async () => {
    const session = sessions.open();
    await session.set('a', 1).save();
    expect(await stored(session.sessionKey)).toBe('\x80\x02}(X\x01\0\0\0aJ\x01\0\0\0u.');
  });

  it('keep Python’s types in what was not changed', async () => {
    await store(pickleWith(cart));
    const session = await open();
    expect(session.get('v')).toEqual({ 7: ['mug', 1] });
    await session.set('b', true).save();
    expect(await stored(key)).toBe(`\x80\x02}(X\x01\0\0\0v${cartWritten}X\x01\0\0\0b\x88u.`);
    await session.set('b', false).save();
    expect(await stored(key)).toBe(`\x80\x02}(X\x01\0\0\0v${cartWritten}X\x01\0\0\0b\x89u.`);
  });

  it.each(['cycleKey', 'create'] as const)('keep them under the new key of %s', async (method) => {
    await store(pickleWith(cart));
    const session = await open();
    session.set('b', true);
    await session[method]();
    expect(session.sessionKey).not.toBe(key);
    expect(await stored(session.sessionKey)).toBe(
      `\x80\x02}(X\x01\0\0\0v${cartWritten}X\x01\0\0\0b\x88u.`,
    );
  });

  it('keep those of others’ changes that a new key gets', async () => {
    await store('}.');
    const session = await open();
    // Django writes between our read and the end of the rotation.
    await store(pickleWith(cart));
    await session.set('b', true).cycleKey();
    expect(await stored(session.sessionKey)).toBe(
      `\x80\x02}(X\x01\0\0\0v${cartWritten}X\x01\0\0\0b\x88u.`,
    );
  });

  it('merge what several wrote', async () => {
    await store(pickleWith(cart));
    const several = await Promise.all(Array.from({ length: 10 }, () => open()));
    await Promise.all(several.map((session, i) => session.set(`k${i}`, i).save()));
    expect(JSON.parse(jsonIn(String(await stored(key))))).toEqual({
      v: { 7: ['mug', 1] },
      ...Object.fromEntries(several.map((_, i) => [`k${i}`, i])),
    });
  });

  it('leave a marker behind that Django reads as an anonymous session', async () => {
    await store(pickleWith(cart));
    await (await open()).cycleKey();
    const marker = jsonIn(String(await stored(key)));
    expect(Object.keys(JSON.parse(marker))).toEqual(['_session_rotated']);
  });

  it('may have been JSON before, and live on', async () => {
    const other = redisBackend({ url: place.url, keyPrefix: place.keyPrefix });
    const before = createSessions<Entries>({ backend: other, secretKey: SECRET_KEY }).open();
    await before.set('a', [1]).save();
    await other.close();
    const session = await open(before.sessionKey);
    expect(session.get('a')).toEqual([1]);
    await session.set('b', 2).save();
    expect(jsonIn(String(await stored(before.sessionKey)))).toBe('{"a":[1],"b":2}');
    expect(await stored(before.sessionKey)).toMatch(/^\x80/);
  });

  it('are too large before they could not be read again', async () => {
    const large = createSessions<Entries>({
      backend,
      secretKey: SECRET_KEY,
      maxDataBytes: 9_000_000,
    });
    const session = large.open();
    session.set('a', 'a'.repeat(1024 * 1024));
    await expect(session.save()).rejects.toThrow(SessionTooLarge);
  });

  describe('that need code', () => {
    const needing = pickleWith(
      '\x8c\x08datetime\x8c\x08datetime\x93C\x0a\x07\xee\x01\x02\x03\x04\x05\0\0\0\x85R',
    );
    const because = ['corrupt', 'a pickle that needs datetime.datetime'];

    it('are empty, and the event says what they need', async () => {
      await store(needing);
      const session = await open();
      expect(session.size).toBe(0);
      expect(session.sessionKey).toBeNull();
      expect(told).toEqual([because]);
    });

    it('are left as they are by a write, which gets another key', async () => {
      await store(needing);
      const session = await open();
      await session.set('a', 1).save();
      expect(session.sessionKey).not.toBe(key);
      expect(await stored(key)).toBe(needing);
    });

    it('interrupt a write that meets one, and stay', async () => {
      await store('}.');
      const session = await open();
      await store(needing);
      await expect(session.set('a', 1).save()).rejects.toThrow(SessionInterrupted);
      expect(await stored(key)).toBe(needing);
      expect(told).toEqual([because]);
    });

    it('interrupt a rotation that meets one, and leave no other session behind', async () => {
      const keys = () => place.redis.keys(`${place.keyPrefix}*`);
      await store('}.');
      const before = await keys();
      const session = await open();
      await store(needing);
      await expect(session.cycleKey()).rejects.toThrow(SessionInterrupted);
      expect(await stored(key)).toBe(needing);
      expect((await keys()).sort()).toEqual(before.sort());
    });

    it('are not renewed', async () => {
      await store('}.');
      const { base = '' } = (await backend.load(key)) ?? {};
      await store(needing);
      const fields = { key, data: '{}', expiresAt: new Date(Date.now() + 9e6), attributes: {} };
      expect(await backend.touch(fields, base)).toBeUndefined();
      expect(await stored(key)).toBe(needing);
    });

    it('end by a logout that had read the session before', async () => {
      await store('}.');
      const session = await open();
      await store(needing);
      await session.flush();
      expect(await stored(key)).toBeUndefined();
    });

    it('end by their key', async () => {
      await store(needing);
      expect(await sessions.delete(key)).toBe(true);
      expect(await stored(key)).toBeUndefined();
    });
  });

  it.each([
    ['12', 'a number'],
    [']. ', 'a damaged pickle'],
    ['].', 'a pickle of something other than a dict'],
    ['x\x9c\xab\xae\x05\0\x01\x75\0\xf9', 'compressed data'],
  ])('are none: %j', async (bytes, detail) => {
    await store(bytes);
    expect((await open()).size).toBe(0);
    expect(told).toEqual([['corrupt', detail]]);
    expect(await backend.load(key)).toMatchObject({ base: bytes, refused: detail });
  });
});
