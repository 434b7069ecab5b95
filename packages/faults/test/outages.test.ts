import {
  Fleet,
  isFullTier,
  measureOutage,
  type Outage,
  type OutageFigures,
  type Place,
  placesWithServers,
  record,
  scale,
} from '@coatcheck/faults';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

/** Milliseconds of DESIGN's T6. A machine that has other things to do may take five times as long. */
const PROMISED = { slowestMs: 1250, settledMs: 50, recoveryMs: 2000, plainMs: 250 } as const;
const SLACK = 5;

const LASTS_MS = scale(2000, 5000);

/** In which ways a server does not answer. */
function outagesOf(place: Place): Outage[] {
  const { server, proxy } = place;
  if (!server || !proxy) throw new Error('There is nothing to break.');
  const outages: Outage[] = [
    { name: 'is stopped', begin: () => server.pause(), end: () => server.resume() },
    { name: 'is killed and started again', begin: () => server.kill(), end: () => server.start() },
    {
      name: 'gets no packets any more',
      begin: async () => {
        proxy.requests.mode = 'drop';
        proxy.answers.mode = 'drop';
      },
      end: () => proxy.heal(),
    },
  ];
  const { hang } = server;
  if (!hang) return outages;
  let over = Promise.resolve();
  const paused: Outage = {
    name: 'is told to pause its clients',
    begin: async () => {
      await hang(LASTS_MS);
      over = new Promise((resolve) => setTimeout(resolve, LASTS_MS));
    },
    end: () => over,
  };
  return [paused, ...outages];
}

describePlaces('an outage', placesWithServers, (place) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = new Fleet({ config: place.config() }, 1);
    await fleet.start();
  }, 60_000);
  afterAll(async () => void (await fleet.stop()));

  const titles = ['is stopped', 'is killed and started again', 'gets no packets any more'];
  if (place.name.includes('Redis')) titles.unshift('is told to pause its clients');
  // A cache is not missed, whatever becomes of it: its own package tries the rest for every commit.
  if (place.mayBeStale && !isFullTier) titles.splice(1);

  it.each(titles)(
    'of a server that %s is answered 503 in time, logs nobody out, and is over soon',
    async (title) => {
      const outage = outagesOf(place).find(({ name }) => name === title) as Outage;
      const figures = await measureOutage(fleet.site(0), outage, LASTS_MS);
      const [report] = await fleet.reports();
      record(`outage of ${place.name} that ${title}`, { ...figures, ...report });

      expect(figures.wrong).toEqual([]);
      expect(report?.unhandled).toEqual([]);
      expect(fleet.watch.leaks()).toEqual([]);
      expectInTime(figures);
      if (place.mayBeStale) expect(Object.keys(figures.statuses)).toEqual(['200']);
      else {
        expect(figures.statuses).toMatchObject({ 503: expect.any(Number) });
        // The breaker spares everybody the wait.
        expect(report?.events).toMatchObject({ breakerOpened: expect.any(Number) });
        expect(figures.settledMs).toBeLessThan(SLACK * PROMISED.settledMs);
      }
    },
    60_000,
  );
});

function expectInTime({ slowestMs, recoveryMs, plainMs, untouchedMs }: OutageFigures): void {
  expect(slowestMs).toBeLessThan(SLACK * PROMISED.slowestMs);
  expect(recoveryMs).toBeLessThan(SLACK * PROMISED.recoveryMs);
  expect(plainMs).toBeLessThan(SLACK * PROMISED.plainMs);
  expect(untouchedMs).toBeLessThan(SLACK * PROMISED.slowestMs);
}
