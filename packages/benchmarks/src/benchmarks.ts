import path from 'node:path';
import type { Contender } from './contender.ts';
import { bareDjango, djangoContenders } from './contenders/django.ts';
import { nodeContenders } from './contenders/index.ts';
import { djangoIsMissing, djangoLacks, djangoVersions, startDjango } from './django-server.ts';
import { type Effort, runHeat } from './heat.ts';
import { heatsOf } from './heats.ts';
import { describeMachine } from './machine.ts';
import { type Place, Premises } from './places.ts';
import { type Cell, cellsOf, type Results } from './results.ts';
import { startContender } from './running.ts';
import { fits, type Scenario } from './scenarios.ts';

/** What is to be measured, and how thoroughly. */
export interface Plan {
  readonly places: readonly Place[];
  readonly scenarios: readonly Scenario[];
  /** Whether a contender takes part. Bare ones do where one of their framework does. */
  readonly includes: (contender: Contender) => boolean;
  readonly effort: Effort;
  /** A directory for CPU profiles of the servers, which then are slower. */
  readonly profiles?: string | undefined;
  /** Is told what happens. */
  readonly say?: (line: string) => void;
}

/** Runs every scenario in every place. A heat in which a contender does not do what the scenario says has no figures. */
export async function runBenchmarks(plan: Plan): Promise<Results> {
  const { places, scenarios, includes, effort, profiles, say = () => {} } = plan;
  const premises = new Premises();
  const cells: Cell[] = [];
  const skipped: string[] = [];
  const invalid: string[] = [];
  const all: Contender[] = [...nodeContenders];
  if (djangoContenders.some((each) => each.role === 'peer' && includes(each))) {
    const missing = djangoIsMissing();
    if (missing) skipped.push(`Django: ${missing}.`);
    else all.push(...djangoContenders);
  }
  try {
    for (const place of places) {
      const missing = premises.missing(place);
      if (missing) {
        skipped.push(`${place}: ${missing}.`);
        continue;
      }
      const lacking = all.includes(bareDjango) ? djangoLacks(place) : undefined;
      if (lacking) skipped.push(`Django (${place}): ${lacking}.`);
      const entrants = entrantsOf(all, place, (contender) =>
        lacking && contender.framework === 'django' ? false : includes(contender),
      );
      for (const scenario of scenarios.filter((each) => fits(each, place))) {
        for (const heat of heatsOf(entrants, place, scenario, effort)) {
          const title = `${place}, ${scenario.title}, ${heat.title}`;
          const start = performance.now();
          try {
            const tracks = await runHeat(
              heat.contenders,
              scenario,
              heat.effort,
              async (contender) => {
                const at = await premises.corner(place);
                // Of several processes each has a corner of its own.
                const name = `${contender.name} ${scenario.name} ${at.table}.cpuprofile`;
                const profile = profiles && path.join(profiles, name.replaceAll('/', '-'));
                return contender.framework === 'django'
                  ? startDjango(contender, at)
                  : startContender(contender, at, profile);
              },
            );
            const found = cellsOf(place, scenario.name, tracks);
            const names = new Set(heat.about.map(({ name }) => name));
            cells.push(...found.filter(({ contender }) => names.has(contender)));
            const seconds = ((performance.now() - start) / 1000).toFixed(0);
            say(`${title} (${seconds} s): ${figuresOf(found)}`);
          } catch (error) {
            // The other heats are none the worse for it.
            const reason = `${title}: ${error instanceof Error ? error.message : error}`;
            say(`INVALID: ${reason}`);
            invalid.push(reason);
          }
        }
      }
    }
  } finally {
    await premises.close();
  }
  const contenders = places.flatMap((place) => entrantsOf(all, place, includes));
  const packages = ['undici', ...contenders.flatMap((contender) => contender.packages)];
  const machine = describeMachine(packages, new Date());
  const versions = all.includes(bareDjango) ? djangoVersions() : {};
  return {
    machine: { ...machine, versions: { ...machine.versions, ...versions } },
    ...{ skipped, invalid, cells },
  };
}

function figuresOf(cells: readonly Cell[]): string {
  const figures = cells.map(({ contender, role, cpu, added }) =>
    role === 'bare'
      ? `${contender} (${cpu.median.toFixed(1)})`
      : `${contender} ${added.median.toFixed(1)}`,
  );
  return figures.join(', ');
}

/** Bare ones first, then the limit, ours and the peers. */
function entrantsOf(
  all: readonly Contender[],
  place: Place,
  includes: Plan['includes'],
): Contender[] {
  const here = all.filter((contender) => contender.place === place && includes(contender));
  const bare = all.filter(
    ({ role, framework }) =>
      role === 'bare' && (framework === 'koa' || here.some((each) => each.framework === framework)),
  );
  return [...bare, ...here];
}
