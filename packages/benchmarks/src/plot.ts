/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** From where to where the middle half of the measurements lies. */
  readonly spread?: readonly [number, number];
  readonly tone: 'reference' | 'ours' | 'other';
}

/** Bars under a heading, on a scale of their own. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABEL = 300;
const VALUE = 60;
const BAR = 18;
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .panel { font-weight: 600 } .label { text-anchor: end }
  .reference { fill: #8c959f } .ours { fill: #0969da } .other { fill: #d4a72c }
  .spread { stroke: #1f2328; stroke-width: 1.5 } .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117 } .spread { stroke: #e6edf3 }
    .reference { fill: #6e7681 } .ours { fill: #58a6ff } .other { fill: #9e6a03 }
  }`;

/** Horizontal bars as an SVG, which follows the reader's choice of light or dark. @param unit of the values */
export function barChart(title: string, unit: string, panels: readonly Panel[]): string {
  const parts: string[] = [];
  let y = 30;
  parts.push(`<text class="title" x="16" y="${y}">${escaped(title)}</text>`);
  for (const { title: heading, bars } of panels) {
    y += 32;
    parts.push(`<text class="panel" x="16" y="${y}">${escaped(heading)}</text>`);
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
        `<text class="label" x="${LABEL - 8}" y="${y}">${escaped(label)}</text>`,
        `<rect class="${tone}" x="${LABEL}" y="${y - BAR + 4}" width="${round(length)}" height="${BAR}" rx="2"/>`,
      );
      if (spread) {
        const [from, to] = [LABEL + scale(spread[0]), LABEL + scale(spread[1])];
        parts.push(
          `<line class="spread" x1="${round(from)}" x2="${round(to)}" y1="${middle}" y2="${middle}"/>`,
        );
      }
      const end = LABEL + Math.max(length, scale(spread?.[1] ?? 0)) + 6;
      parts.push(`<text x="${round(end)}" y="${y}">${value.toFixed(1)}</text>`);
    }
  }
  y += 32;
  parts.push(`<text x="16" y="${y}">${escaped(unit)}</text>`);
  const height = y + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
