import { CacheBackend, LruCache, memoryBackend } from '@coatcheck/cache';
import { createSessions, ImproperlyConfigured, SessionTooLarge } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { record, SECRET_KEY } from './sessions.ts';

const later = new Date(Date.now() + 3_600_000);

describe('a cache in this process', () => {
  it('keeps no more entries than it may, and drops those used least recently', () => {
    const cache = new LruCache({ maxEntries: 100 });
    for (let i = 0; i < 1000; i++) {
      cache.add(`key ${i}`, 'text', later);
      cache.get('key 0');
    }
    const kept = Array.from({ length: 1000 }, (_, i) => cache.get(`key ${i}`)).filter(Boolean);
    expect(kept).toHaveLength(100);
    expect(cache.get('key 0')).toBeDefined();
    expect(cache.get('key 1')).toBeUndefined();
    expect(cache.get('key 999')).toBeDefined();
  });

  it('keeps no more bytes than it may', () => {
    const cache = new LruCache({ maxBytes: 1_000_000 });
    for (let i = 0; i < 1000; i++) cache.add(`key ${i}`, 'x'.repeat(10_000), later);
    const kept = Array.from({ length: 1000 }, (_, i) => cache.get(`key ${i}`)).filter(Boolean);
    expect(kept.length).toBeGreaterThan(90);
    expect(kept.length).toBeLessThan(100);
  });

  it('refuses what is larger than all that it may keep, and keeps what it has', async () => {
    const backend = memoryBackend({ maxBytes: 10_000 });
    await backend.create(record('small'));
    const large = record('small', { data: 'x'.repeat(20_000) });
    expect(() => backend.update(large, 'first')).toThrow(SessionTooLarge);
    expect(() => backend.create({ ...large, key: 'large' })).toThrow('cache.maxBytes');
    expect(backend.load('large')).toBeUndefined();
    expect(backend.load(large.key)).toMatchObject({ data: 'first' });
  });

  it('keeps no date that anybody else could change', async () => {
    const cache = new LruCache();
    const expiresAt = new Date(Date.now() + 60_000);
    const end = expiresAt.getTime();
    cache.set('key', 'text', expiresAt);
    expiresAt.setTime(0);
    cache.get('key')?.expiresAt?.setTime(0);
    expect(cache.get('key')?.expiresAt?.getTime()).toBe(end);
  });

  it('keeps texts, not the objects of the application', async () => {
    const sessions = createSessions({
      backend: new CacheBackend(new LruCache()),
      secretKey: SECRET_KEY,
    });
    const cart = { items: ['tea'] };
    const session = sessions.open();
    session.set('cart', cart);
    await session.save();
    cart.items.push('never saved');
    const again = sessions.open(session.sessionKey);
    await again.load();
    expect(again.get('cart')).toEqual({ items: ['tea'] });
  });

  it('drops an expired entry when it is looked at', () => {
    let now = new Date();
    const cache = new LruCache({ now: () => now });
    cache.add('key', 'text', later);
    now = later;
    expect(cache.get('key')).toBeUndefined();
    now = new Date(later.getTime() - 1);
    expect(cache.get('key')).toBeUndefined();
  });

  it('does not clear an entry that was renewed meanwhile', async () => {
    let now = new Date();
    const cache = new LruCache({ now: () => now });
    const keys = ['a', 'b', 'c'];
    for (const key of keys) cache.add(key, 'text', later);
    const end = later;
    now = new Date(later.getTime() - 1);
    const left = () => keys.filter((key) => cache.get(key));
    const cleared = cache.clearExpired({
      expiresAt: end,
      batchSize: 1,
      onProgress: (count) => {
        const [renewed] = left();
        if (count === 1) cache.set(renewed as string, 'text', new Date(later.getTime() + 1000));
      },
    });
    expect(await cleared).toBe(2);
    expect(left()).toHaveLength(1);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses bounds of %p', (bound) => {
    expect(() => memoryBackend({ maxEntries: bound })).toThrow(ImproperlyConfigured);
    expect(() => memoryBackend({ maxBytes: bound })).toThrow('cache.maxBytes');
  });
});
