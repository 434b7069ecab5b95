/** An entry of every session of the suite, which no route shows. */
export const CANARY = 'canary-of-the-data-that-nobody-may-see';

/** As much of it as is the same in base64 wherever it begins. */
const ENCODED = [0, 1, 2].map((before) => {
  const text = Buffer.from(' '.repeat(before) + CANARY).toString('base64url');
  return text.slice(before === 0 ? 0 : 4, -4);
});
const CANARIES = [CANARY, ...ENCODED];
/** Whatever may hold a key: a run of its characters that is long enough. */
const RUN = /[a-z0-9]{32,}/g;
const KEY_LENGTH = 32;

/** Looks for session keys and data in everything that is printed and sent. */
export class LeakWatch {
  /** How many characters were looked at. */
  read = 0;
  readonly #issued = new Set<string>();
  readonly #runs = new Map<string, string>();
  readonly #leaks = new Set<string>();
  readonly #tails = new Map<string, string>();

  /** A key that a response set as its cookie. */
  issue(key: string): void {
    this.#issued.add(key);
  }

  /** How many keys there are to be found. */
  get issued(): number {
    return this.#issued.size;
  }

  /** A text that must hold none of them. */
  look(source: string, text: string): void {
    this.read += text.length;
    if (CANARIES.some((canary) => text.includes(canary))) this.#leaks.add(`data in ${source}`);
    // A key may have been printed before its response came.
    for (const [run] of text.matchAll(RUN)) this.#runs.set(run, source);
  }

  /** The next piece of what a stream prints; what is looked for may lie across two pieces. */
  lookOn(stream: string, piece: string): void {
    const text = (this.#tails.get(stream) ?? '') + piece;
    this.look(stream, text);
    this.#tails.set(stream, text.slice(-100));
  }

  /** Where keys and data were found; never what was found. */
  leaks(): string[] {
    for (const [run, source] of this.#runs) {
      for (let at = 0; at + KEY_LENGTH <= run.length; at += 1) {
        if (this.#issued.has(run.slice(at, at + KEY_LENGTH))) this.#leaks.add(`a key in ${source}`);
      }
    }
    return [...this.#leaks];
  }
}
