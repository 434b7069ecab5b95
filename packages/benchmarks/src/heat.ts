import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Contender } from './contender.ts';
import { Load, type NextVisit, type Served } from './load.ts';
import type { Running, Usage } from './running.ts';
import { create, last, type Scenario } from './scenarios.ts';
import { isSteady } from './statistics.ts';
import { Visitor } from './visitor.ts';

/** How long and how often is measured. */
export interface Effort {
  readonly rounds: number;
  /**
   * Servers for each contender that a budget compares: what V8 makes of the same program differs from process to process
   * by as much as budgets leave. @default 1
   */
  readonly processes?: number | undefined;
  /** How long a contender is measured at a stretch: the shorter, the closer together in time is what is compared. */
  readonly sliceMs: number;
  /** The compiler of V8 is done after some thousands of requests, whatever the time they take. */
  readonly warmUpRequests: number;
  /** Slow contenders get no more than this, and as much again until a request no longer gets cheaper. */
  readonly warmUpMs: number;
  readonly connections: number;
  readonly visitorsPerConnection: number;
}

/** Stretches of the warm-up in which it is looked whether requests still get cheaper, at most. */
const WARM_UP_STRETCHES = 10;

/** Where CPU time is told in steps, rounds are added up until they have so many. */
const LEAST_STEPS = 20;

/** What one contender did in one round, or in several. */
export interface Slice {
  readonly requests: number;
  readonly cpuMicros: number;
  readonly seconds: number;
}

/** What one contender did in a heat. */
export interface Track {
  readonly contender: Contender;
  /** One per round, process by process; fewer where its CPU time is told in steps. */
  readonly rounds: readonly Slice[];
  readonly latencies: RecordableHistogram;
  /** When the last round was over. */
  readonly usage: Usage;
}

/**
 * Runs contenders of one place against each other in one scenario. All are started for it, checked and warmed up; then
 * they take turns, so that what happens to the machine happens to all of them. Those that are compared most closely,
 * bare Koa, the limit and Coatcheck, run at the beginning of a round and, in reverse order, at its end.
 *
 * @throws {Error} when a contender does not do what the scenario says.
 */
export async function runHeat(
  contenders: readonly Contender[],
  scenario: Scenario,
  effort: Effort,
  start: (contender: Contender) => Promise<Running>,
): Promise<Track[]> {
  const entrants: Entrant[] = [];
  try {
    for (let process = 0; process < (effort.processes ?? 1); process++) {
      for (const contender of contenders) {
        if (process > 0 && !isClose(contender)) continue;
        const entrant = new Entrant(await start(contender), scenario, effort);
        entrants.push(entrant);
        await entrant.prepare();
      }
    }
    const closest = entrants.filter(({ contender }) => isClose(contender));
    const others = entrants.filter(({ contender }) => !isClose(contender));
    const order = [...closest, ...others, ...closest.toReversed()];
    for (let round = 0; round < effort.rounds; round++) {
      for (const entrant of order) await entrant.measure(round);
    }
    const tracks = await Promise.all(entrants.map((entrant) => entrant.finish()));
    return contenders.map((contender) =>
      joined(tracks.filter((track) => track.contender.name === contender.name)),
    );
  } finally {
    await Promise.all(entrants.map((entrant) => entrant.stop()));
  }
}

/** Whether a budget compares it. */
function isClose({ role, framework }: Contender): boolean {
  return role !== 'peer' && framework === 'koa';
}

/** The tracks of one contender's processes as one. */
function joined(tracks: readonly Track[]): Track {
  const [first, ...others] = tracks;
  if (!first) throw new Error('A contender has run in no process.');
  for (const { latencies } of others) first.latencies.add(latencies);
  return { ...first, rounds: tracks.flatMap(({ rounds }) => rounds) };
}

class Entrant {
  readonly contender: Contender;
  readonly #running: Running;
  readonly #scenario: Scenario;
  readonly #effort: Effort;
  readonly #load: Load;
  readonly #visitors: readonly (readonly Visitor[])[];
  readonly #turns: number[];
  /** So many rounds are added up. */
  readonly #together: number;
  readonly #rounds: Slice[] = [];
  readonly #latencies = createHistogram();

