import { round, svgPage, svgText, type Tone, WIDTH } from './svg.ts';

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** From where to where the middle half of the measurements lies. */
  readonly spread?: readonly [number, number];
  readonly tone: Tone;
}

/** Bars under a heading, on a scale of their own. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const LABEL = 300;
const VALUE = 60;
const BAR = 18;

/** Horizontal bars as an SVG. @param unit of the values */
export function barChart(title: string, unit: string, panels: readonly Panel[]): string {
  const parts: string[] = [];
  let y = 30;
  for (const { title: heading, bars } of panels) {
    y += 32;
    parts.push(svgText('panel', 16, y, heading));
    const most = Math.max(
      1e-9,
      ...bars.map(({ value, spread }) => Math.max(value, spread?.[1] ?? 0)),
    );
    const scale = (value: number): number =>
      (Math.max(0, value) / most) * (WIDTH - LABEL - VALUE - 16);
    for (const { label, value, spread, tone } of bars) {
      y += BAR + 6;
      const length = scale(value);
      const middle = y - BAR / 2 + 4;
      parts.push(
        svgText('label', LABEL - 8, y, label),
        `<rect class="${tone}" x="${LABEL}" y="${y - BAR + 4}" width="${round(length)}" height="${BAR}" rx="2"/>`,
      );
      if (spread) {
        const [from, to] = [LABEL + scale(spread[0]), LABEL + scale(spread[1])];
        parts.push(
          `<line class="spread" x1="${round(from)}" x2="${round(to)}" y1="${middle}" y2="${middle}"/>`,
        );
      }
      const end = LABEL + Math.max(length, scale(spread?.[1] ?? 0)) + 6;
      parts.push(svgText('', end, y, value.toFixed(1)));
    }
  }
  y += 32;
  parts.push(svgText('', 16, y, unit));
  return svgPage(title, y + 16, parts);
}
