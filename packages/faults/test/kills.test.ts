import {
  CHANGES,
  type Fault,
  type Fleet,
  type HistoryOutcome,
  isFullTier,
  kill,
  killServer,
  type Place,
  places,
  placesWithServers,
  record,
  runHistory,
  scale,
  seed,
  terminate,
} from '@coatcheck/faults';
import type { Random } from '@coatcheck/test-support';
import { expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const LONG = scale(60_000, 900_000);
const WRITERS = 8;

/** Writers at work while the same thing goes wrong again and again. */
async function writeDuring(
  place: Place,
  times: number,
  fault: (fleet: Fleet, random: Random) => Fault,
  longestMs = 200,
): Promise<HistoryOutcome> {
  const outcome = await runHistory({
    ...{ place, seed, clients: WRITERS, processes: 2, weights: CHANGES, longestMs },
    faults: (fleet, random) => [fault(fleet, random)],
    goesOn: (count) => count < times,
  });
  expect(outcome).toMatchObject({
    ...{ anomalies: [], hanging: 0, unexpected: [], damaged: 0, unhandled: [], leaks: [] },
  });
  expect(outcome.faults).toHaveLength(times);
  // A lock that nobody holds any more would be in everybody's way.
  expect(outcome.slowestMs).toBeLessThan(10_000);
  return outcome;
}

function figuresOf({ operations, faults, slowestMs }: HistoryOutcome) {
  const writes = operations.filter(({ kind }) => kind !== 'read');
  const count = (outcome: string) => writes.filter((write) => write.outcome === outcome).length;
  const [acknowledged, unknown, refused] = [count('done'), count('unknown'), count('refused')];
  return { seed, faults: faults.length, acknowledged, unknown, refused, slowestMs };
}

describePlaces('eight writers', places, (place) => {
  const kills = scale(2, 200);
  it(
    `lose nothing that was acknowledged to ${kills} kill(s) of the application (seed ${seed})`,
    async () => {
      const outcome = await writeDuring(place, kills, kill);
      record(`kills of the application on ${place.name}`, figuresOf(outcome));
      expect(figuresOf(outcome).acknowledged).toBeGreaterThan(kills);
    },
    LONG,
  );
});

// How a process ends has little to do with the place.
describePlaces('eight writers', isFullTier ? places : places.slice(0, 1), (place) => {
  const shutdowns = scale(1, 20);
  it(
    `lose nothing that was acknowledged to ${shutdowns} orderly end(s) of it (seed ${seed})`,
    async () => {
      const ends: { exitCode: number | null; ms: number }[] = [];
      const outcome = await writeDuring(place, shutdowns, (fleet, random) =>
        terminate(fleet, random, (exitCode, ms) => ends.push({ exitCode, ms })),
      );
      const slowestEndMs = Math.max(...ends.map(({ ms }) => ms));
      record(`orderly ends on ${place.name}`, { ...figuresOf(outcome), slowestEndMs });
      expect(ends.map(({ exitCode }) => exitCode)).toEqual(Array(shutdowns).fill(0));
      expect(slowestEndMs).toBeLessThan(6000);
    },
    LONG,
  );
});

// In the quick tier the tests of outages kill the other servers.
describePlaces('eight writers', isFullTier ? placesWithServers : places.slice(3, 4), (place) => {
  const kills = scale(1, 5);
  it(
    `lose nothing that was acknowledged to ${kills} kill(s) of the server (seed ${seed})`,
    async () => {
      const outcome = await writeDuring(place, kills, () => killServer(place), scale(200, 10_000));
      record(`kills of the server on ${place.name}`, figuresOf(outcome));
      expect(figuresOf(outcome).acknowledged).toBeGreaterThan(kills);
    },
    LONG,
  );
});
