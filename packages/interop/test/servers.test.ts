import { describeDjangos } from '@coatcheck/test-support';
import { describe, it, jest } from '@jest/globals';
import { describeServers } from '../../db/test/database-servers.ts';
import { describeWithDriver, serverDrivers } from './drivers.ts';
import { limitsOf } from './limits.ts';
import { serverPlace } from './places.ts';
import { describeFlowsInZones } from './zones.ts';

// Servers have to be started, and the machine may be busy.
jest.setTimeout(60_000);

describeServers('one login', ({ name, open }) => {
  describeDjangos({ describe, it }, 'one table', (django) => {
    describeWithDriver('one table', django, serverDrivers(name), () => {
      describeFlowsInZones(django, async () => serverPlace(await open()), limitsOf(django));
    });
  });
});
