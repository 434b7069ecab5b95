import { describe, expect, it } from '@jest/globals';
import { heapFindings, sizeFindings, storedFindings } from '../src/micro/findings.ts';
import type { Row } from '../src/micro/parts.ts';
import { type Measured, microFiles, readMicroReport } from '../src/micro/report.ts';

const row = (what: string, of: number, micros: number, bytes = 1000): Row => ({
  ...{ what, of, micros, bytes },
});

const stored = [
  row('read (memory)', 1000, 10),
  row('write (memory)', 1000, 20),
  row('read (memory)', 10_000, 99),
  row('read (memory)', 1_000_000, 11.5),
  row('write (memory)', 1_000_000, 15.9),
  row('read (Redis)', 1_000_000, 60),
  row('read (Redis)', 1000, 50),
];

function measured(rows: readonly Row[], commit = 'abc'): Measured {
  const machine = {
    ...{ date: '2020-01-01T00:00:00.000Z', cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33 },
    ...{ system: 'Linux 6', node: 'v20.19.0', versions: {}, commit },
  };
  return { machine, rows };
}

describe('what follows from costs by sessions stored', () => {
  it('is how far the most are from the fewest, place by place, and whether that is within the limit', () => {
    expect(storedFindings(stored)).toEqual([
      'memory, 1,000,000 sessions stored beside 1,000: read 15.0 % more (within 20 %), write 20.5 % less (not within 20 %).',
      'Redis, 1,000,000 sessions stored beside 1,000: read 20.0 % more (within 20 %).',
    ]);
  });

  it('is nothing where there is only one number of sessions', () => {
    expect(storedFindings(stored.slice(0, 2))).toEqual([]);
  });
});

describe('what follows from costs by size', () => {
  it('is the line that they are closest to, and how close', () => {
    const rows = [1, 2, 4].map((kib) => row('read (memory)', 1024 * kib, 10 + 3 * kib));
    const bent = [1, 2, 3].map((kib) => row('write (memory)', 1024 * kib, kib === 2 ? 5 : 2));
    expect(sizeFindings([...rows, ...bent])).toEqual([
      'read (memory): 10.0 µs and 3.00 for each KiB; that line explains 100 % of the differences.',
      'write (memory): 3.0 µs and 0.00 for each KiB; that line explains 0 % of the differences.',
    ]);
    expect(sizeFindings(rows.slice(1))).toEqual([]);
  });
});

describe('what follows from heaps', () => {
  it.each([
    [31e6, 'grew by 1.00 bytes per request (30.00 MB to 31.00 MB)'],
    [29.5e6, 'shrank by 0.50 bytes per request (30.00 MB to 29.50 MB)'],
  ])('is how many bytes each request left: %d at the end', (bytes, sentence) => {
    const rows = [
      row('heap after (SQLite)', 100_000, 10, 30e6),
      row('heap after (SQLite)', 500_000, 10, 70e6),
      row('heap after (SQLite)', 1_100_000, 10, bytes),
    ];
    expect(heapFindings(rows)).toEqual([
      `SQLite, between 100,000 and 1,100,000 requests: the heap ${sentence}.`,
    ]);
  });
});

it('what follows from all memory of the process is told apart', () => {
  const rows = [
    row('resident after (Redis)', 100, 10, 50e6),
    row('resident after (Redis)', 200, 10, 50e6),
  ];
  expect(heapFindings(rows)).toEqual([
    'Redis, between 100 and 200 requests: resident memory grew by 0.00 bytes per request (50.00 MB to 50.00 MB).',
  ]);
});

describe('the report of what requests cost inside a process', () => {
  const report = { operations: measured([row('sign', 300, 2)]), stored: measured(stored) };

  it('has figures as data and as Markdown, and a plot for what grows', () => {
    const files = microFiles(report);
    expect([...files.keys()]).toEqual(['micro.json', 'micro.md', 'micro-stored.svg']);
    expect(readMicroReport(files.get('micro.json') ?? '')).toEqual(report);
    const text = files.get('micro.md');
    expect(text).toContain('| sign | 300 | 2.0 | 1000 |');
    expect(text).toContain('](micro-stored.svg)');
    for (const sentence of storedFindings(stored)) expect(text).toContain(`- ${sentence}`);
  });

  it('draws a line for each thing in the colour of its place', () => {
    const svg = microFiles(report).get('micro-stored.svg') ?? '';
    expect(svg.match(/<g class="ours">/g)).toHaveLength(2);
    expect(svg.match(/<g class="other">/g)).toHaveLength(1);
    expect(svg.match(/<circle/g)).toHaveLength(stored.length);
  });

  it('has what the drivers alone take in the figures, and not in the plot', () => {
    const rows = [...stored, row('read (memory, its driver alone)', 1000, 5)];
    const files = microFiles({ stored: measured(rows) });
    expect(files.get('micro.md')).toContain('| read (memory, its driver alone) | 1000 | 5.0 |');
    expect(files.get('micro-stored.svg')).toBe(microFiles(report).get('micro-stored.svg'));
  });

  it('says of each part when and with what it was measured, in its own order', () => {
    const sizes = measured([row('read (memory)', 100, 10)], 'def');
    const text = microFiles({ ...report, sizes }).get('micro.md') ?? '';
    const found = [...text.matchAll(/commit (\w+)\. a processor, 2 cores/g)];
    expect(found.map(([, commit]) => commit)).toEqual(['abc', 'def', 'abc']);
  });

  it.each(['[]', 'null', '{"measured":{}}', '{"sizes":[]}'])('is not made of %s', (text) => {
    expect(() => readMicroReport(text)).toThrow(/micro\.json/);
  });
});
