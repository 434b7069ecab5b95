/** With at most 62 symbols, chance exceeds this once in a hundred million runs. */
export const LIMIT = 155;

/** How unequally often a text has the symbols of an alphabet: the sum of the chi-square test. */
export function unevenness(text: string, alphabet: string): number {
  const counts = new Map([...alphabet].map((symbol) => [symbol, 0]));
  for (const symbol of text) {
    const count = counts.get(symbol);
    if (count === undefined) throw new Error('A symbol is not of the alphabet.');
    counts.set(symbol, count + 1);
  }
  const expected = text.length / counts.size;
  let sum = 0;
  for (const count of counts.values()) sum += (count - expected) ** 2 / expected;
  return sum;
}
