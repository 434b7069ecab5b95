import { type DjangoDriver, describeDjangos } from '@coatcheck/test-support';
import { describe, it, jest } from '@jest/globals';
import { describeServers, type Place } from '../../db/test/database-servers.ts';
import { describeWithDriver } from './drivers.ts';
import { describeFlows } from './flows.ts';
import { limitsOf } from './limits.ts';
import type { SharedPlace } from './sites.ts';
import { describeZones } from './zones.ts';

// Servers have to be started, and the machine may be busy.
jest.setTimeout(60_000);

const drivers: Readonly<Record<string, readonly [DjangoDriver, ...DjangoDriver[]]>> = {
  PostgreSQL: ['psycopg2', 'psycopg'],
  MariaDB: ['MySQLdb'],
};

describeServers('one login', ({ name, open }) => {
  describeDjangos({ describe, it }, 'one table', (django) => {
    describeWithDriver('one table', django, drivers[name] as ['MySQLdb'], () => {
      describeZones(
        django,
        async () => shared(await open()),
        (sites) => describeFlows(sites, limitsOf(django)),
      );
    });
  });
});

function shared(place: Place): SharedPlace {
  const url = new URL(place.url);
  const search = url.searchParams.get('options');
  const sessions = {
    ENGINE: `django.db.backends.${url.protocol.startsWith('postgres') ? 'postgresql' : 'mysql'}`,
    NAME: url.pathname.slice(1),
    HOST: url.hostname,
    PORT: url.port,
    USER: decodeURIComponent(url.username),
    PASSWORD: decodeURIComponent(url.password),
    OPTIONS: search === null ? { charset: 'utf8mb4' } : { options: search },
  };
  return {
    django: { DATABASES: { sessions } },
    coatcheck: { engine: 'db', db: { url: place.url, timeoutMs: 29_000 } },
    close: () => place.close(),
  };
}
