import path from 'node:path';
import type { Plan } from './benchmarks.ts';
import type { Effort } from './heat.ts';
import { type Place, places } from './places.ts';
import { scenarios } from './scenarios.ts';

const FULL: Effort = {
  ...{ rounds: 3, processes: 3, sliceMs: 200, warmUpRequests: 10_000, warmUpMs: 3000 },
  ...{ connections: 64, visitorsPerConnection: 8 },
};

const QUICK: Effort = { ...FULL, processes: 1, warmUpRequests: 4000, warmUpMs: 800 };

/** What a quick run measures where nothing is named. */
const QUICK_PLACES: readonly Place[] = ['memory', 'redis', 'sqlite'];
const QUICK_SCENARIOS: readonly string[] = ['read', 'write'];

/** Where CPU profiles go. */
const PROFILES = path.join(import.meta.dirname, '../report/profiles');

/** A plan that came from a command line. */
export interface NamedPlan extends Plan {
  /** Whether the report goes into the documentation: of everything, or where that was asked for. */
  readonly isForDocs: boolean;
}

/**
 * The plan for these arguments: names of places and scenarios, `--quick`, `--rounds N`, `--no-peers`, `--no-django`,
 * `--profile`, `--docs`.
 *
 * @throws {Error} for anything else.
 */
export function planFor(args: readonly string[]): NamedPlan {
  const names = args.filter((arg, i) => !arg.startsWith('--') && args[i - 1] !== '--rounds');
  const isQuick = args.includes('--quick');
  const isProfiled = args.includes('--profile');
  const hasPeers = !args.includes('--no-peers');
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
  const allPlaces = isQuick ? QUICK_PLACES : places;
  const allScenarios = isQuick
    ? scenarios.filter(({ name }) => QUICK_SCENARIOS.includes(name))
    : scenarios;
  const effort = isQuick ? QUICK : FULL;
  return {
    places: namedPlaces.length > 0 ? namedPlaces : allPlaces,
    scenarios: namedScenarios.length > 0 ? namedScenarios : allScenarios,
    // Django takes longer to start than others to be measured.
    includes: ({ role, framework }) =>
      (hasPeers || role !== 'peer') && (hasDjango || framework !== 'django'),
    effort: { ...effort, rounds: rounds ?? effort.rounds },
    profiles: isProfiled ? PROFILES : undefined,
    isForDocs:
      args.includes('--docs') ||
      (names.length === 0 && !isQuick && hasPeers && hasDjango && !isProfiled),
  };
}

const OPTIONS: readonly string[] = [
  ...['--quick', '--rounds', '--no-peers', '--no-django', '--profile', '--docs'],
];

function roundsOf(args: readonly string[]): number | undefined {
  const at = args.indexOf('--rounds');
  if (at === -1) return undefined;
  const rounds = Number(args[at + 1]);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error('--rounds takes a number.');
  return rounds;
}
