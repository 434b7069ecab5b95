import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { djangoCache } from './django-cache.ts';
import { describeWithDriver } from './drivers.ts';
import { limitsOf } from './limits.ts';
import { cachedDbPlace } from './places.ts';
import { describeFlowsInZones } from './zones.ts';

const title = "one login in Django's cached_db, of which Koa has the database";

describeWithRedis(title, (place) => {
  describeDjangos({ describe, it }, 'with a cache on Redis', (django) => {
    const { drivers } = djangoCache(django, 'pickle');
    describeWithDriver(title, django, drivers, () => {
      describeFlowsInZones(
        django,
        (directory) => cachedDbPlace(django, place, directory),
        limitsOf(django),
      );
    });
  });
});
