import { budgets } from './budgets.ts';
import type { Contender } from './contender.ts';
import type { Effort } from './heat.ts';
import type { Place } from './places.ts';
import type { Scenario } from './scenarios.ts';

/** Contenders that run against each other, and how long. */
export interface Heat {
  readonly title: string;
  readonly contenders: readonly Contender[];
  readonly effort: Effort;
  /** Of whom the report has what this heat says; each is in one heat's list. */
  readonly about: readonly Contender[];
}

/**
 * Who meets whom in a scenario of a place: the limit and Coatcheck, several processes of each where a budget is judged, else
 * with the peers on Koa; and the peers on each other framework, or on Koa, with bare Koa and Coatcheck. Servers share the processor's caches: beside thirteen others
 * bare Express takes 200 to 330 µs, beside four 105, and that again within a twentieth.
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
  const first = here.filter(
    ({ framework, role }) => framework === 'koa' && !(hasBudget && role === 'peer'),
  );
  const others = here.filter((each) => !first.includes(each));
  const peers = others.filter(({ role }) => role === 'peer');
  const frameworks = new Set(peers.map(({ framework }) => framework));
  const effortOfFirst = hasBudget ? stretched : single;
  return [
    { title: 'on koa', contenders: first, effort: effortOfFirst, about: first },
    ...[...frameworks].map((framework) => {
      const about = others.filter((each) => each.framework === framework);
      const contenders = here.filter((each) => about.includes(each) || isNeededByAll(each));
      return { title: `peers on ${framework}`, contenders, effort: single, about };
    }),
  ];
}

/** What a peer is compared with, on whatever framework it is. */
function isNeededByAll({ role, framework }: Contender): boolean {
  return framework === 'koa' && (role === 'bare' || role === 'ours');
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
