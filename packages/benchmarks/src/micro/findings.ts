import type { Row } from './parts.ts';

/** By how much a cost may differ while more and more sessions are stored: a share of it. */
const STORED_LIMIT = 0.2;

/** What a row is called that has all memory of the process, not the heap alone. */
export const RESIDENT = 'resident after';

/** What was done and where, of a row that is called `read (memory)`. */
export function doneWhere({ what }: Row): { readonly done: string; readonly where: string } {
  const [, done = what, where = ''] = /^(.*) \((.*)\)$/.exec(what) ?? [];
  return { done, where };
}

/** The rows of each thing that was measured, from the fewest to the most. */
export function series(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of [...rows].sort((a, b) => a.of - b.of)) {
    const others = found.get(row.what);
    if (others) others.push(row);
    else found.set(row.what, [row]);
  }
  // The order in which they were measured, whatever was the first to have the fewest.
  return new Map(
    [...new Set(rows.map(({ what }) => what))].map((what) => [what, found.get(what) ?? []]),
  );
}

/** A sentence for each place: what requests cost at the most sessions stored, beside the fewest. */
export function storedFindings(rows: readonly Row[]): string[] {
  const places = new Map<string, { range: string; costs: string[] }>();
  for (const { first, last } of ends(rows)) {
    const { done, where } = doneWhere(first);
    const range = `${count(last.of)} sessions stored beside ${count(first.of)}`;
    const place = places.get(where) ?? { range, costs: [] };
    places.set(where, place);
    const grown = last.micros / first.micros - 1;
    const verdict = Math.abs(grown) <= STORED_LIMIT ? 'within' : 'not within';
    const percent = `${(100 * Math.abs(grown)).toFixed(1)} % ${grown < 0 ? 'less' : 'more'}`;
    place.costs.push(`${done} ${percent} (${verdict} ${100 * STORED_LIMIT} %)`);
  }
  return [...places].map(([where, { range, costs }]) => `${where}, ${range}: ${costs.join(', ')}.`);
}

/** A sentence for each place: how costs grow with sizes, and how close to a line that is. */
export function sizeFindings(rows: readonly Row[]): string[] {
  return [...series(rows)].flatMap(([what, found]) => {
    if (found.length < 3) return [];
    const { start, slope, share } = lineThrough(found.map(({ of, micros }) => [of / 1024, micros]));
    return `${what}: ${start.toFixed(1)} µs and ${slope.toFixed(2)} for each KiB; that line explains ${(100 * share).toFixed(0)} % of the differences.`;
  });
}

/** The straight line that is closest to the points, and which share of their variance it explains. */
function lineThrough(points: readonly (readonly [number, number])[]) {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const together = mean(points.map(([x, y]) => (x - middleX) * (y - middleY)));
  const across = mean(points.map(([x]) => (x - middleX) ** 2));
  const up = mean(points.map(([, y]) => (y - middleY) ** 2));
  const slope = together / across;
  return { start: middleY - slope * middleX, slope, share: together ** 2 / (across * up) };
}

/** A sentence for each place: how many bytes each request left behind. */
export function heapFindings(rows: readonly Row[]): string[] {
  return ends(rows).map(({ first, last }) => {
    const each = (last.bytes - first.bytes) / (last.of - first.of);
    const grew = `${each < 0 ? 'shrank' : 'grew'} by ${Math.abs(each).toFixed(2)} bytes per request`;
    const sizes = `${megabytes(first)} MB to ${megabytes(last)} MB`;
    const { done, where } = doneWhere(first);
    const what = done === RESIDENT ? 'resident memory' : 'the heap';
    return `${where}, between ${count(first.of)} and ${count(last.of)} requests: ${what} ${grew} (${sizes}).`;
  });
}

/** The fewest and the most of each thing of which there are two. */
function ends(rows: readonly Row[]): { readonly first: Row; readonly last: Row }[] {
  return [...series(rows).values()].flatMap((found) => {
    const [first, last] = [found[0], found.at(-1)];
    return first && last && first.of < last.of ? [{ first, last }] : [];
  });
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes({ bytes }: Row): string {
  return (bytes / 1e6).toFixed(2);
}
