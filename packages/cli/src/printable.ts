/** A text as a terminal may get it: what would steer it, or turn the text round, is written as an escape. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** An instant to the second, in UTC. */
export function instant(date: Date | undefined): string {
  if (!date) return '-';
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** A key of which only the beginning shows. */
export function masked(key: string): string {
  return `${printable(key.slice(0, 4))}…`;
}

/** A JSON text over several lines, digit by digit as it was. */
export function indented(json: string): string {
  let depth = 0;
  let isFirst = false;
  const line = (): string => `\n${'  '.repeat(depth)}`;
  return json.replace(/"(?:[^"\\]|\\.)*"|[[\]{},:]|\s+|[^\s"[\]{},:]+/g, (part) => {
    if (/^\s/.test(part)) return '';
    const wasFirst = isFirst;
    isFirst = part === '[' || part === '{';
    if (part === ']' || part === '}') {
      depth -= 1;
      return wasFirst ? part : line() + part;
    }
    const start = wasFirst ? line() : '';
    if (isFirst) depth += 1;
    if (part === ',') return `,${line()}`;
    return part === ':' ? ': ' : start + part;
  });
}
