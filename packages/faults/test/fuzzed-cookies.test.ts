import {
  Fleet,
  fuzzedCookie,
  holdsOneKey,
  patient,
  places,
  RawClient,
  record,
  scale,
  seed,
} from '@coatcheck/faults';
import { seededRandom } from '@coatcheck/test-support';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const COOKIES = scale(5000, 100_000);
const CONNECTIONS = 20;
const LONG = scale(60_000, 900_000);

/** The same for every place: they take longer to make than to refuse. */
let cookies: readonly Buffer[] = [];
beforeAll(() => {
  const random = seededRandom(seed);
  cookies = Array.from({ length: COOKIES }, () => fuzzedCookie(random));
}, LONG);

type Config = ConstructorParameters<typeof Fleet>[0]['config'];

const title = `${COOKIES} fuzzed cookies (seed ${seed})`;

describePlaces(title, places, (place) => {
  it(
    'are answered below 500, make no record, and reach nothing unless they are well formed',
    () => sendAll(place.name, place.config()),
    LONG,
  );
});

describe(title, () => {
  it(
    'make no record of a cache in the process',
    () => sendAll('lru-cache', { engine: 'cache' }),
    LONG,
  );

  it(
    'make no session of a signed cookie',
    () => sendAll('signed cookies', { engine: 'signed_cookies' }, { mayAskAny: true }),
    LONG,
  );
});

async function sendAll(name: string, config: Config, { mayAskAny = false } = {}): Promise<void> {
  const fleet = new Fleet({ config: patient(config), isQuiet: true }, 1);
  await fleet.start();
  try {
    await sendAllTo(fleet, name, { mayAskAny });
    expect(await fleet.stop()).toEqual([0]);
  } finally {
    await fleet.stop();
  }
}

async function sendAllTo(
  fleet: Fleet,
  name: string,
  { mayAskAny }: { mayAskAny: boolean },
): Promise<void> {
  const { port } = fleet.site(0);
  const statuses: Record<string, number> = {};
  const answers = new Set<string>();
  let sent = 0;
  const work = async (): Promise<void> => {
    const client = new RawClient(port);
    for (;;) {
      const cookie = cookies[sent];
      if (cookie === undefined) break;
      sent += 1;
      const answer = withoutDate(await client.send(cookie));
      const status = answer.slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === '401') answers.add(answer);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));

  const client = new RawClient(port);
  const without = withoutDate(await client.send(undefined));
  client.close();
  const [report] = await fleet.reports();
  const wellFormed = cookies.filter(holdsOneKey).length;
  const { load = 0, ...changes } = report?.calls ?? {};
  record(`fuzzed cookies on ${name}`, { seed, statuses, wellFormed, load, changes });
  // The route knows nobody; Node itself refuses control characters in headers.
  expect(Object.keys(statuses).sort()).toEqual(['400', '401']);
  expect(statuses['401']).toBeGreaterThan(COOKIES / 2);
  // Nothing tells them from no cookie at all.
  expect([...answers]).toEqual([without]);
  expect(changes).toEqual({});
  expect(report?.events.created).toBeUndefined();
  expect(wellFormed).toBeGreaterThan(COOKIES / 100);
  if (!mayAskAny) expect(load).toBeLessThanOrEqual(wellFormed);
  expect(report?.unhandled).toEqual([]);
}

function withoutDate(answer: string): string {
  return answer.replace(/\r\nDate: [^\r]*/, '');
}
