import { type Contender, scenarios } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';
import type { Effort } from '../src/heat.ts';
import { heatsOf } from '../src/heats.ts';
import type { ScenarioName } from '../src/scenarios.ts';

const effort: Effort = {
  ...{ rounds: 24, processes: 3, sliceMs: 25, warmUpRequests: 1, warmUpMs: 1 },
  ...{ connections: 1, visitorsPerConnection: 1 },
};

const contender = (
  role: Contender['role'],
  framework: Contender['framework'],
  only?: readonly ScenarioName[],
): Contender => ({
  ...{ name: `${role} on ${framework}`, role, framework, packages: [] },
  ...(only && { scenarios: only }),
});

const entrants = [
  ...[contender('bare', 'koa'), contender('bare', 'express'), contender('limit', 'koa')],
  ...[contender('ours', 'koa'), { ...contender('ours', 'koa', ['untouched']), name: 'lazy' }],
  ...[contender('peer', 'koa'), contender('peer', 'express')],
];

function heats(name: ScenarioName, place: 'memory' | 'mariadb' = 'memory') {
  const scenario = scenarios.find((each) => each.name === name);
  if (!scenario) throw new Error(`There is no scenario ${name}.`);
  return heatsOf(entrants, place, scenario, effort);
}

const namesIn = (name: ScenarioName) =>
  heats(name).map(({ title, contenders }) => [title, contenders.map((each) => each.name)]);

describe('the heats of a scenario', () => {
  it('are one for the limit and one for the peers on each framework, where a budget is judged', () => {
    expect(namesIn('read')).toEqual([
      ['on koa', ['bare on koa', 'limit on koa', 'ours on koa']],
      ['peers on koa', ['bare on koa', 'ours on koa', 'peer on koa']],
      ['peers on express', ['bare on koa', 'bare on express', 'ours on koa', 'peer on express']],
    ]);
  });

  it('are one for each framework elsewhere', () => {
    expect(namesIn('mixed')).toEqual([
      ['on koa', ['bare on koa', 'limit on koa', 'ours on koa', 'peer on koa']],
      ['peers on express', ['bare on koa', 'bare on express', 'ours on koa', 'peer on express']],
    ]);
  });

  it('have lazy mode where it differs', () => {
    for (const [, names] of namesIn('untouched')) expect(names).toContain('lazy');
    for (const [, names] of namesIn('read')) expect(names).not.toContain('lazy');
  });

  it.each(['read', 'mixed', 'untouched'] as const)('tell of each contender once: %s', (name) => {
    const told = heats(name).flatMap(({ about }) => about);
    expect(new Set(told).size).toBe(told.length);
    expect(told).toHaveLength(entrants.length - (name === 'untouched' ? 0 : 1));
  });

  it('have several processes of each where a budget is judged', () => {
    const processes = (...args: Parameters<typeof heats>) =>
      heats(...args).map((heat) => heat.effort.processes);
    expect(processes('read')).toEqual([3, 1, 1]);
    expect(processes('mixed')).toEqual([1, 1]);
    expect(processes('read', 'mariadb')).toEqual([1, 1]);
  });

  it('take turns of 200 ms where a request takes milliseconds, as long in all', () => {
    const turns = (name: ScenarioName) =>
      heats(name).map(({ effort: { rounds, sliceMs } }) => [rounds, sliceMs]);
    expect(turns('read')).toEqual(new Array(3).fill([24, 25]));
    expect(turns('large-write')).toEqual(new Array(2).fill([3, 200]));
  });
});
