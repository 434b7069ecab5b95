import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { isBefore, type Limits, limitsOf } from './limits.ts';
import { filePlace } from './places.ts';
import { describeFlowsInZones } from './zones.ts';

const djangoForgetsSeconds = 'files: Django ends only what has a date';

describeDjangos({ describe, it }, 'one login in files', (django) => {
  const limits: Limits = { ...limitsOf(django), djangoForgetsSeconds };
  const dates = isBefore(django, 4, 1) ? { djangoForgetsDates: djangoForgetsSeconds } : {};
  describeFlowsInZones(django, filePlace, { ...limits, ...dates });
});
