import {
  type Budget,
  barChart,
  type Cell,
  judge,
  markdown,
  type Results,
  type Role,
  reportFiles,
} from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';

function cell(role: Role, added: number, changes: Partial<Cell> = {}): Cell {
  const summary = (median: number) => ({ median, low: median - 1, high: median + 1 });
  return {
    ...{ place: 'redis', scenario: 'read', contender: role, role, framework: 'koa' },
    ...{ requests: 100, cpu: summary(40 + added), added: summary(added) },
    ...{ timesBareKoa: summary((40 + added) / 40), p50Ms: 1, p99Ms: 2, requestsPerSecond: 1000 },
    ...{ rssBytes: 90e6, heapBytes: 20e6 },
    ...changes,
  };
}

const results: Results = {
  machine: {
    ...{ date: '2020-01-01T00:00:00.000Z', cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33 },
    ...{ system: 'Linux 6', node: 'v20.19.0', versions: { koa: '3.3.0' } },
  },
  skipped: ['mariadb: it is not installed.'],
  invalid: [],
  cells: [
    cell('bare', 0),
    cell('limit', 10),
    cell('ours', 12),
    cell('peer', 60, { oursAdd: { ours: 12 } }),
    cell('ours', 13, { scenario: 'untouched' }),
  ],
};

const redis = { place: 'redis', scenario: 'read' } as const;

describe('a budget', () => {
  it.each([
    ['a multiple of the limit', { ...redis, atMost: { limit: 1.3 } }, 10, 13, true],
    ['a multiple that is missed', { ...redis, atMost: { limit: 1.1 } }, 10, 11, false],
    ['a number of microseconds', { ...redis, atMost: { micros: 11 } }, undefined, 11, false],
    ['what a read costs', { ...redis, scenario: 'untouched', atMost: { read: 1 } }, 12, 12, false],
  ] satisfies [string, Budget, number | undefined, number, boolean][])(
    'may be %s',
    (_, budget, reference, allowed, isMet) => {
      const [verdict] = judge(results, [budget]);
      expect(verdict).toMatchObject({ reference, isMet });
      expect(verdict?.allowed).toBeCloseTo(allowed);
    },
  );

  it('is not judged where nothing was measured', () => {
    expect(judge(results, [{ place: 'file', scenario: 'read', atMost: { limit: 1 } }])).toEqual([]);
  });
});

describe('the report', () => {
  const text = markdown(results);

  it('says where and with what was measured, and what is missing', () => {
    expect(text).toContain('2020-01-01T00:00:00.000Z. a processor, 2 cores, 8 GiB');
    expect(text).toContain('koa 3.3.0');
    expect(text).toContain('Left out: mariadb: it is not installed.');
  });

  it('has a row for each budget, with the ratio and by how much it is missed', () => {
    expect(text).toContain('| redis | read | 10.0 | 12.0 | 1.20 | ≤ 1.3 × limit | met |');
    expect(text).toContain(
      '| redis | untouched | 12.0 | 13.0 | 1.08 | ≤ 1 × read | missed by 1.0 µs |',
    );
  });

  it('says how far ahead of a peer we are', () => {
    expect(text).toContain('| peer, redis |  | 5.0 (60.0 / 12.0) |');
  });

  it('puts a peer beside lazy mode, too', () => {
    const peer = cell('peer', 60, { oursAdd: { ours: 12, 'ours, lazy': 2 } });
    expect(markdown({ ...results, cells: [cell('bare', 0), peer] })).toMatch(
      /\| peer, redis \|.* 5\.0 \(.*\) \|\n\| peer, beside ours, lazy \|.* 30\.0 \(60\.0 \/ 2\.0\) \|/,
    );
  });

  it('has the ratio to bare Koa beside what else was measured', () => {
    expect(text).toContain('| ours | 1.32 ×; 1.0 / 2.0; 1000; 90 / 20 |');
  });

  it('makes no ratio of what is less than the noise', () => {
    const small = [cell('peer', 60, { oursAdd: { ours: 0.2 } }), cell('bare', 0)];
    expect(markdown({ ...results, cells: small })).toContain(
      '| peer, redis | > 60.0 (60.0 / 0.2) |',
    );
    const less = [cell('peer', -3, { oursAdd: { ours: 20 } }), cell('bare', 0)];
    expect(markdown({ ...results, cells: less })).toContain(
      '| peer, redis | < 0.1 (-3.0 / 20.0) |',
    );
  });

  it('has the figures as data and a plot for each place', () => {
    const files = reportFiles(results);
    expect([...files.keys()]).toEqual(['results.json', 'results.md', 'redis.svg']);
    expect(JSON.parse(files.get('results.json') ?? '')).toEqual(results);
  });

  it('has no plots where it is of the budgets alone, and no peers where there are none', () => {
    const cells = [cell('ours', 20), cell('limit', 18), cell('bare', 0)];
    const files = reportFiles({ ...results, cells }, 'budgets');
    expect([...files.keys()]).toEqual(['budgets.json', 'budgets.md']);
    const text = String(files.get('budgets.md'));
    expect(text).toContain('`npm run bench -- --budgets`');
    expect(text).not.toMatch(/svg|peers/);
  });
});

describe('a plot', () => {
  it('draws bars in proportion, whatever their labels hold', () => {
    const svg = barChart('a < b', 'µs', [
      {
        title: 'read',
        bars: [
          { label: 'R&D', value: 10, tone: 'ours' },
          { label: 'half', value: 5, tone: 'other' },
        ],
      },
    ]);
    const widths = [...svg.matchAll(/class="(?:ours|other)"[^>]* width="([\d.]+)"/g)].map(
      ([, width]) => Number(width),
    );
    expect(widths[0]).toBeGreaterThan(0);
    expect(widths[1]).toBeCloseTo((widths[0] as number) / 2);
    expect(svg).toContain('R&amp;D');
    expect(svg).toContain('a &lt; b');
  });

  it('draws nothing to the left of zero', () => {
    const bar = { label: 'noise', value: -3, spread: [-5, 1] as const, tone: 'ours' as const };
    expect(barChart('', '', [{ title: '', bars: [bar] }])).not.toMatch(/width="-/);
  });
});
