import { describeDjangos } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { describeWithRedis, type RedisPlace } from '../../cache/test/redis.ts';
import { Browser } from './browser.ts';
import { djangoCache } from './django-cache.ts';
import { describeWithDriver } from './drivers.ts';
import { describeFlows } from './flows.ts';
import { limitsOf } from './limits.ts';
import { redisPlace } from './places.ts';
import { bothWays, describeSites, type Sites } from './sites.ts';

const ownClock = 'Redis ends sessions by its own clock';

describeWithRedis('one login on Redis', (place) => {
  describeDjangos({ describe, it }, 'as JSON', (django) => {
    const cache = djangoCache(django, 'json');
    describeWithDriver('one login on Redis as JSON', django, cache.drivers, () => {
      describeSites(
        'in one cache',
        django,
        () => redisPlace(django, place),
        (sites) => {
          describeFlows(sites, { ...limitsOf(django), ownClock });
          describeLifetimes(sites, place);
        },
      );
    });
  });
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
