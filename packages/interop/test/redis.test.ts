import { describeDjangos } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { describeWithRedis, type RedisPlace } from '../../cache/test/redis.ts';
import { Browser } from './browser.ts';
import { djangoCache } from './django-cache.ts';
import { describeWithDriver } from './drivers.ts';
import { describeFlows } from './flows.ts';
import { isBefore, limitsOf } from './limits.ts';
import { redisPlace } from './places.ts';
import { bothWays, describeSites, type Sites } from './sites.ts';
import { cartOn } from './visits.ts';

const ownClock = 'Redis ends sessions by its own clock';

describeWithRedis('one login on Redis', (place) => {
  for (const form of ['json', 'pickle'] as const) {
    describeDjangos({ describe, it }, `as ${form}`, (django) => {
      const { drivers } = djangoCache(django, form);
      describeWithDriver(`one login on Redis as ${form}`, django, drivers, () => {
        describeSites(
          'in one cache',
          django,
          () => redisPlace(django, place, form),
          (sites) => {
            describeFlows(sites, { ...limitsOf(django), ownClock });
            describeLifetimes(sites, place);
            if (form === 'pickle' && isBefore(django, 4, 1)) describeObjects(sites);
          },
        );
      });
    });
  }
});

/** What Redis is told of an expiry. */
function describeLifetimes(sites: () => Sites, place: RedisPlace): void {
  it.each(bothWays)(
    'lives as long in Redis, set on %s and written by %s',
    async (first, second) => {
      const browser = new Browser();
      const seconds = async (): Promise<number> =>
        place.redis.ttl(`${place.keyPrefix}:1:django.contrib.sessions.cache${browser.key}`);
      await browser.post(sites()[first], '/cart', { item: 'coat' });
      expect(await seconds()).toBeGreaterThan(1_209_500);
      await browser.post(sites()[first], '/expiry', { seconds: 600 });
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      expect(await seconds()).toBeGreaterThan(500);
      expect(await seconds()).toBeLessThanOrEqual(600);
    },
  );
}

/** What a pickle can hold beside plain values. */
function describeObjects(sites: () => Sites): void {
  it('with an object of Python, such as the date of an expiry, is none on Koa and stays on Django', async () => {
    const browser = new Browser();
    await browser.post(sites().Django, '/cart', { item: 'coat' });
    const date = new Date(Date.now() + 3_600_000).toISOString().replace('Z', '+00:00');
    await browser.post(sites().Django, '/expiry', { date });
    const visitor = browser.copy();
    expect(await cartOn(visitor, sites().Koa)).toEqual([]);
    await visitor.post(sites().Koa, '/cart', { item: 'scarf' });
    expect(visitor.key).not.toBe(browser.key);
    expect(await cartOn(browser, sites().Django)).toEqual(['coat']);
  });
}
