import { judge, type Verdict } from './budgets.ts';
import type { Place } from './places.ts';
import { barChart } from './plot.ts';
import type { Cell, Results } from './results.ts';
import { scenarios } from './scenarios.ts';

/**
 * Files of a report: as JSON, as Markdown, and a plot for each place, if it is more than the budgets.
 *
 * @param name of the first two
 */
export function reportFiles(
  results: Results,
  name: 'results' | 'budgets' = 'results',
): ReadonlyMap<string, string> {
  const isAll = name === 'results';
  const files = new Map([
    [`${name}.json`, `${JSON.stringify(results, undefined, 1)}\n`],
    [`${name}.md`, markdown(results, isAll)],
  ]);
  if (!isAll) return files;
  for (const place of placesOf(results)) files.set(`${place}.svg`, plot(results, place));
  return files;
}

/** The report as Markdown. @param hasPlots whether there is one for each place beside it */
export function markdown(results: Results, hasPlots = true): string {
  const { machine, skipped, invalid } = results;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(0);
  const apart = hasPeers(results)
    ? ' What Coatcheck adds in the heat of a peer, which may be another one, is in the table of the peers.'
    : '';
  const sections = [
    hasPlots ? '# Results' : '# Budgets',
    `Written by \`npm run bench${hasPlots ? '' : ' -- --budgets'}\`; [docs/performance.md](../performance.md) says what the words mean.`,
    `${machine.date}${machine.commit ? `, commit ${machine.commit}` : ''}. ${machine.cpu}, ${machine.cores} cores, ${memory} GiB, ${machine.system}, Node ${machine.node}. ${versions.join(', ')}.`,
    ...skipped.map((reason) => `Left out: ${reason}`),
    ...invalid.map((reason) => `Invalid: ${reason}`),
    '## Budgets',
    'Microseconds of server CPU that a session adds to a request.',
    budgetTable(judge(results)),
    ...peerSections(results),
    ...placesOf(results).flatMap((place) => [
      `## ${place}`,
      ...(hasPlots ? [`![What each contender adds to a request, by scenario](${place}.svg)`] : []),
      `Microseconds of server CPU added to a request: the median of the rounds, and where the middle half of them lies.${apart}`,
      placeTable(results, place, addedText),
      'Server CPU as a multiple of bare Koa in the same round, latency in ms (median / 99 %), requests per second, and memory (resident / heap, MB).',
      placeTable(results, place, besideText),
    ]),
  ];
  return `${sections.join('\n\n')}\n`;
}

function budgetTable(verdicts: readonly Verdict[]): string {
  return table(
    ['place', 'scenario', 'limit', 'Coatcheck', 'ratio', 'budget', 'verdict'],
    verdicts.map(({ budget: { place, scenario, atMost }, reference, ours, allowed, isMet }) => {
      const budget =
        'micros' in atMost
          ? `≤ ${atMost.micros} µs`
          : 'limit' in atMost
            ? `≤ ${atMost.limit} × limit`
            : `≤ ${atMost.read} × read`;
      const isMultiple = reference !== undefined;
      return [
        ...[place, scenario, isMultiple ? micros(reference) : '', micros(ours)],
        ...[isMultiple ? (ours / reference).toFixed(2) : '', budget],
        isMet ? 'met' : `missed by ${micros(ours - allowed)} µs`,
      ];
    }),
  );
}

function peerSections(results: Results): string[] {
  if (!hasPeers(results)) return [];
  return [
    '## Beside the peers',
    'What a peer adds to its framework, as a multiple of what Coatcheck adds to Koa in the same heat; in brackets both, in microseconds of server CPU. Where sessions can be fetched for whoever looks at them (`lazy`), as Django does, a second row compares with that.',
    peerTable(results),
  ];
}

function hasPeers({ cells }: Results): boolean {
  return cells.some(({ role }) => role === 'peer');
}

