const parts = [
  ...['/', '//', '\\', ':', '@', '?', '#', '.', '..', '\t', '\n', ' ', '\u0000', '\u00a0'],
  ...['http:', 'https:', 'HTTP:', 'ftp:', 'javascript:', 'shop.example', 'evil.example', 'a'],
  ...['%2f', '%5c', '%00', '[', ']', '[::1]', '1', ';', '&', '\u2044', '\uff0f', '\u3002'],
];

/** A generator of whole numbers below another; the same for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Texts made of what is special in URLs; the same for the same seed. */
export function randomUrls(count: number, seed: number): string[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(7) }, () => parts[random(parts.length)]).join(''),
  );
}
