import type { Contender, NodeContender } from '../contender.ts';
import { type Effort, runHeat } from '../heat.ts';
import { type Place, Premises } from '../places.ts';
import { cellsOf } from '../results.ts';
import { startContender } from '../running.ts';
import { type ScenarioName, scenarios } from '../scenarios.ts';
import type { Summary } from '../statistics.ts';

/** Where sessions are many. */
export const growingPlaces: readonly Place[] = ['memory', 'redis', 'sqlite'];

const MEASURED: readonly ScenarioName[] = ['read', 'write'];

/** What a scenario costs while so many sessions are stored. */
export interface Grown {
  readonly place: Place;
  readonly scenario: ScenarioName;
  readonly stored: number;
  /** Microseconds of server CPU per request. */
  readonly cpu: Summary;
  /** The same less what bare Koa takes. */
  readonly added: Summary;
}

/**
 * Measures reads and writes of visitors whose sessions are among more and more others: servers for each number of
 * sessions, all of them at the same time and in turns, since machines change more from minute to minute than costs do.
 */
export async function grow(
  bare: Contender,
  ours: NodeContender,
  { stored: counts, effort }: { readonly stored: readonly number[]; readonly effort: Effort },
  say: (line: string) => void,
): Promise<Grown[]> {
  const place = ours.place as Place;
  const visitors = effort.connections * effort.visitorsPerConnection;
  const variants = counts.map((count) => ({ ...ours, name: nameOf(ours, count) }));
  const grown: Grown[] = [];
  for (const scenario of scenarios.filter(({ name }) => MEASURED.includes(name))) {
    const used: Premises[] = [];
    try {
      const tracks = await runHeat([bare, ...variants], scenario, effort, async (contender) => {
        // One for each server: they would share a Redis.
        const premises = new Premises();
        used.push(premises);
        const at = await premises.corner(place);
        const sessions = counts[variants.indexOf(contender as NodeContender)];
        if (sessions === undefined) return startContender(contender, at);
        const stored = { sessions, visitors };
        return {
          ...(await startContender(ours, { ...at, sessions: 2 * sessions, stored })),
          contender,
        };
      });
      const cells = cellsOf(place, scenario.name, tracks);
      for (const stored of counts) {
        const cell = cells.find(({ contender }) => contender === nameOf(ours, stored));
        if (!cell) throw new Error(`${place} with ${stored} sessions was not measured.`);
        const { cpu, added } = cell;
        grown.push({ place, scenario: scenario.name, stored, cpu, added });
        say(`${place}, ${scenario.title}, ${stored} stored: ${added.median.toFixed(1)} µs`);
      }
    } finally {
      await Promise.all(used.map((premises) => premises.close()));
    }
  }
  return grown;
}

function nameOf({ name }: Contender, stored: number): string {
  return `${name}, ${stored} stored`;
}
