import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeFlows } from './flows.ts';
import { isBefore, type Limits, limitsOf } from './limits.ts';
import { filePlace } from './places.ts';
import { describeZones } from './zones.ts';

const djangoForgetsSeconds = 'files: Django ends only what has a date';

describeDjangos({ describe, it }, 'one login in files', (django) => {
  const limits: Limits = { ...limitsOf(django), djangoForgetsSeconds };
  const dates = isBefore(django, 4, 1) ? { djangoForgetsDates: djangoForgetsSeconds } : {};
  describeZones(django, filePlace, (sites) => describeFlows(sites, { ...limits, ...dates }));
});
