/** Characters of texts in one generation: some 4,500 usual sessions, and some 10 MB with what they hold. */
const MOST_CHARACTERS = 3 * 2 ** 20;
/** What each text takes besides, in characters: many are much shorter than that. */
const OVERHEAD = 256;

/**
 * Texts of a short while ago, or what holds them.
 *
 * @param lengthOf how many characters one has.
 * @param mostCharacters of text, and 256 for each, in each of two generations.
 */
export function recentTexts<Value>(
  lengthOf: (value: Value) => number,
  mostCharacters: number = MOST_CHARACTERS,
): Generations<Value> {
  return new Generations(mostCharacters, (_, value) => lengthOf(value) + OVERHEAD);
}

/**
 * What was asked for a short while ago, in two generations: what is not asked for while one fills up is forgotten with it.
 * Bounded by weights, which are whatever takes the memory.
 */
export class Generations<Value> {
  readonly #most: number;
  readonly #weigh: (key: string, value: Value) => number;
  #recent = new Map<string, Value>();
  #older = new Map<string, Value>();
  #weight = 0;

  /** @param most of weight in each of the two generations. */
  constructor(most: number, weigh: (key: string, value: Value) => number) {
    this.#most = most;
    this.#weigh = weigh;
  }

  get(key: string): Value | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.add(key, older);
    return older;
  }

  /** Replaces what was there under the key. */
  add(key: string, value: Value): void {
    if (!this.#uncount(key)) this.#older.delete(key);
    const weight = this.#weigh(key, value);
    this.#weight += weight;
    if (this.#weight > this.#most) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#weight = weight;
      this.#older.delete(key);
    }
    this.#recent.set(key, value);
  }

  delete(key: string): void {
    this.#uncount(key);
    this.#recent.delete(key);
    this.#older.delete(key);
  }

  /** Whether it is in the recent generation. */
  #uncount(key: string): boolean {
    const recent = this.#recent.get(key);
    if (recent === undefined) return false;
    this.#weight -= this.#weigh(key, recent);
    return true;
  }
}
