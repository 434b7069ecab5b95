import path from 'node:path';
import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeInFlight } from './in-flight-flows.ts';
import { describeLogins } from './login-flows.ts';
import { describePasswords } from './password-flows.ts';
import { describeSites } from './sites.ts';

describeDjangos({ describe, it }, 'one login on SQLite', (django) => {
  describeSites(
    'with USE_TZ',
    django,
    (directory) => {
      const file = path.join(directory, 'sessions.sqlite3');
      return {
        django: {
          DATABASES: { sessions: { ENGINE: 'django.db.backends.sqlite3', NAME: file } },
        },
        coatcheck: { engine: 'db', db: { url: `sqlite:${file}` } },
      };
    },
    (sites) => {
      describeLogins(sites);
      describePasswords(sites);
      describeInFlight(sites);
    },
  );
});