/** Each peer beside each contender of ours in its place: in lazy mode, too, where a session is fetched for whoever wants it. */
function peerTable({ cells }: Results): string {
  const shown = scenariosOf(cells);
  const peers = cells.filter(({ role }) => role === 'peer');
  const rows = [...new Set(peers.map(({ contender }) => contender))].flatMap((peer) => {
    const its = peers.filter(({ contender }) => contender === peer);
    const place = its[0]?.place;
    const ours = its.flatMap(({ oursAdd = {} }) => Object.keys(oursAdd));
    return [...new Set(ours)].map((contender, index) => {
      const ratios = shown.map(({ name }) => {
        const cell = its.find(({ scenario }) => scenario === name);
        const own = cell?.oursAdd?.[contender];
        return own === undefined || !cell ? '' : ratioText(cell.added.median, own);
      });
      return [`${peer}, ${index === 0 ? place : `beside ${contender}`}`, ...ratios];
    });
  });
  return table(['peer', ...shown.map(({ title }) => title)], rows);
}

/** Both are differences: what is no more than the noise makes no ratio. */
function ratioText(peer: number, ours: number): string {
  const both = ` (${micros(peer)} / ${micros(ours)})`;
  const least = 1;
  if (ours < least) return (peer < least ? '–' : `> ${(peer / least).toFixed(1)}`) + both;
  return (peer < least ? `< ${(least / ours).toFixed(1)}` : (peer / ours).toFixed(1)) + both;
}

function placeTable(results: Results, place: Place, text: (cell: Cell) => string): string {
  const cells = results.cells.filter((cell) => cell.place === place);
  const shown = scenariosOf(results.cells).filter(({ name }) =>
    cells.some(({ scenario }) => scenario === name),
  );
  const rows = [...new Set(cells.map(({ contender }) => contender))].map((name) => [
    name,
    ...shown.map(({ name: scenario }) => {
      const cell = cells.find((each) => each.contender === name && each.scenario === scenario);
      return cell ? text(cell) : '';
    }),
  ]);
  return table(['', ...shown.map(({ title }) => title)], rows);
}

function addedText({ role, cpu, added }: Cell): string {
  if (role === 'bare') return `(${micros(cpu.median)})`;
  return `${micros(added.median)} [${micros(added.low)}, ${micros(added.high)}]`;
}

function besideText(cell: Cell): string {
  const { timesBareKoa, p50Ms, p99Ms, requestsPerSecond, rssBytes, heapBytes } = cell;
  const latency = `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)}`;
  const memory = [rssBytes, heapBytes].map((bytes) =>
    bytes === undefined ? '–' : (bytes / 1e6).toFixed(0),
  );
  return `${timesBareKoa.median.toFixed(2)} ×; ${latency}; ${requestsPerSecond.toFixed(0)}; ${memory.join(' / ')}`;
}

function plot(results: Results, place: Place): string {
  const cells = results.cells.filter((cell) => cell.place === place && cell.role !== 'bare');
  const panels = scenariosOf(results.cells).map(({ name, title }) => ({
    title,
    bars: cells
      .filter(({ scenario }) => scenario === name)
      .map(({ contender, role, added }) => ({
        label: contender,
        value: added.median,
        spread: [added.low, added.high] as const,
        tone: TONES[role],
      })),
  }));
  return barChart(
    `What a session adds to a request: ${place}`,
    'microseconds of server CPU; lines: the middle half of the rounds',
    panels.filter(({ bars }) => bars.length > 0),
  );
}

const TONES = { bare: 'reference', limit: 'reference', ours: 'ours', peer: 'other' } as const;

function placesOf({ cells }: Results): Place[] {
  return [...new Set(cells.map(({ place }) => place))];
}

function scenariosOf(cells: readonly Cell[]) {
  return scenarios.filter(({ name }) => cells.some(({ scenario }) => scenario === name));
}

function micros(value: number): string {
  return value.toFixed(1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
