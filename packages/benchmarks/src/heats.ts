import { budgets } from './budgets.ts';
import type { Contender, Framework } from './contender.ts';
import type { Effort } from './heat.ts';
import type { Place } from './places.ts';
import type { Scenario } from './scenarios.ts';

/** Contenders that run against each other, and how long. */
export interface Heat {
  /** Whose contenders it is about. */
  readonly framework: Framework;
  readonly contenders: readonly Contender[];
  readonly effort: Effort;
}

/**
 * Who meets whom in a scenario of a place: what runs on Koa, and the peers on each other framework with bare Koa and
 * Coatcheck. Servers share the processor's caches: beside thirteen others bare Express takes 200 to 330 µs, beside four
 * 105, and that again within a twentieth.
 *
 * @param entrants those that take part in the place
 */
export function heatsOf(
  entrants: readonly Contender[],
  place: Place,
  scenario: Scenario,
  effort: Effort,
): Heat[] {
  const here = entrants.filter(({ scenarios }) => scenarios?.includes(scenario.name) ?? true);
  const stretched = stretchedFor(scenario, effort);
  const single = { ...stretched, processes: 1 };
  const hasBudget = budgets.some((each) => each.place === place && each.scenario === scenario.name);
  const frameworks = new Set(here.map(({ framework }) => framework));
  return [...frameworks].map((framework) => ({
    framework,
    contenders: here.filter(
      (each) =>
        each.framework === framework || (each.framework === 'koa' && isNeededByAll(each.role)),
    ),
    effort: framework === 'koa' && hasBudget ? stretched : single,
  }));
}

/** What a peer is compared with, on whatever framework it is. */
function isNeededByAll(role: Contender['role']): boolean {
  return role === 'bare' || role === 'ours';
}

/** From so many bytes on, a request takes milliseconds, and one of each connection most of a stretch. */
const LONG_BYTES = 10_000;
const LONGER = 8;

/** As much effort, in longer stretches where those need it. */
function stretchedFor({ bytes }: Scenario, effort: Effort): Effort {
  const { rounds, sliceMs } = effort;
  if (bytes < LONG_BYTES) return effort;
  return { ...effort, rounds: Math.ceil(rounds / LONGER), sliceMs: sliceMs * LONGER };
}
