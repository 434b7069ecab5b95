/** As many texts as asked for that were a signed session once, or never. */
export function corruptions(good: string, count: number): string[] {
  const random = (below: number) => Math.floor(Math.random() * below);
  const character = () => String.fromCharCode(33 + random(94));
  const ways: (() => string)[] = [
    () => good.slice(0, random(good.length)),
    () => good.slice(1 + random(good.length)),
    () => {
      const at = random(good.length);
      const other = character();
      return `${good.slice(0, at)}${other === good[at] ? '~' : other}${good.slice(at + 1)}`;
    },
    () => `${good}${character()}`,
    () => `.${good}`,
    () => good.split(':').reverse().join(':'),
    () => good.replaceAll(':', ''),
    () => Array.from({ length: random(200) }, character).join(''),
    () => ['', 'null', '[]', '{}', '{"user":1}', ':::', '\u{1F600}', 'NaN', '0'][random(9)] ?? '',
    () => Buffer.from(JSON.stringify({ user: random(9) })).toString('base64'),
    () => `${'A'.repeat(random(5000))}:1r31eq:${'b'.repeat(43)}`,
  ];
  return Array.from({ length: count }, (_, i) => ways[i % ways.length]?.() ?? '');
}
