import { type Line, lineChart } from '../line-chart.ts';
import type { Machine } from '../machine.ts';
import { doneWhere, heapFindings, series, sizeFindings, storedFindings } from './findings.ts';
import type { Row } from './parts.ts';

/** What can be measured by itself, in the order of the report. */
export const partNames = ['operations', 'sizes', 'stored', 'concurrency', 'heap'] as const;
export type PartName = (typeof partNames)[number];

/** A part, with where and when it was measured: parts may be of several runs. */
export interface Measured {
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export type MicroReport = Readonly<Partial<Record<PartName, Measured>>>;

interface Part {
  readonly title: string;
  readonly plot?: Plot;
  readonly findings?: (rows: readonly Row[]) => string[];
}

interface Plot {
  readonly x: string;
  readonly y: string;
  readonly kind: 'from zero' | 'decades';
  readonly value: (row: Row) => number;
}

const micros = { y: 'µs of CPU', value: (row: Row): number => row.micros };

const parts: Readonly<Record<PartName, Part>> = {
  operations: { title: 'What a request does, with a session of 300 bytes' },
  sizes: {
    title: 'By the size of the session, in bytes of JSON',
    plot: { ...micros, x: 'bytes of JSON', kind: 'decades' },
    findings: sizeFindings,
  },
  stored: {
    title: 'By the number of sessions stored; a thousand visitors, or all of them',
    plot: { ...micros, x: 'sessions stored', kind: 'from zero' },
    findings: storedFindings,
  },
  concurrency: {
    title: 'By the number of requests at once',
    plot: { ...micros, x: 'requests at once', kind: 'from zero' },
  },
  heap: {
    title: 'Memory by the number of requests done',
    plot: { x: 'requests done', y: 'MB', kind: 'from zero', value: ({ bytes }) => bytes / 1e6 },
    findings: heapFindings,
  },
};

/** Files of the report by name: micro.json, micro.md and a plot for each part that grows. */
export function microFiles(report: MicroReport): ReadonlyMap<string, string> {
  const files = new Map([
    ['micro.json', `${JSON.stringify(report, undefined, 2)}\n`],
    ['micro.md', markdown(report)],
  ]);
  for (const name of partNames) {
    const svg = plotOf(name, report[name]?.rows ?? []);
    if (svg) files.set(plotName(name), svg);
  }
  return files;
}

/** What micro.json holds. @throws {TypeError} when it is something else */
export function readMicroReport(text: string): MicroReport {
  const report: unknown = JSON.parse(text);
  const isReport =
    typeof report === 'object' &&
    report !== null &&
    !Array.isArray(report) &&
    Object.entries(report).every(
      ([name, part]) =>
        (partNames as readonly string[]).includes(name) && part?.machine && part.rows,
    );
  if (!isReport) throw new TypeError('micro.json holds no report of parts: measure the whole.');
  return report as MicroReport;
}

/** A part as Markdown: what follows from its figures, the plot, the figures. */
export function section(name: PartName, { machine, rows }: Measured): string {
  const { title, plot, findings } = parts[name];
  const { date, cpu, cores, node, commit } = machine;
  const paragraphs = [
    `## ${title}`,
    `${date}${commit ? `, commit ${commit}` : ''}. ${cpu}, ${cores} cores, Node ${node}.`,
    list(findings?.(rows) ?? []),
    plot && rows.length > 0 ? `![${title}](${plotName(name)})` : '',
    table(rows),
  ];
  return paragraphs.filter((text) => text !== '').join('\n\n');
}

function markdown(report: MicroReport): string {
  const sections = partNames.flatMap((name) => {
    const measured = report[name];
    return measured ? [section(name, measured)] : [];
  });
  return `${[
    '# Inside a process',
    'Written by `npm run bench:micro`. CPU is that of the process, user and system; the median of seven rounds, for the heap one run. Requests are whole ones, from the cookie to the headers, without HTTP and Koa. Bytes are what one of them allocates on the heap of V8; of the heap, all that is in use. To compare is to encode and to look whether the text is the same.',
    ...sections,
  ].join('\n\n')}\n`;
}

/** A colour for each place and a pattern for each thing that is done there. */
function plotOf(name: PartName, rows: readonly Row[]): string | undefined {
  const { title, plot } = parts[name];
  if (!plot || rows.length === 0) return undefined;
  // The drivers alone would be as many lines again.
  const shown = rows.filter((row) => !doneWhere(row).where.includes(','));
  const wheres = [...new Set(shown.map((row) => doneWhere(row).where))];
  const dones = [...new Set(shown.map((row) => doneWhere(row).done))];
  const lines = [...series(shown)].map(([label, found]): Line => {
    const { done, where } = doneWhere(found[0] as Row);
    return {
      label,
      tone: TONES[wheres.indexOf(where) % TONES.length] as Line['tone'],
      pattern: PATTERNS[dones.indexOf(done) % PATTERNS.length] as Line['pattern'],
      points: found.map((row) => ({ x: row.of, y: plot.value(row) })),
    };
  });
  const { x, y, kind } = plot;
  return lineChart({ title, x, y, kind, lines });
}

const TONES = ['ours', 'other', 'reference'] as const;
const PATTERNS = ['solid', 'dashed', 'dotted'] as const;

function plotName(name: PartName): string {
  return `micro-${name}.svg`;
}

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join('\n');
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (row) => `| ${row.what} | ${row.of} | ${row.micros.toFixed(1)} | ${Math.round(row.bytes)} |`,
  );
  return ['| | | µs | bytes |', '| --- | ---: | ---: | ---: |', ...lines].join('\n');
}
