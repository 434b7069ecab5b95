import { describe, expect, it } from '@jest/globals';
import { coatcheck } from '../src/contenders/coatcheck.ts';
import { bareKoa } from '../src/contenders/koa-application.ts';
import { type Grown, grow } from '../src/growth/grow.ts';
import { growthFiles, growthFindings } from '../src/growth/report.ts';

const summary = (median: number) => ({ median, low: median - 1, high: median + 1 });

const grown = (scenario: 'read' | 'write', stored: number, added: number): Grown => ({
  ...{ place: 'memory', scenario, stored, added: summary(added), cpu: summary(added + 20) },
});

const figures = [
  grown('read', 1000, 10),
  grown('read', 1_000_000, 12),
  grown('write', 1_000_000, 25),
  grown('write', 1000, 20),
];

describe('costs by the number of sessions stored', () => {
  it('are judged by what the most add beside the fewest', () => {
    expect(growthFindings(figures)).toEqual([
      'memory, read: 1,000,000 sessions cost 20.0 % more than 1,000 (at most 20 % more: kept); the whole request 6.7 % more.',
      'memory, write: 1,000,000 sessions cost 25.0 % more than 1,000 (at most 20 % more: missed); the whole request 12.5 % more.',
    ]);
    expect(growthFindings(figures.map((each) => ({ ...each, added: summary(5) })))[0]).toContain(
      'cost 0.0 % more than 1,000 (at most 20 % more: kept)',
    );
  });

  it('are reported as data, as Markdown and as a plot', () => {
    const machine = {
      ...{ date: '2020-01-01T00:00:00.000Z', cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33 },
      ...{ system: 'Linux 6', node: 'v20.19.0', versions: {}, commit: 'abc' },
    };
    const files = growthFiles({ machine, grown: figures });
    expect(JSON.parse(String(files.get('growth.json'))).grown).toHaveLength(4);
    expect(files.get('growth.md')).toContain('| memory | read | 1,000 | 10.0 [9.0, 11.0] | 30.0 |');
    expect(files.get('growth.svg')).toContain('read (memory)');
  });

  it('are measured of visitors who had a session before the server took requests', async () => {
    const [ours] = coatcheck.filter(({ place }) => place === 'memory');
    const lines: string[] = [];
    const effort = {
      ...{ rounds: 1, sliceMs: 50, warmUpRequests: 20, warmUpMs: 50 },
      ...{ connections: 2, visitorsPerConnection: 3 },
    };
    // A visitor without a session would end the run: each is asked for what was stored for them.
    const measured = await grow(
      bareKoa,
      ours as typeof bareKoa,
      { stored: [10, 100], effort },
      (line) => lines.push(line),
    );
    expect(measured.map(({ scenario, stored }) => [scenario, stored])).toEqual([
      ['read', 10],
      ['read', 100],
      ['write', 10],
      ['write', 100],
    ]);
    expect(lines).toHaveLength(4);
    for (const { cpu } of measured) expect(cpu.median).toBeGreaterThan(0);
  }, 60_000);
});
