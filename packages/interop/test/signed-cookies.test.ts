import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { limitsOf } from './limits.ts';
import { cookiePlace } from './places.ts';
import { describeFlowsInZones } from './zones.ts';

const revokesNothing = 'signed cookies cannot be revoked';
const djangoForgets = 'signed cookies: Django enforces the age of the settings alone';

describeDjangos({ describe, it }, 'one login in signed cookies', (django) => {
  const limits = {
    ...limitsOf(django),
    revokesNothing,
    djangoForgetsSeconds: djangoForgets,
    djangoForgetsDates: djangoForgets,
  };
  describeFlowsInZones(django, cookiePlace, limits);
});
