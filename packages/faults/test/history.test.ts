import {
  fullSeconds,
  isFullTier,
  keep,
  placeFaults,
  places,
  record,
  runHistory,
  scale,
  seed,
  siteFaults,
} from '@coatcheck/faults';
import { expect, it } from '@jest/globals';
import { describePlaces } from './describe-places.ts';

const seconds = scale(3, fullSeconds);

describePlaces('a history under random faults', places, (place) => {
  it(
    `has no anomaly (seed ${seed})`,
    async () => {
      const outcome = await runHistory({
        ...{ place, seed, clients: scale(6, 16), processes: scale(2, 4) },
        faults: (fleet, random) => [...siteFaults(fleet, random), ...placeFaults(place, random)],
        goesOn: (_, ms) => ms < seconds * 1000,
        longestMs: isFullTier ? 2000 : 600,
      });
      const { operations, faults, ...rest } = outcome;
      const count = (kind: string, result = 'done') =>
        operations.filter((each) => each.kind === kind && each.outcome === result).length;
      const kinds = ['create', 'read', 'set', 'count', 'cycle', 'end'];
      const done = Object.fromEntries(kinds.map((kind) => [kind, count(kind)]));
      const unknown = operations.filter((each) => each.outcome === 'unknown').length;
      record(`history on ${place.name}`, {
        seed,
        seconds,
        done,
        unknown,
        faults: faults.length,
        ...rest,
      });
      const concerned = new Set(
        rest.anomalies.flatMap((each) => each.operations.map(({ session }) => session)),
      );
      if (concerned.size > 0) {
        const theirs = operations.filter(({ session }) => concerned.has(session));
        keep(`anomalies on ${place.name}`, { seed, faults, theirs, ...rest });
      }
      expect(rest).toMatchObject({
        ...{ anomalies: [], hanging: 0, unexpected: [], damaged: 0, unhandled: [], leaks: [] },
      });
      // It was about something; a few seconds of a busy machine may have no room for everything.
      expect(faults.length).toBeGreaterThan(0);
      const needed = isFullTier ? kinds : ['create', 'read', 'set'];
      for (const kind of needed) expect([kind, done[kind] ?? 0]).not.toEqual([kind, 0]);
    },
    (seconds + 120) * 1000,
  );
});
