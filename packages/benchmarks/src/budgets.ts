import type { Place } from './places.ts';
import type { Cell, Results } from './results.ts';
import type { ScenarioName } from './scenarios.ts';

/**
 * The most that Coatcheck may add to a request: a multiple of what the limit adds, of what its own `read` adds, or
 * microseconds of server CPU.
 */
export interface Budget {
  readonly place: Place;
  readonly scenario: ScenarioName;
  readonly atMost:
    | { readonly limit: number }
    | { readonly read: number }
    | { readonly micros: number };
}

/** What the design promises. */
export const budgets: readonly Budget[] = [
  { place: 'memory', scenario: 'read', atMost: { limit: 1.4 } },
  { place: 'memory', scenario: 'write', atMost: { limit: 1.6 } },
  { place: 'memory', scenario: 'create', atMost: { limit: 1.2 } },
  { place: 'memory', scenario: 'untouched', atMost: { micros: 4 } },
  { place: 'redis', scenario: 'read', atMost: { limit: 1.3 } },
  { place: 'redis', scenario: 'write', atMost: { limit: 1.6 } },
  { place: 'redis', scenario: 'create', atMost: { limit: 1.3 } },
  { place: 'redis', scenario: 'untouched', atMost: { read: 1 } },
  { place: 'sqlite', scenario: 'read', atMost: { limit: 1.3 } },
  { place: 'sqlite', scenario: 'write', atMost: { limit: 0.4 } },
  { place: 'sqlite', scenario: 'create', atMost: { limit: 0.4 } },
  { place: 'sqlite', scenario: 'untouched', atMost: { micros: 5 } },
  { place: 'signed-cookie', scenario: 'read', atMost: { limit: 1 } },
  { place: 'signed-cookie', scenario: 'write', atMost: { limit: 1.2 } },
  { place: 'signed-cookie', scenario: 'create', atMost: { limit: 1.3 } },
  { place: 'signed-cookie', scenario: 'untouched', atMost: { micros: 4 } },
  { place: 'file', scenario: 'read', atMost: { limit: 1.3 } },
  { place: 'file', scenario: 'write', atMost: { limit: 1.1 } },
  { place: 'file', scenario: 'create', atMost: { limit: 1.1 } },
  { place: 'file', scenario: 'untouched', atMost: { read: 1 } },
];

/** A budget beside what was measured. */
export interface Verdict {
  readonly budget: Budget;
  /** What the budget is a multiple of, in microseconds of server CPU; `undefined` where it is none. */
  readonly reference: number | undefined;
  /** What Coatcheck adds to a request, in microseconds of server CPU. */
  readonly ours: number;
  /** What it may add. */
  readonly allowed: number;
  readonly isMet: boolean;
}

/** The budgets whose place and scenario were measured. */
export function judge(results: Results, all: readonly Budget[] = budgets): Verdict[] {
  return all.flatMap((budget) => {
    const { place, scenario, atMost } = budget;
    const added = (role: Cell['role'], of: ScenarioName): number | undefined =>
      results.cells.find(
        (cell) => cell.place === place && cell.scenario === of && cell.role === role,
      )?.added.median;
    const ours = added('ours', scenario);
    if (ours === undefined) return [];
    if ('micros' in atMost) return verdict(budget, ours, undefined, atMost.micros);
    const isOfLimit = 'limit' in atMost;
    const reference = isOfLimit ? added('limit', scenario) : added('ours', 'read');
    if (reference === undefined) return [];
    return verdict(budget, ours, reference, reference * (isOfLimit ? atMost.limit : atMost.read));
  });
}

function verdict(
  budget: Budget,
  ours: number,
  reference: number | undefined,
  allowed: number,
): Verdict {
  return { budget, reference, ours, allowed, isMet: ours <= allowed };
}
