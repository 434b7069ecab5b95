import { randomBytes } from 'node:crypto';
import { type Answer, Fleet, patient, places, record, type Site, scale } from '@coatcheck/faults';
import { expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const KEYS = scale(500, 10_000);
const CLIENTS = 20;
const LONG = scale(60_000, 900_000);
/** Seconds. */
const AGE = 60;
/** Not a measure of speed: what looks a key up twice, or decodes what has expired, takes longer than this machine's noise. */
const MOST = 2;

const title = `${KEYS} unknown keys among as many that have expired`;

describePlaces(title, places.slice(0, 1), (place) => {
  it(
    'are not told apart by the time that they take',
    () => compare('SQLite', place.config()),
    LONG,
  );
});

it(
  `${title} are not told apart by the time that they take: lru-cache`,
  () => compare('lru-cache', { engine: 'cache' }),
  LONG,
);

async function compare(
  name: string,
  config: ConstructorParameters<typeof Fleet>[0]['config'],
): Promise<void> {
  const settings = { ...patient(config), cookie: { age: AGE } };
  const fleet = new Fleet({ config: settings, isQuiet: true }, 1);
  await fleet.start();
  try {
    const site = fleet.site(0);
    const expired = await createSessions(site);
    site.setClock(AGE * 1000 + 1000);
    await site.report();
    const times: Record<'unknown' | 'expired', number[]> = { unknown: [], expired: [] };
    const answers = new Set<string>();
    // One at a time, by turns, so that whatever else the machine does concerns both.
    for (const [i, key] of expired.entries()) {
      const pair = [['expired', key] as const, ['unknown', unknownKey()] as const];
      for (const [kind, sent] of i % 2 === 0 ? pair : pair.reverse()) {
        const answer = await ask(site, sent);
        times[kind].push(answer.end - answer.start);
        answers.add(`${answer.status} ${answer.cookie} ${answer.body}`);
      }
    }
    const { events } = await site.report();
    const [unknown, gone] = [median(times.unknown), median(times.expired)];
    record(`answer times on ${name}`, { keys: KEYS, unknownMs: unknown, expiredMs: gone, events });
    expect([...answers]).toEqual(['401 undefined UnauthorizedError']);
    expect(Math.max(unknown / gone, gone / unknown)).toBeLessThan(MOST);
  } finally {
    await fleet.stop();
  }
}

async function createSessions(site: Site): Promise<string[]> {
  const keys: string[] = [];
  const create = async (): Promise<void> => {
    while (keys.length < KEYS) {
      const at = keys.push('') - 1;
      keys[at] = String((await ask(site, undefined, '/create?value=m')).cookie);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, create));
  return keys;
}

async function ask(site: Site, key: string | undefined, path = '/read'): Promise<Answer> {
  const answer = await site.request(path, key);
  if (answer.status === undefined) throw new Error(`There was no answer: ${answer.code}.`);
  return answer;
}

function unknownKey(): string {
  return randomBytes(16).toString('hex');
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
