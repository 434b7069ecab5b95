import { createHmac } from 'node:crypto';

/** What was sent in a call that failed: no piece of it may be seen. */
export interface Sent {
  readonly key?: string | undefined;
  readonly texts?: readonly string[] | undefined;
}

/** Keys, those of other sessions too, digests of keys in backends, names of files that are made of keys. */
const KEY_LIKE = /[0-9a-z]{32,}/g;
/** Signed text, of other sessions too. */
const DATA_LIKE = /[\w:=+-]{40,}/g;
/** What a driver may quote. */
const WORD = /[^\s'"`(),;=<>{}[\]]+/g;
/** Characters that a word needs to be taken for a piece of what was sent. */
const SHORTEST_PIECE = 6;
/** A word of so many characters is none. */
const LONGEST_WORD = 100;
const MOST_CAUSES = 8;
/** What is told of a foreign error beside its message: where and how it failed, never what was sent. */
const FACTS = [
  ...['code', 'errno', 'syscall', 'address', 'port', 'severity', 'sqlState', 'fatal'],
  ...['schema', 'table', 'column', 'constraint', 'ambiguous'],
];

/**
 * Decides what may be seen in logs, and everything that can reach one goes through here: a key is a short keyed
 * digest, data are nothing.
 */
export class Redactor {
  readonly #secretKey: string;

  constructor(secretKey: string) {
    this.#secretKey = secretKey;
  }

  /** What stands for a key in logs and events: eight hexadecimal digits of an HMAC. */
  digest(key: string): string {
    return createHmac('sha256', this.#secretKey).update(key).digest('hex').slice(0, 8);
  }

  /** What remains of a driver's message. */
  text(text: string, { key, texts = [] }: Sent = {}): string {
    const named = key ? text.replaceAll(key, `[session ${this.digest(key)}]`) : text;
    return texts
      .filter(Boolean)
      .reduce((left, secret) => left.replaceAll(secret, '[data]'), named)
      .replace(KEY_LIKE, '[key]')
      .replace(DATA_LIKE, '[data]')
      .replace(WORD, (word) => {
        if (word.length > LONGEST_WORD) return '[…]';
        const isPiece = word.length >= SHORTEST_PIECE && texts.some((sent) => sent.includes(word));
        return isPiece ? '[data]' : word;
      });
  }

  /**
   * A copy of somebody else's error for logs: name, message and frames, its code and the like, and its causes. What
   * drivers add to them beside holds statements, arguments and rows.
   */
  error(error: unknown, sent: Sent = {}, depth: number = MOST_CAUSES): unknown {
    if (typeof error === 'string') return this.text(error, sent);
    if (typeof error !== 'object' || error === null || depth === 0) return undefined;
    const { name = 'Error', message = '', stack, cause, errors } = error as Partial<AggregateError>;
    const safe = new Error(this.text(String(message), sent));
    const own = { name: this.text(String(name), sent), stack: '' };
    own.stack = [`${own.name}: ${safe.message}`, ...framesOf(stack, message)].join('\n');
    for (const [property, value] of Object.entries(own)) hide(safe, property, value);
    if (cause !== undefined) hide(safe, 'cause', this.error(cause, sent, depth - 1));
    if (Array.isArray(errors)) {
      const copies = errors.slice(0, MOST_CAUSES).map((each) => this.error(each, sent, depth - 1));
      hide(safe, 'errors', copies);
    }
    return Object.assign(safe, this.#factsOf(error, sent));
  }

  #factsOf(error: object, sent: Sent): Record<string, unknown> {
    const facts: Record<string, unknown> = {};
    for (const name of FACTS) {
      const value = (error as Readonly<Record<string, unknown>>)[name];
      if (typeof value === 'string') facts[name] = this.text(value, sent);
      else if (typeof value === 'number' || typeof value === 'boolean') facts[name] = value;
    }
    return facts;
  }
}

function framesOf(stack: unknown, message: unknown): string[] {
  // A line of the message may look like a frame.
  return String(stack ?? '')
    .replace(String(message), () => '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
}

/** As an error's own properties are: there, and not listed. */
function hide(error: Error, property: string, value: unknown): void {
  Object.defineProperty(error, property, { value, configurable: true, writable: true });
}
