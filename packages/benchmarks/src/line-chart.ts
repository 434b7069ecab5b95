import { type Scale, scaleOf, scaleThrough } from './scale.ts';
import { round, svgPage, svgText, type Tone, WIDTH } from './svg.ts';

/** What was measured of one thing. */
export interface Line {
  readonly label: string;
  readonly tone: Tone;
  readonly pattern: 'solid' | 'dashed' | 'dotted';
  /** From left to right; x above zero. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Lines over an axis in decades, with a legend beside them. */
export interface LineChart {
  readonly title: string;
  /** What x counts. */
  readonly x: string;
  /** The unit of y. */
  readonly y: string;
  /** Where y begins. In decades, what is not above zero is not drawn. */
  readonly kind: 'from zero' | 'decades';
  readonly lines: readonly Line[];
}

const [LEFT, RIGHT, TOP, HEIGHT] = [72, WIDTH - 220, 72, 300];
const BOTTOM = TOP + HEIGHT;
const LEGEND = { x: RIGHT + 24, sample: 32, row: 22 };

/** Lines as an SVG. @throws {RangeError} when no line has a point to draw */
export function lineChart({ title, x, y, kind, lines }: LineChart): string {
  const drawn = lines.map((line) => ({
    ...line,
    points: line.points.filter((point) => kind === 'from zero' || point.y > 0),
  }));
  const points = drawn.flatMap((line) => line.points);
  if (points.length === 0) throw new RangeError('There is nothing to draw.');
  const across = scaleThrough(points.map((point) => point.x));
  const up = scaleOf(
    points.map((point) => point.y),
    kind,
  );
  const [atX, atY] = [place(across, LEFT, RIGHT), place(up, BOTTOM, TOP)];
  const parts = [
    svgText('', LEFT, TOP - 16, y),
    ...up.ticks.flatMap((tick) => [
      grid(LEFT, RIGHT, atY(tick), atY(tick)),
      svgText('label', LEFT - 8, atY(tick) + 4, named(tick)),
    ]),
    ...across.ticks.flatMap((tick) => [
      grid(atX(tick), atX(tick), TOP, BOTTOM),
      svgText('below', atX(tick), BOTTOM + 20, named(tick)),
    ]),
    svgText('below', (LEFT + RIGHT) / 2, BOTTOM + 44, x),
  ];
  for (const [i, line] of drawn.entries()) {
    const { tone, pattern, label } = line;
    const marks = line.points.map((point) => [round(atX(point.x)), round(atY(point.y))] as const);
    const middle = TOP + 8 + i * LEGEND.row;
    const sample = `${LEGEND.x},${middle} ${LEGEND.x + LEGEND.sample},${middle}`;
    parts.push(
      `<g class="${tone}">`,
      polyline(pattern, marks.join(' ')),
      ...marks.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5"/>`),
      polyline(pattern, sample),
      '</g>',
      svgText('', LEGEND.x + LEGEND.sample + 8, middle + 4, label),
    );
  }
  const height = Math.max(BOTTOM + 60, TOP + 16 + drawn.length * LEGEND.row);
  return svgPage(title, height, parts);
}

function place(scale: Scale, from: number, to: number): (value: number) => number {
  return (value) => from + scale.at(value) * (to - from);
}

function grid(x1: number, x2: number, y1: number, y2: number): string {
  return `<line class="grid" x1="${round(x1)}" x2="${round(x2)}" y1="${round(y1)}" y2="${round(y2)}"/>`;
}

function polyline(pattern: Line['pattern'], points: string): string {
  return `<polyline class="line ${pattern}" points="${points}"/>`;
}

function named(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 5 });
}
