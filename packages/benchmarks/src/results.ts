import type { Contender, Framework, Role } from './contender.ts';
import type { Track } from './heat.ts';
import type { Machine } from './machine.ts';
import type { Place } from './places.ts';
import type { ScenarioName } from './scenarios.ts';
import { type Summary, summarize } from './statistics.ts';

/** A contender in a scenario of a place. */
export interface Cell {
  readonly place: Place;
  readonly scenario: ScenarioName;
  readonly contender: string;
  readonly role: Role;
  readonly framework: Framework;
  /** Of all rounds. */
  readonly requests: number;
  /** Microseconds of server CPU per request, user and system. */
  readonly cpu: Summary;
  /** The same less what the framework takes without sessions, in the same round. */
  readonly added: Summary;
  /** What each of ours adds, by name, in the heat of a peer: the median of its rounds. */
  readonly oursAdd?: Readonly<Record<string, number>>;
  /** CPU per request as a multiple of bare Koa's in the same round. */
  readonly timesBareKoa: Summary;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
  readonly rssBytes: number;
  readonly heapBytes?: number;
}

/** A run of the benchmarks. */
export interface Results {
  readonly machine: Machine;
  /** Why places or contenders are missing, a sentence each. */
  readonly skipped: readonly string[];
  /** Heats that have no figures since an answer was wrong, or none came. */
  readonly invalid: readonly string[];
  readonly cells: readonly Cell[];
}

/** What a heat says. Bare contenders have cells too: theirs add nothing. */
export function cellsOf(place: Place, scenario: ScenarioName, tracks: readonly Track[]): Cell[] {
  const bareOf = (framework: Framework): number[] => {
    const bare = tracks.find(
      ({ contender }) => contender.role === 'bare' && contender.framework === framework,
    );
    if (!bare) throw new Error(`There is no bare contender for ${framework}.`);
    return cpuOf(bare);
  };
  const koa = bareOf('koa');
  const addedBy = ({ framework }: Contender, cpu: readonly number[]): Summary => {
    const bare = pairedWith(cpu, bareOf(framework));
    return summarize(cpu.map((micros, round) => micros - (bare[round] as number)));
  };
  const ours = tracks.filter(({ contender }) => contender.role === 'ours');
  const oursAdd = Object.fromEntries(
    ours.map((track) => [track.contender.name, addedBy(track.contender, cpuOf(track)).median]),
  );
  return tracks.map((track) => {
    const { contender, rounds, latencies, usage } = track;
    const { name, role, framework } = contender;
    const cpu = cpuOf(track);
    const requests = sum(rounds.map((round) => round.requests));
    return {
      ...{ place, scenario, contender: name, role, framework, requests },
      cpu: summarize(cpu),
      added: addedBy(contender, cpu),
      ...(role === 'peer' && { oursAdd }),
      timesBareKoa: summarize(ratios(cpu, pairedWith(cpu, koa))),
      p50Ms: latencies.percentile(50) / 1e6,
      p99Ms: latencies.percentile(99) / 1e6,
      requestsPerSecond: requests / sum(rounds.map((round) => round.seconds)),
      rssBytes: usage.rssBytes,
      ...(usage.heapBytes !== undefined && { heapBytes: usage.heapBytes }),
    };
  });
}

/** Microseconds of server CPU per request, round by round. */
function cpuOf({ rounds }: Track): number[] {
  return rounds.map(({ cpuMicros, requests }) => cpuMicros / requests);
}

/**
 * What a bare contender took in the rounds of another one: in those of the process that was started with it, or of all
 * its processes where the other one has a single one.
 */
function pairedWith(cpu: readonly number[], bare: readonly number[]): number[] {
  return cpu.map((_, round) => {
    const same = bare.filter((__, i) => i % cpu.length === round);
    return sum(same) / same.length;
  });
}

function ratios(values: readonly number[], others: readonly number[]): number[] {
  return values.map((value, i) => value / (others[i] as number));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
