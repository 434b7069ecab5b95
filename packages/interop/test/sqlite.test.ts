import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeFlows } from './flows.ts';
import { limitsOf } from './limits.ts';
import { sqlitePlace } from './places.ts';
import { describeZones } from './zones.ts';

describeDjangos({ describe, it }, 'one login on SQLite', (django) => {
  describeZones(django, sqlitePlace, (sites) => describeFlows(sites, limitsOf(django)));
});
