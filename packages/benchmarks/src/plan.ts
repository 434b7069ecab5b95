import path from 'node:path';
import type { Plan } from './benchmarks.ts';
import { budgets } from './budgets.ts';
import type { Effort } from './heat.ts';
import { type Place, places } from './places.ts';
import { scenarios } from './scenarios.ts';

// With three rounds of 200 ms the parts of a comparison were seconds apart: beside noisy neighbours the same ratio was 0.9
// to 2.4 in four runs, and 1.2 to 1.5 with 27 rounds of 22 ms, which take the same time.
const FULL: Effort = {
  ...{ rounds: 24, processes: 3, sliceMs: 25, warmUpRequests: 10_000, warmUpMs: 3000 },
  ...{ connections: 64, visitorsPerConnection: 8 },
};

const QUICK: Effort = { ...FULL, processes: 1, warmUpRequests: 4000, warmUpMs: 800 };

/** What a run for the budgets alone measures, and longer: its ratios are of a few microseconds. */
const BUDGET_ROUNDS = 3 * FULL.rounds;
const BUDGET_PLACES = places.filter((place) => budgets.some((budget) => budget.place === place));
const BUDGET_SCENARIOS = scenarios.filter(({ name }) =>
  budgets.some(({ scenario }) => scenario === name),
);

/** What a quick run measures where nothing is named. */
const QUICK_PLACES: readonly Place[] = ['memory', 'redis', 'sqlite'];
const QUICK_SCENARIOS: readonly string[] = ['read', 'write'];

/** Where CPU profiles go. */
const PROFILES = path.join(import.meta.dirname, '../report/profiles');

/** A plan that came from a command line. */
export interface NamedPlan extends Plan {
  /** Whether the report goes into the documentation: of everything, or where that was asked for. */
  readonly isForDocs: boolean;
  /** What the report is called. */
  readonly report: 'results' | 'budgets';
}

/**
 * The plan for these arguments: names of places and scenarios, `--budgets`, `--quick`, `--rounds N`, `--no-peers`, `--no-django`,
 * `--profile`, `--docs`.
 *
 * @throws {Error} for anything else.
 */
export function planFor(args: readonly string[]): NamedPlan {
  const names = args.filter((arg, i) => !arg.startsWith('--') && args[i - 1] !== '--rounds');
  const isQuick = args.includes('--quick');
  const isProfiled = args.includes('--profile');
  const isForBudgets = args.includes('--budgets');
  const hasPeers = !args.includes('--no-peers') && !isForBudgets;
  const hasDjango = !isQuick && !args.includes('--no-django');
  const rounds = roundsOf(args);
  const namedPlaces = places.filter((place) => names.includes(place));
  const namedScenarios = scenarios.filter(({ name }) => names.includes(name));
  const known: readonly string[] = [...places, ...scenarios.map(({ name }) => name)];
  const unknown = [
    ...names.filter((name) => !known.includes(name)),
    ...args.filter((arg) => arg.startsWith('--') && !OPTIONS.includes(arg)),
  ];
  if (unknown.length > 0) {
    throw new Error(`${unknown.join(', ')}: name ${known.join(', ')}, ${OPTIONS.join(', ')}.`);
  }
  const all = rangeOf(isForBudgets, isQuick);
  const effort = isQuick ? QUICK : { ...FULL, ...(isForBudgets && { rounds: BUDGET_ROUNDS }) };
  return {
    places: namedPlaces.length > 0 ? namedPlaces : all.places,
    scenarios: namedScenarios.length > 0 ? namedScenarios : all.scenarios,
    // Django takes longer to start than others to be measured.
    includes: ({ role, framework }) =>
      (hasPeers || role !== 'peer') && (hasDjango || framework !== 'django'),
    effort: { ...effort, rounds: rounds ?? effort.rounds },
    profiles: isProfiled ? PROFILES : undefined,
    isForDocs:
      args.includes('--docs') ||
      (names.length === 0 && !isQuick && !isProfiled && (isForBudgets || (hasPeers && hasDjango))),
    report: isForBudgets ? 'budgets' : 'results',
  };
}

/** What is measured where nothing is named. */
function rangeOf(isForBudgets: boolean, isQuick: boolean): Pick<Plan, 'places' | 'scenarios'> {
  if (isForBudgets) return { places: BUDGET_PLACES, scenarios: BUDGET_SCENARIOS };
  if (!isQuick) return { places, scenarios };
  const quick = scenarios.filter(({ name }) => QUICK_SCENARIOS.includes(name));
  return { places: QUICK_PLACES, scenarios: quick };
}

const OPTIONS: readonly string[] = [
  ...['--budgets', '--quick', '--rounds', '--no-peers', '--no-django', '--profile', '--docs'],
];

function roundsOf(args: readonly string[]): number | undefined {
  const at = args.indexOf('--rounds');
  if (at === -1) return undefined;
  const rounds = Number(args[at + 1]);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error('--rounds takes a number.');
  return rounds;
}
