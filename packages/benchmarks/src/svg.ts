/** What something is drawn in: what it is measured by, what is ours, and the rest. */
export type Tone = 'reference' | 'ours' | 'other';

export const WIDTH = 760;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .panel { font-weight: 600 } .label { text-anchor: end } .below { text-anchor: middle }
  .reference { color: #8c959f } .ours { color: #0969da } .other { color: #bf8700 }
  .reference, .ours, .other { fill: currentColor }
  .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
  .dashed { stroke-dasharray: 8 4 } .dotted { stroke-dasharray: 2 4 } .grid { stroke: #d1d9e0 }
  .spread { stroke: #1f2328; stroke-width: 1.5 } .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117 } .spread { stroke: #e6edf3 } .grid { stroke: #3d444d }
    .reference { color: #6e7681 } .ours { color: #58a6ff } .other { color: #9e6a03 }
  }`;

/** A page with a title, which follows the reader's choice of light or dark. @param parts elements, as text */
export function svgPage(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    svgText('title', 16, 30, title),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** A line of text, whatever it holds. @param style a class of the page, or '' */
export function svgText(style: string, x: number, y: number, text: string): string {
  const named = style && ` class="${style}"`;
  return `<text${named} x="${round(x)}" y="${round(y)}">${escaped(text)}</text>`;
}

/** To a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
