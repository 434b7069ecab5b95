/** Makes JSON documents: what a session may hold, with everything that Python and JavaScript disagree on. */
export class RandomDocuments {
  readonly #random: () => number;
  readonly #numbers: readonly (() => string)[];

  /**
   * @param random numbers in [0, 1)
   * @param from whose values they are: JavaScript has neither `1.0` nor `NaN` nor exact integers beyond 2^53
   */
  constructor(random: () => number, from: 'Python' | 'JavaScript') {
    this.#random = random;
    this.#numbers = from === 'Python' ? this.#pythonNumbers() : this.#javascriptNumbers();
  }

  /** The text of an object that nests at most `depth` levels, itself among them. */
  next(depth: number): string {
    if (this.#below(20) > 0) return this.#object(Math.min(depth, 5));
    return `{${this.string()}:${this.#nest(this.value(0), depth - 1)},"beside":${this.value(1)}}`;
  }

  /** A value that nests at most `depth` levels. */
  value(depth: number): string {
    const kind = this.#below(10);
    if (kind < 2)
      return this.#pick(
        ['null', 'true', 'false', '""', '0', '[]', '{}'].slice(0, depth > 0 ? 7 : 5),
      );
    if (kind < 5) return this.#pick(this.#numbers)();
    if (kind < 7 || depth === 0) return this.string();
    return kind < 8 ? this.#array(depth) : this.#object(depth);
  }

  /** A JSON string of up to a dozen characters of any kind. */
  string(): string {
    if (this.#below(4) === 0) return this.#pick(strings);
    const characters = Array.from({ length: this.#below(12) }, () =>
      this.#pick(this.#characters)(),
    );
    return JSON.stringify(characters.join(''));
  }

  readonly #characters = [
    () => String.fromCharCode(0x20 + this.#below(0x5f)),
    () => this.#pick(['"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\u007f', ':', '.', ' ']),
    () => String.fromCharCode(this.#below(0x100)),
    () => String.fromCharCode(this.#below(0xd800)),
    () => String.fromCharCode(0xd800 + this.#below(0x800)),
    () => String.fromCodePoint(0x10000 + this.#below(0x100000)),
    () =>
      this.#pick(['\u2028', '\u2029', '\ufeff', '\ufffe', '\uffff', 'e\u0301', '👩‍🚀', '\u0000']),
  ];

  #array(depth: number): string {
    return `[${Array.from({ length: this.#below(4) }, () => this.value(depth - 1)).join(',')}]`;
  }

  #object(depth: number): string {
    const members = Array.from({ length: this.#below(6) }, () => {
      return `${this.string()}:${this.value(depth - 1)}`;
    });
    return `{${members.join(',')}}`;
  }

  #nest(value: string, depth: number): string {
    let text = value;
    for (let level = 0; level < depth; level++) {
      text = this.#below(2) ? `[${text}]` : `{${this.string()}:${text}}`;
    }
    return text;
  }

  #pythonNumbers(): (() => string)[] {
    return [
      ...this.#javascriptNumbers(),
      () => this.#pick(pythonOnly),
      () => `${this.#sign()}${this.#digits(17 + this.#below(100))}`,
      () => `${this.#sign()}${this.#digits(this.#below(6) + 1)}.0`,
    ];
  }

  #javascriptNumbers(): (() => string)[] {
    return [
      () => `${this.#sign()}${this.#below(10)}`,
      () => `${this.#sign()}${this.#below(2 ** 32)}`,
      () => JSON.stringify((this.#random() - 0.5) * 10 ** (this.#below(50) - 25)),
      () => {
        const bits = new Uint32Array([this.#below(2 ** 32), this.#below(2 ** 32)]);
        const [double = 0] = new Float64Array(bits.buffer);
        return Number.isFinite(double) ? JSON.stringify(double) : '0';
      },
      () => this.#pick(numbers),
    ];
  }

  #digits(length: number): string {
    const rest = Array.from({ length: length - 1 }, () => this.#below(10)).join('');
    return `${1 + this.#below(9)}${rest}`;
  }

  #sign(): string {
    return this.#below(2) ? '-' : '';
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #pick<Item>(items: readonly Item[]): Item {
    // Never empty, and the index is below the length.
    return items[this.#below(items.length)] as Item;
  }
}

/** Keys and values that are something special to one of the two. */
const strings = [
  ...['""', '"__proto__"', '"constructor"', '"prototype"', '"toString"', '"hasOwnProperty"'],
  ...['"toJSON"', '"length"', '"0"', '"1"', '"10"', '"2"', '"-1"', '"1.5"', '"01"', '"4294967295"'],
  ...['"items"', '"keys"', '"None"', '"null"', '"NaN"', '"__json_message"', '"a.b"', '"a[0]"'],
];

const numbers = [
  ...['0', '1', '-1', '9007199254740991', '-9007199254740991', '0.1', '0.30000000000000004', '1.5'],
  ...[
    '5e-324',
    '1.7976931348623157e308',
    '2.2250738585072014e-308',
    '1e21',
    '1e22',
    '1e-6',
    '1e-7',
  ],
  ...[
    '0.0001',
    '0.00001',
    '0.000012345',
    '1.5e-10',
    '100000000000000000000',
    '123456789012345680000',
  ],
];

const pythonOnly = [
  ...[
    '1.0',
    '-0.0',
    '0.0',
    '-1.0',
    '1e16',
    '1e+16',
    '1.0e15',
    '1e-05',
    'NaN',
    'Infinity',
    '-Infinity',
  ],
  ...['-0', '9007199254740993', '-9007199254740993', '9223372036854775808', '18446744073709551616'],
  ...['1e400', '1e23', '123456789012345678901234567890', `1${'0'.repeat(99)}`, '7'.repeat(4300)],
];
