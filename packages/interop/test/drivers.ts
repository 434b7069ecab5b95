import type { Django, DjangoDriver } from '@coatcheck/test-support';
import { describe } from '@jest/globals';

/** Debian's packages of the modules. */
const packages: Readonly<Record<DjangoDriver, string>> = {
  django_redis: 'python3-django-redis',
  redis: 'python3-redis',
  psycopg: 'python3-psycopg',
  psycopg2: 'python3-psycopg2',
  MySQLdb: 'python3-mysqldb',
};

/** The modules of which Django needs one for that kind of server. */
export function serverDrivers(server: string): readonly [DjangoDriver, ...DjangoDriver[]] {
  return server === 'PostgreSQL' ? ['psycopg2', 'psycopg'] : ['MySQLdb'];
}

/**
 * Defines tests that need one of the modules beside Django; skips them, with the reason, where it has none of them.
 *
 * @throws {Error} instead, where `REQUIRE_SERVICES=1`.
 */
export function describeWithDriver(
  title: string,
  django: Django,
  drivers: readonly [DjangoDriver, ...DjangoDriver[]],
  define: () => void,
): void {
  if (drivers.some((driver) => django.has.has(driver))) {
    define();
    return;
  }
  const missing = `Django ${django.version} lacks ${drivers.join(' or ')}; apt-get install ${packages[drivers[0]]}`;
  if (process.env.REQUIRE_SERVICES === '1')
    throw new Error(`REQUIRE_SERVICES is 1, but ${missing}.`);
  process.stderr.write(`Skipped: ${title}: ${missing}.\n`);
  describe.skip(`${title} (${missing})`, define);
}
