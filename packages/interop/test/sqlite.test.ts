import path from 'node:path';
import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeFlows } from './flows.ts';
import { limitsOf } from './limits.ts';
import type { SharedPlace } from './sites.ts';
import { describeZones } from './zones.ts';

describeDjangos({ describe, it }, 'one login on SQLite', (django) => {
  describeZones(django, open, (sites) => describeFlows(sites, limitsOf(django)));
});

function open(directory: string): SharedPlace {
  const file = path.join(directory, 'sessions.sqlite3');
  return {
    django: { DATABASES: { sessions: { ENGINE: 'django.db.backends.sqlite3', NAME: file } } },
    coatcheck: { engine: 'db', db: { url: `sqlite:${file}` } },
  };
}
