import {
  assertDepth,
  assertValues,
  PickleDict,
  PickleList,
  type PickleValue,
} from './pickle-value.ts';

/**
 * Takes the JSON text of a session apart, each scalar as the text that it is.
 *
 * @throws {PickleRefusal} when there is more in it than a pickle may have
 * @throws {SyntaxError} when the text is not JSON; core hands over nothing else
 */
export function readJson(json: string): PickleValue {
  return new JsonReader(json).read();
}

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN|true|false|null/y;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

class JsonReader {
  readonly #json: string;
  #at = 0;
  #values = 0;

  constructor(json: string) {
    this.#json = json;
  }

  read(): PickleValue {
    const value = this.#value(0);
    if (!Number.isNaN(this.#next())) throw notJson();
    return value;
  }

  #value(depth: number): PickleValue {
    this.#count();
    switch (this.#next()) {
      case OPEN_BRACE:
        return this.#object(depth + 1);
      case OPEN_BRACKET:
        return this.#array(depth + 1);
      case QUOTE:
        return this.#text();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): PickleDict {
    assertDepth(depth);
    const dict = new PickleDict();
    this.#at += 1;
    if (this.#closes(CLOSE_BRACE)) return dict;
    do {
      if (this.#next() !== QUOTE) throw notJson();
      this.#count();
      const name = this.#text();
      if (this.#next() !== COLON) throw notJson();
      this.#at += 1;
      dict.set(name, this.#value(depth));
    } while (this.#continues(CLOSE_BRACE));
    return dict;
  }

  #array(depth: number): PickleList {
    assertDepth(depth);
    const list = new PickleList([]);
    this.#at += 1;
    if (this.#closes(CLOSE_BRACKET)) return list;
    do list.items.push(this.#value(depth));
    while (this.#continues(CLOSE_BRACKET));
    return list;
  }

  #closes(bracket: number): boolean {
    const closes = this.#next() === bracket;
    if (closes) this.#at += 1;
    return closes;
  }

  /** Whether another element follows, behind a comma. */
  #continues(bracket: number): boolean {
    if (this.#closes(bracket)) return false;
    if (this.#next() !== COMMA) throw notJson();
    this.#at += 1;
    return true;
  }

  #text(): string {
    const start = this.#at;
    let end = start;
    do {
      end = this.#json.indexOf('"', end + 1);
      if (end === -1) throw notJson();
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    return this.#json.slice(start, this.#at);
  }

  #isEscaped(at: number): boolean {
    let slashes = at;
    while (this.#json.charCodeAt(slashes - 1) === BACKSLASH) slashes -= 1;
    return (at - slashes) % 2 === 1;
  }

  #scalar(): string {
    SCALAR.lastIndex = this.#at;
    const [found] = SCALAR.exec(this.#json) ?? [];
    if (found === undefined) throw notJson();
    this.#at += found.length;
    return found;
  }

  /** The next character that is no space; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.#json.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at += 1;
    }
  }

  #count(): void {
    this.#values += 1;
    assertValues(this.#values);
  }
}

function notJson(): SyntaxError {
  return new SyntaxError('The session is not JSON; a serializer of the application wrote it.');
}
