import { runBenchmarks, scenarios } from '@coatcheck/benchmarks';
import { redisIsMissing } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';

// Few requests: this shows that everything works together, not how fast it is.
const effort = {
  ...{ rounds: 1, processes: 2, sliceMs: 50, warmUpRequests: 20, warmUpMs: 50 },
  ...{ connections: 4, visitorsPerConnection: 5 },
};

describe('the benchmarks', () => {
  it('measure the limit and Coatcheck in real servers', async () => {
    const lines: string[] = [];
    const { cells, skipped, invalid, machine } = await runBenchmarks({
      places: ['memory', 'sqlite'],
      scenarios: scenarios.filter(({ name }) => name === 'write'),
      includes: ({ role }) => role !== 'peer',
      effort,
      say: (line) => lines.push(line),
    });
    expect({ skipped, invalid }).toEqual({ skipped: [], invalid: [] });
    expect(lines).toHaveLength(2);
    expect(cells.map(({ place, scenario, role }) => `${place} ${scenario} ${role}`)).toEqual(
      ['memory', 'sqlite'].flatMap((place) =>
        ['bare', 'limit', 'ours'].map((role) => `${place} write ${role}`),
      ),
    );
    for (const cell of cells) {
      expect(cell.requests).toBeGreaterThan(0);
      expect(cell.cpu.median).toBeGreaterThan(0);
      expect(cell.rssBytes).toBeGreaterThan(0);
    }
    expect(machine.versions.koa).toMatch(/^\d+\./);
  }, 60_000);

  it('measure peers beside Coatcheck in heats of their own, and tell of each contender once', async () => {
    const lines: string[] = [];
    const { cells, invalid } = await runBenchmarks({
      places: ['signed-cookie'],
      scenarios: scenarios.filter(({ name }) => name === 'create'),
      includes: ({ framework }) => framework !== 'django',
      effort: { ...effort, processes: 1 },
      say: (line) => lines.push(line),
    });
    expect(invalid).toEqual([]);
    expect(lines.map((line) => line.replace(/ \(.*/, ''))).toEqual(
      ['on koa', 'peers on koa', 'peers on express'].map(
        (heat) => `signed-cookie, create, ${heat}`,
      ),
    );
    expect(cells.map(({ contender, oursAdd }) => [contender, Object.keys(oursAdd ?? {})])).toEqual([
      ...['bare Koa', 'limit: Koa + HMAC', 'Coatcheck (signed-cookie)'].map((name) => [name, []]),
      ['koa-session (cookie)', ['Coatcheck (signed-cookie)']],
      ['bare Express', []],
      ['cookie-session', ['Coatcheck (signed-cookie)']],
    ]);
  }, 60_000);

  (redisIsMissing() ? it.skip : it).each([
    ['read', []],
    ['untouched', ['Coatcheck (redis), lazy']],
  ] as const)(
    'measure contenders only where they differ from others: %s',
    async (name, lazy) => {
      const { cells } = await runBenchmarks({
        places: ['redis'],
        scenarios: scenarios.filter((scenario) => scenario.name === name),
        includes: ({ role }) => role === 'ours',
        effort: { ...effort, processes: 1 },
      });
      expect(cells.map(({ contender }) => contender)).toEqual([
        ...['bare Koa', 'Coatcheck (redis)'],
        ...lazy,
      ]);
    },
    60_000,
  );
});
