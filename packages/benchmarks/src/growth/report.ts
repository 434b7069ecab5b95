import { type Line, lineChart } from '../line-chart.ts';
import type { Machine } from '../machine.ts';
import type { Grown } from './grow.ts';

/** By how much more a request may cost while more and more sessions are stored: a share of it. */
const LIMIT = 0.2;

export interface GrowthReport {
  readonly machine: Machine;
  readonly grown: readonly Grown[];
}

/** Files of the report by name. */
export function growthFiles(report: GrowthReport): ReadonlyMap<string, string> {
  return new Map([
    ['growth.json', `${JSON.stringify(report, undefined, 1)}\n`],
    ['growth.md', growthMarkdown(report)],
    ['growth.svg', plot(report.grown)],
  ]);
}

/** The report as Markdown. */
export function growthMarkdown({ machine, grown }: GrowthReport): string {
  const { date, cpu, cores, node, commit } = machine;
  const rows = grown.map(
    ({ place, scenario, stored, cpu: whole, added }) =>
      `| ${place} | ${scenario} | ${count(stored)} | ${micros(added.median)} [${micros(added.low)}, ${micros(added.high)}] | ${micros(whole.median)} |`,
  );
  return `${[
    '# By the number of sessions stored',
    'Written by `npm run bench:growth`: server CPU per request, over HTTP, of 512 visitors whose sessions lie at equal distances among all that are stored.',
    `${date}${commit ? `, commit ${commit}` : ''}. ${cpu}, ${cores} cores, Node ${node}.`,
    growthFindings(grown)
      .map((sentence) => `- ${sentence}`)
      .join('\n'),
    '![What a session adds to a request, by the number of sessions stored](growth.svg)',
    [
      '| place | scenario | stored | added, µs | whole request, µs |',
      '| --- | --- | ---: | ---: | ---: |',
      ...rows,
    ].join('\n'),
  ].join('\n\n')}\n`;
}

/** For each place and scenario, what the most sessions cost beside the fewest. */
export function growthFindings(grown: readonly Grown[]): string[] {
  return seriesOf(grown).map((each) => {
    const [first, last] = [each[0] as Grown, each.at(-1) as Grown];
    const share = last.added.median / first.added.median - 1;
    const whole = last.cpu.median / first.cpu.median - 1;
    const verdict = share <= LIMIT ? 'kept' : 'missed';
    return `${first.place}, ${first.scenario}: ${count(last.stored)} sessions cost ${percent(share)} than ${count(first.stored)} (at most ${100 * LIMIT} % more: ${verdict}); the whole request ${percent(whole)}.`;
  });
}

function seriesOf(grown: readonly Grown[]): Grown[][] {
  const found = new Map<string, Grown[]>();
  for (const each of grown) {
    const name = `${each.place}, ${each.scenario}`;
    found.set(name, [...(found.get(name) ?? []), each]);
  }
  return [...found.values()].map((each) => each.sort((a, b) => a.stored - b.stored));
}

function plot(grown: readonly Grown[]): string {
  const places = [...new Set(grown.map(({ place }) => place))];
  const lines = seriesOf(grown).map((each): Line => {
    const { place, scenario } = each[0] as Grown;
    return {
      label: `${scenario} (${place})`,
      tone: TONES[places.indexOf(place) % TONES.length] as Line['tone'],
      pattern: scenario === 'read' ? 'solid' : 'dashed',
      points: each.map(({ stored, added }) => ({ x: stored, y: added.median })),
    };
  });
  const title = 'What a session adds to a request, by the number of sessions stored';
  return lineChart({
    title,
    x: 'sessions stored',
    y: 'µs of server CPU',
    kind: 'from zero',
    lines,
  });
}

const TONES = ['ours', 'other', 'reference'] as const;

function percent(share: number): string {
  return `${Math.abs(100 * share).toFixed(1)} % ${share < 0 ? 'less' : 'more'}`;
}

function micros(value: number): string {
  return value.toFixed(1);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
