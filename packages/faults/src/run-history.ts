import { type Random, seededRandom } from '@coatcheck/test-support';
import { checkHistory } from './check-history.ts';
import type { Fault } from './faults.ts';
import { Fleet } from './fleet.ts';
import type { Anomaly, Operation } from './history.ts';
import { HistoryClient, MIXED, SharedSessions, type Weights } from './history-client.ts';
import type { Place } from './place.ts';

/** How a history is made. */
export interface HistoryRun {
  readonly place: Place;
  readonly seed: number;
  readonly clients: number;
  readonly processes: number;
  readonly weights?: Weights | undefined;
  /** What goes wrong, in this order over and over, or in a random one. */
  faults(fleet: Fleet, random: Random): readonly Fault[];
  /** Whether it goes on after so many faults and milliseconds. */
  goesOn(faults: number, ms: number): boolean;
  /** Milliseconds that a fault lasts at most, and those between two of them. @default 1000 */
  readonly longestMs?: number | undefined;
}

/** When something was wrong. */
export interface FaultTime {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** What came of it. */
export interface HistoryOutcome {
  readonly anomalies: readonly Anomaly[];
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultTime[];
  /** Requests that hung for half a minute. */
  readonly hanging: number;
  readonly unexpected: readonly string[];
  /** Records that were no session any more: torn, tampered with. */
  readonly damaged: number;
  readonly unhandled: readonly string[];
  readonly leaks: readonly string[];
  readonly exitCodes: readonly (number | null)[];
  /** The slowest answer, in milliseconds. */
  readonly slowestMs: number;
}

/** Lets clients work while faults come and go, and checks what they saw. */
export async function runHistory(run: HistoryRun): Promise<HistoryOutcome> {
  const { place, seed, weights = MIXED, longestMs = 1000 } = run;
  const random = seededRandom(seed);
  const fleet = new Fleet({ config: place.config() }, run.processes);
  await fleet.start();
  const shared = new SharedSessions();
  const clients = Array.from(
    { length: run.clients },
    () => new HistoryClient(fleet, shared, seededRandom(random(2 ** 31)), weights),
  );
  const faults = run.faults(fleet, random);
  const times: FaultTime[] = [];
  let isOver = false;
  const working = clients.map((client) => client.run(() => isOver));
  const began = performance.now();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  // The place has to be made before it is broken: nobody is told of sessions that were never created.
  while (shared.alive.length === 0 && performance.now() - began < 10_000) await pause(5);
  try {
    for (let i = 0; run.goesOn(i, performance.now() - began); i += 1) {
      await pause(random(longestMs / 2));
      const fault = faults[random(faults.length)];
      if (!fault) continue;
      const start = performance.now();
      await fault.begin();
      await pause(random(longestMs));
      await fault.heal();
      times.push({ name: fault.name, start, end: performance.now() });
    }
    await pause(longestMs / 2);
  } finally {
    isOver = true;
    await Promise.all(working);
  }
  const reports = await fleet.reports();
  const exitCodes = await fleet.stop();
  // Nothing of a cache in a process is left, and what is read is what would be read for ever.
  const original = new Fleet({ config: place.originalConfig() }, 1, fleet.watch);
  await original.start();
  await clients[0]?.readAll(original);
  reports.push(...(await original.reports()));
  exitCodes.push(...(await original.stop()));
  return {
    anomalies: checkHistory(shared.operations, { mayBeStale: place.mayBeStale }),
    operations: shared.operations,
    faults: times,
    hanging: shared.hanging,
    unexpected: shared.unexpected,
    damaged: reports.reduce((sum, { events }) => sum + damagedIn(events), 0),
    unhandled: reports.flatMap(({ unhandled, warnings }) => [...unhandled, ...warnings]),
    leaks: fleet.watch.leaks(),
    exitCodes,
    slowestMs: shared.operations.reduce((most, { start, end }) => Math.max(most, end - start), 0),
  };
}

function damagedIn(events: Readonly<Record<string, number>>): number {
  return (events['rejected: corrupt'] ?? 0) + (events['rejected: tampered'] ?? 0);
}
