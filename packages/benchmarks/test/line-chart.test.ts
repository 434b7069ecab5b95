import { type Line, type LineChart, lineChart, scaleOf, scaleThrough } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';

describe('a scale', () => {
  it('begins at zero and ends with a round value above all', () => {
    const scale = scaleOf([12, 43], 'from zero');
    expect(scale.ticks).toEqual([0, 10, 20, 30, 40, 50]);
    expect(scale.at(0)).toBe(0);
    expect(scale.at(25)).toBeCloseTo(0.5);
  });

  it('has one step where all is zero', () => {
    expect(scaleOf([0], 'from zero').ticks).toEqual([0, 1]);
  });

  it.each([
    [
      [14, 900],
      [10, 20, 50, 100, 200, 500, 1000],
    ],
    [
      [0.3, 2],
      [0.2, 0.5, 1, 2],
    ],
    [[5], [5, 10]],
  ])('lies in decades around %p', (values, ticks) => {
    const scale = scaleOf(values, 'decades');
    expect(scale.ticks).toHaveLength(ticks.length);
    for (const [i, tick] of ticks.entries()) expect(scale.ticks[i]).toBeCloseTo(tick);
    expect(scale.at(ticks[0] as number)).toBeCloseTo(0);
    expect(scale.at(ticks.at(-1) as number)).toBeCloseTo(1);
  });

  it('names what was measured, once each, equal factors being equally far apart', () => {
    const scale = scaleThrough([1000, 1, 10, 1000, 100]);
    expect(scale.ticks).toEqual([1, 10, 100, 1000]);
    expect(scale.ticks.map((tick) => scale.at(tick) * 3)).toEqual([0, 1, 2, 3].map(near));
    expect(scaleThrough([7]).at(7)).toBe(0.5);
  });
});

describe('a plot of lines', () => {
  const line = (label: string, points: Line['points'], changes: Partial<Line> = {}): Line => ({
    ...{ label, tone: 'ours', pattern: 'solid', points },
    ...changes,
  });
  const chart = (lines: readonly Line[], kind: LineChart['kind'] = 'from zero'): string =>
    lineChart({ title: 'a < b', x: 'sessions', y: 'µs', kind, lines });
  const circles = (svg: string): [number, number][] =>
    [...svg.matchAll(/<circle cx="([\d.-]+)" cy="([\d.-]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
  const level = [1, 10, 100].map((x) => ({ x, y: 10 }));

  it('has a line, a mark for each point and a name in the legend for each thing', () => {
    const other = { tone: 'other', pattern: 'dashed' } as const;
    const svg = chart([line('R&D', level), line('write', level.slice(1), other)]);
    expect(circles(svg)).toHaveLength(5);
    // One through the points, one in the legend.
    expect(svg.match(/<polyline class="line solid"/g)).toHaveLength(2);
    expect(svg.match(/<polyline class="line dashed"/g)).toHaveLength(2);
    expect(svg).toContain('>R&amp;D</text>');
    expect(svg).toContain('>write</text>');
    expect(svg).toContain('>a &lt; b</text>');
  });

  it('puts equal factors equally far apart, and twice the cost twice as high', () => {
    const points = [
      { x: 1, y: 10 },
      { x: 10, y: 20 },
      { x: 100, y: 40 },
    ];
    const marks = circles(chart([line('read', points)]));
    const [right, up] = [0, 1].map((axis) =>
      [1, 2].map((i) => (marks[i]?.[axis as 0 | 1] ?? 0) - (marks[i - 1]?.[axis as 0 | 1] ?? 0)),
    );
    expect(right?.[0]).toBeGreaterThan(0);
    expect(right?.[1]).toBeCloseTo(right?.[0] ?? 0);
    // An SVG counts from above.
    expect(up?.[0]).toBeLessThan(0);
    expect(up?.[1]).toBeCloseTo(2 * (up?.[0] ?? 0));
  });

  it('leaves out what has no place in decades', () => {
    const points = [{ x: 1, y: 0 }, ...level.slice(1)];
    expect(circles(chart([line('read', points)], 'decades'))).toHaveLength(2);
    expect(circles(chart([line('read', points)]))).toHaveLength(3);
    expect(() => chart([line('read', [])])).toThrow(RangeError);
  });

  it('follows a reader who wants it dark', () => {
    expect(chart([line('read', level)])).toContain('@media (prefers-color-scheme: dark)');
  });
});

function near(value: number): unknown {
  return expect.closeTo(value);
}
