import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeFlows } from './flows.ts';
import { limitsOf } from './limits.ts';
import { describeZones } from './zones.ts';

const revokesNothing = 'signed cookies cannot be revoked';
const djangoForgets = 'signed cookies: Django enforces the age of the settings alone';

describeDjangos({ describe, it }, 'one login in signed cookies', (django) => {
  const limits = {
    ...limitsOf(django),
    revokesNothing,
    djangoForgetsSeconds: djangoForgets,
    djangoForgetsDates: djangoForgets,
  };
  describeZones(
    django,
    () => place,
    (sites) => describeFlows(sites, limits),
  );
});

const place = {
  django: { SESSION_ENGINE: 'django.contrib.sessions.backends.signed_cookies' },
  coatcheck: { engine: 'signed_cookies' },
};
