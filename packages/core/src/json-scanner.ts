/**
 * How deep arrays and objects may nest: Python's own limit, and far from what overflows JavaScript's stack.
 * Sessions have a lower one (the setting `maxDepth`).
 */
export const DEEPEST_JSON = 1000;

/** A value in a JSON text together with the place where it stands. */
export interface JsonNode {
  readonly value: unknown;
  /** Index of the value's first character in the text. */
  readonly start: number;
  /** Index after the value's last character. */
  readonly end: number;
  /** An object's members in the order of the text; the last of several equal keys, at the first one's place. */
  readonly members?: Map<string, JsonNode>;
  /** An array's elements. */
  readonly items?: JsonNode[];
}

const NUMBER = /(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
/** Digits of an integer that Python reads (CPython: `sys.set_int_max_str_digits`). */
export const MOST_DIGITS = 4300;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Reads JSON as Python's json module does, with the place of every value: `NaN` and the infinities are numbers,
 * integers of more than 4,300 digits are refused. Objects have no prototype.
 * Messages name the position only, never the text.
 *
 * @param bigInts whether integers beyond 2^53 become BigInts instead of rounded numbers
 * @throws {SyntaxError} when the text is not JSON or nests deeper than 1,000 levels
 */
export function readNodes(text: string, bigInts: boolean): JsonNode {
  let at = skipSpace(text, 0);
  const root = readValue(1);
  if (at !== text.length) {
    throw notJson(at);
  }
  return root;

  function readValue(depth: number): JsonNode {
    const start = at;
    const first = text.charCodeAt(at);
    let node: JsonNode;
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      if (depth > DEEPEST_JSON) {
        throw tooDeep();
      }
      at = skipSpace(text, at + 1);
      node = first === OPEN_BRACE ? readObject(start, depth) : readArray(start, depth);
    } else {
      const value = first === QUOTE ? readString() : readScalar();
      node = { value, start, end: at };
    }
    at = skipSpace(text, at);
    return node;
  }

  function readObject(start: number, depth: number): JsonNode {
    const members = new Map<string, JsonNode>();
    const value: Record<string, unknown> = Object.create(null);
    while (text.charCodeAt(at) !== CLOSE_BRACE) {
      if (members.size > 0) {
        expect(COMMA);
      }
      const key = readString();
      at = skipSpace(text, at);
      expect(COLON);
      const member = readValue(depth + 1);
      members.set(key, member);
      value[key] = member.value;
    }
    at += 1;
    return { value, start, end: at, members };
  }

  function readArray(start: number, depth: number): JsonNode {
    const items: JsonNode[] = [];
    while (text.charCodeAt(at) !== CLOSE_BRACKET) {
      if (items.length > 0) {
        expect(COMMA);
      }
      items.push(readValue(depth + 1));
    }
    at += 1;
    return { value: items.map((item) => item.value), start, end: at, items };
  }

  function expect(code: number): void {
    if (text.charCodeAt(at) !== code) {
      throw notJson(at);
    }
    at = skipSpace(text, at + 1);
  }

  function readString(): string {
    const start = at;
    if (text.charCodeAt(at) !== QUOTE) {
      throw notJson(at);
    }
    at = stringEnd(text, start);
    return decodeString(text, start, at);
  }

  function readScalar(): unknown {
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text);
    if (number !== null) {
      const [literal, integer = '', fraction] = number;
      if (fraction === '' && integer.length > MOST_DIGITS + (integer.startsWith('-') ? 1 : 0)) {
        throw new SyntaxError(`An integer at character ${at} has more than ${MOST_DIGITS} digits.`);
      }
      at += literal.length;
      const value = Number(literal);
      return bigInts && fraction === '' && !Number.isSafeInteger(value) ? BigInt(literal) : value;
    }
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return value;
      }
    }
    throw notJson(at);
  }
}

/**
 * Whether more digits than Python reads follow each other: such a row has one at each multiple of their number. Measured: a
 * regular expression takes 70 µs to search 60 KB.
 */
export function hasManyDigits(json: string): boolean {
  for (let at = MOST_DIGITS; at < json.length; at += MOST_DIGITS) {
    if (digitsAround(json, at) > MOST_DIGITS) return true;
  }
  return false;
}

function digitsAround(json: string, at: number): number {
  let [start, end] = [at, at];
  while (isDigit(json.charCodeAt(start - 1))) start -= 1;
  while (isDigit(json.charCodeAt(end))) end += 1;
  return end - start;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The refusal of a text that nests deeper than {@link DEEPEST_JSON}. */
export function tooDeep(): SyntaxError {
  return new SyntaxError(`The JSON text nests deeper than ${DEEPEST_JSON} levels.`);
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

export function notJson(at: number): SyntaxError {
  return new SyntaxError(`The text is not JSON at character ${at}.`);
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) {
    at += 1;
  }
  return at;
}

/** The index after the closing quote of the string that starts at `start`. */
export function stringEnd(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) {
      throw notJson(start);
    }
    let slashes = quote;
    while (text.charCodeAt(slashes - 1) === BACKSLASH) {
      slashes -= 1;
    }
    if ((quote - slashes) % 2 === 0) {
      return quote + 1;
    }
    from = quote + 1;
  }
}

export function decodeString(text: string, start: number, end: number): string {
  try {
    return JSON.parse(text.slice(start, end));
  } catch {
    throw notJson(start);
  }
}
