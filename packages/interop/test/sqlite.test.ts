import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { limitsOf } from './limits.ts';
import { sqlitePlace } from './places.ts';
import { describeFlowsInZones } from './zones.ts';

describeDjangos({ describe, it }, 'one login on SQLite', (django) => {
  describeFlowsInZones(django, sqlitePlace, limitsOf(django));
});
