import { budgets, type Contender, places, planFor, scenarios } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';

const peer: Contender = { name: 'a peer', role: 'peer', framework: 'koa', packages: [] };

describe('the plan of a run', () => {
  it('is everything where nothing is named, which goes into the documentation', () => {
    const plan = planFor([]);
    expect(plan.places).toEqual(places);
    expect(plan.scenarios).toEqual(scenarios);
    expect(plan.includes(peer)).toBe(true);
    expect(plan.isForDocs).toBe(true);
  });

  it.each([[['redis']], [['read']], [['--quick']], [['--no-peers']], [['--profile']]])(
    'does not go there with %j, unless that is asked for',
    (args) => {
      expect(planFor(args).isForDocs).toBe(false);
      expect(planFor([...args, '--docs']).isForDocs).toBe(true);
    },
  );

  it('is the places and scenarios that are named', () => {
    const plan = planFor(['redis', 'write', 'read']);
    expect(plan.places).toEqual(['redis']);
    expect(plan.scenarios.map(({ name }) => name)).toEqual(['read', 'write']);
  });

  it('is a part of everything when it has to be quick, or the part that is named', () => {
    const quick = planFor(['--quick']);
    expect(places).toEqual(expect.arrayContaining([...quick.places]));
    expect(quick.places.length).toBeLessThan(places.length);
    expect(quick.effort.processes).toBeLessThan(Number(planFor([]).effort.processes));
    expect(planFor(['--quick', 'file']).places).toEqual(['file']);
  });

  it('is what has a budget, looked at longer and in a report of its own, on demand', () => {
    const plan = planFor(['--budgets']);
    const cells = plan.places.flatMap((place) =>
      plan.scenarios.map(({ name }) => `${place} ${name}`),
    );
    expect(cells.sort()).toEqual(budgets.map((each) => `${each.place} ${each.scenario}`).sort());
    expect(plan.includes(peer)).toBe(false);
    expect(plan.effort.rounds).toBeGreaterThan(planFor([]).effort.rounds);
    expect(plan).toMatchObject({ isForDocs: true, report: 'budgets' });
    expect(planFor(['--budgets', 'redis'])).toMatchObject({ isForDocs: false, places: ['redis'] });
    expect(planFor([]).report).toBe('results');
  });

  it('leaves the peers out on demand', () => {
    const { includes } = planFor(['--no-peers']);
    expect(includes(peer)).toBe(false);
    expect(includes({ ...peer, role: 'limit' })).toBe(true);
  });

  it('leaves Django out on demand, and where it has to be quick', () => {
    const django: Contender = { ...peer, framework: 'django' };
    expect(planFor([]).includes(django)).toBe(true);
    expect(planFor(['--no-django']).includes(django)).toBe(false);
    expect(planFor(['--quick']).includes(django)).toBe(false);
    expect(planFor(['--no-django']).includes(peer)).toBe(true);
  });

  it('takes as many rounds as it is told', () => {
    expect(planFor(['--rounds', '12', 'file']).effort.rounds).toBe(12);
    expect(() => planFor(['--rounds', 'many'])).toThrow('--rounds');
  });

  it.each([[['redsi']], [['--fast']]])('refuses what it does not know: %j', (args) => {
    expect(() => planFor(args)).toThrow(`${args[0]}: name memory, redis`);
  });
});