  constructor(running: Running, scenario: Scenario, effort: Effort) {
    this.contender = running.contender;
    this.#running = running;
    this.#scenario = scenario;
    this.#effort = effort;
    const { connections, visitorsPerConnection: each } = effort;
    this.#load = new Load(running.port, connections, running.contender.role !== 'bare');
    this.#visitors = Array.from({ length: connections }, (_, connection) =>
      Array.from({ length: each }, (_, i) => new Visitor(connection * each + i)),
    );
    this.#turns = new Array(connections).fill(0);
    const stepMs = (running.cpuStepMicros ?? 0) / 1000;
    this.#together = Math.max(1, Math.ceil((LEAST_STEPS * stepMs) / effort.sliceMs));
  }

  /** Gives every visitor a session, checks that it is one, and lets the server get up to speed. */
  async prepare(): Promise<void> {
    const { cookies } = this.#running;
    if (!cookies) await this.#once((visitor) => create(visitor, this.#scenario.bytes));
    else for (const visitor of this.#visitors.flat()) visitor.keep(cookies[visitor.id] ?? '');
    await this.#check();
    const { warmUpMs, warmUpRequests } = this.#effort;
    await this.#run(this.#during(warmUpMs, warmUpRequests));
    await this.#warmUp(warmUpMs / WARM_UP_STRETCHES);
  }

  /** Measured: V8 makes a request of Express cheaper for 20,000 of them, from 600 µs to 150, and one of Koa for 3,000. */
  async #warmUp(ms: number): Promise<void> {
    const costs: number[] = [];
    while (costs.length < WARM_UP_STRETCHES && !isSteady(costs)) {
      const { cpuMicros, requests } = await this.#measured(ms);
      costs.push(cpuMicros / requests);
    }
  }

  async measure(round: number): Promise<void> {
    const { requests, cpuMicros, seconds } = await this.#measured(
      this.#effort.sliceMs,
      this.#latencies,
    );
    const at = Math.floor(round / this.#together);
    const earlier = this.#rounds[at] ?? { requests: 0, cpuMicros: 0, seconds: 0 };
    this.#rounds[at] = {
      requests: earlier.requests + requests,
      cpuMicros: earlier.cpuMicros + cpuMicros,
      seconds: earlier.seconds + seconds,
    };
  }

  /** @param latencies gets those of the requests. */
  async #measured(ms: number, latencies?: RecordableHistogram): Promise<Slice> {
    const before = await this.#running.usage();
    const served = await this.#run(this.#during(ms));
    const after = await this.#running.usage();
    latencies?.add(served.latencies);
    const { requests, seconds } = served;
    return { requests, seconds, cpuMicros: after.cpuMicros - before.cpuMicros };
  }

  async finish(): Promise<Track> {
    const usage = await this.#running.usage();
    await this.#check();
    const { contender } = this;
    return { contender, rounds: this.#rounds, latencies: this.#latencies, usage };
  }

  async stop(): Promise<void> {
    await this.#load.close();
    await this.#running.stop();
  }

  /** Everybody's session has what was written last, and who has no cookie has none. */
  async #check(): Promise<void> {
    if (this.contender.role === 'bare') return;
    await this.#once(last);
    const stranger = new Visitor(0);
    const unknown = { path: '/read/0', visitor: stranger, body: 'undefined', sendsCookie: false };
    let asked = false;
    await this.#run(() => {
      if (asked) return undefined;
      asked = true;
      return unknown;
    });
  }

  /** One visit of every visitor. */
  async #once(visit: (visitor: Visitor) => ReturnType<Scenario['visit']>): Promise<void> {
    const left = this.#visitors.map((visitors) => [...visitors]);
    await this.#run((connection) => {
      const visitor = left[connection]?.pop();
      return visitor && visit(visitor);
    });
  }

  async #run(next: NextVisit): Promise<Served> {
    try {
      return await this.#load.run(next);
    } catch (error) {
      const { message } = error as Error;
      const printed = this.#running.printed().trim();
      throw new Error(`${this.contender.name}: ${message}${printed && ` It printed: ${printed}`}`);
    }
  }

  /** The scenario's visits for so long, or until there were so many. */
  #during(ms: number, most = Number.POSITIVE_INFINITY): NextVisit {
    const end = performance.now() + ms;
    let left = most;
    return (connection) => {
      if (left-- <= 0 || performance.now() > end) return undefined;
      const turn = (this.#turns[connection] ?? 0) + 1;
      this.#turns[connection] = turn;
      const visitors = this.#visitors[connection] as readonly Visitor[];
      return this.#scenario.visit(visitors[turn % visitors.length] as Visitor, turn);
    };
  }
}
