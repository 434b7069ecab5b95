const NUMBERS = [
  ...['0', '-0', '1', '1.0', '-0.0', '1e16', '1E+2', '0.1', '9007199254740993', '1e400'],
  // As JavaScript and as Python write fractions near zero.
  ...['0.00001', '1e-05', '1e-7', '-1e-07'],
];
const WORDS = ['true', 'false', 'null', 'NaN', 'Infinity', '-Infinity'];
const STRINGS = [
  '""',
  '"a"',
  '"\\u00e9"',
  '"\\u00E9"',
  '"\\/"',
  '"\\\\"',
  '"\\""',
  '"{[,:"',
  '"é"',
];
const KEYS = [
  '"a"',
  '"b"',
  '"2"',
  '"10"',
  '"__proto__"',
  '"constructor"',
  '""',
  '"\\u00e9"',
  '"x y"',
];
const SPACES = ['', '', '', '', ' ', '\n', '\t ', '\r'];

/** A JSON text as Python may write or read it, with everything odd about it: spaces, NaN, 1.0, escapes, equal keys. */
export function randomJson(random: () => number, depth = 4): string {
  const pick = (texts: string[]) => texts[Math.floor(random() * texts.length)] ?? '';
  const space = () => pick(SPACES);
  const list = (write: () => string) =>
    Array.from({ length: Math.floor(random() * 4) }, write).join(',') || space();
  const value = (left: number): string => {
    const kind = left > 0 ? random() : random() * 0.5;
    if (kind < 0.25) return pick(NUMBERS);
    if (kind < 0.35) return pick(WORDS);
    if (kind < 0.5) return pick(STRINGS);
    const inner = () => space() + value(left - 1) + space();
    return kind < 0.7
      ? `[${list(inner)}]`
      : `{${list(() => `${space()}${pick(KEYS)}${space()}:${inner()}`)}}`;
  };
  return value(depth);
}
