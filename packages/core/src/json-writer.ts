import type { OutlinedEntry } from './json-outline.ts';
import { DEEPEST_JSON, MOST_DIGITS } from './json-scanner.ts';
import { SHORTEST_PART } from './own-text.ts';

/**
 * Writes a value as compact JSON of printable ASCII only, since Django reads session text as latin-1: everything
 * outside U+0020 to U+007E becomes `\uXXXX`. Plain objects and arrays of any realm; own enumerable string keys, for what
 * is hidden or has a symbol as its key is no data (to look for those took a third of what it takes to write).
 * Django: `JSONSerializer`, with Python's `ensure_ascii`.
 *
 * @param name what the message of a refusal calls the value, such as the session's key for it
 * @throws {TypeError} when JSON would lose or change something (undefined, NaN, Date, a class, a cycle, …); the
 *   message has the path and the remedy
 */
export function stringifyJson(value: unknown, name = 'value', options: WriteOptions = {}): string {
  if (typeof value === 'string') return escapeText(JSON.stringify(value));
  return write(value, checked(value, name, options));
}

/** Throws as {@link stringifyJson} would, for a value that is not written yet. */
export function assertJson(value: unknown, name = 'value', options: WriteOptions = {}): void {
  if (typeof value !== 'string') checked(value, name, options);
}

function checked(value: unknown, name: string, options: WriteOptions): Rules {
  const rules: Rules = { bigInts: options.bigInts ?? false, byParts: false };
  const refusal = findRefusal(value, [], rules);
  if (refusal === undefined) return rules;
  const path = name + refusal.path;
  throw new TypeError(`${path.length > 100 ? `${path.slice(0, 100)}…` : path} ${refusal.reason}`);
}

/** As {@link stringifyJson}, but `undefined` instead of an error. */
export function tryStringifyJson(value: unknown, options: WriteOptions = {}): string | undefined {
  const rules: Rules = { bigInts: options.bigInts ?? false, byParts: false };
  return findRefusal(value, [], rules) ? undefined : write(value, rules);
}

/** What may be written, beside what every JSON has. */
export interface WriteOptions {
  /**
   * Whether a BigInt is written as the integer that it is, and a number beyond 2^53 so that it is read as a number;
   * `@default` false: a BigInt is refused
   */
  readonly bigInts?: boolean | undefined;
}

interface Rules {
  readonly bigInts: boolean;
  /** Whether there is something that JSON.stringify does not write as we do. */
  byParts: boolean;
}

/** Writes what has been found to have a JSON form. */
function write(value: unknown, rules: Rules): string {
  return rules.byParts ? writeParts(value, rules) : escapeText(JSON.stringify(value));
}

function writeParts(value: unknown, rules: Rules): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return writeNumber(value, rules);
  if (typeof value !== 'object' || value === null) return escapeText(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map((item) => writeParts(item, rules)).join(',')}]`;
  return joinObject(Object.entries(value).map(([key, member]) => [key, writeParts(member, rules)]));
}

function writeNumber(value: number, rules: Rules): string {
  if (!hasTwoForms(value, rules)) return JSON.stringify(value);
  if (isLargeInteger(value) && Math.abs(value) < 1e16) return `${value}.0`;
  // Python has at least two digits in an exponent.
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/**
 * Whether JSON.stringify writes a number otherwise than Python writes the float: a fraction near zero, which the next
 * save of a Django would then change, and with BigInts what is beyond 2^53, whose digits alone would be an integer.
 */
function hasTwoForms(value: number, { bigInts }: Rules): boolean {
  return (Math.abs(value) < 1e-4 && value !== 0) || (bigInts && isLargeInteger(value));
}

function isLargeInteger(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

/** Puts keys and the JSON texts of their values together to a JSON object: the reverse of `splitObject`. */
export function joinObject(entries: Iterable<readonly [string, string]>): string {
  let text = '';
  for (const [key, value] of entries) {
    const before = text === '' ? '{' : ',';
    // Put together at once: each step would be an object until the text is read.
    if (WORD.test(key)) text += `${before}"${key}":${value}`;
    else text += `${before}${escapeText(JSON.stringify(key))}:${value}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Where `joinObject` puts the values. Long keys are copies: an application may have cut them out of a longer text. */
export function joinedOutline(entries: Iterable<readonly [string, string]>): OutlinedEntry[] {
  const outline: OutlinedEntry[] = [];
  let at = 1;
  for (const [key, value] of entries) {
    const name = nameOf(key);
    const start = at + name.length + 1;
    const end = start + value.length;
    outline.push({ key: key.length < SHORTEST_PART ? key : JSON.parse(name), start, end });
    at = end + 1;
  }
  return outline;
}

function nameOf(key: string): string {
  return WORD.test(key) ? `"${key}"` : escapeText(JSON.stringify(key));
}

/** A key that is written as it is. Measured: that halves the time to join a usual session. */
const WORD = /^\w*$/;

/** Escapes what is not printable ASCII; in a JSON text without spaces that occurs inside strings only. */
export function escapeText(text: string): string {
  // Twenty times faster than a regular expression on a text that needs nothing, which most do.
  if (Buffer.byteLength(text) === text.length && !text.includes('\u007f')) {
    return text;
  }
  return text.replace(
    /[^\u0020-\u007e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The least number that has one digit too many. */
const TOO_LONG = 10n ** BigInt(MOST_DIGITS);

interface Refusal {
  path: string;
  readonly reason: string;
}

function findRefusal(value: unknown, ancestors: object[], rules: Rules): Refusal | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) {
    return undefined;
  }
  if (typeof value === 'number') {
    rules.byParts ||= hasTwoForms(value, rules);
    return Number.isFinite(value) ? undefined : { path: '', reason: describe(value) };
  }
  if (typeof value === 'bigint' && rules.bigInts) {
    rules.byParts = true;
    return value < TOO_LONG && value > -TOO_LONG
      ? undefined
      : { path: '', reason: `has more than ${MOST_DIGITS} digits, which Python does not read.` };
  }
  if (typeof value !== 'object' || !isPlain(value)) {
    return { path: '', reason: describe(value) };
  }
  if (ancestors.includes(value)) {
    return { path: '', reason: 'contains itself; store a copy without the cycle.' };
  }
  if (ancestors.length >= DEEPEST_JSON) {
    return {
      path: '',
      reason: `is nested deeper than ${DEEPEST_JSON} levels; store a flatter value.`,
    };
  }
  ancestors.push(value);
  const refusal = Array.isArray(value)
    ? findInArray(value, ancestors, rules)
    : findInObject(value as Record<string, unknown>, ancestors, rules); // an object has any string key
  ancestors.pop();
  return refusal;
}

function findInArray(value: unknown[], ancestors: object[], rules: Rules): Refusal | undefined {
  for (let i = 0; i < value.length; i++) {
    const refusal = findRefusal(value[i], ancestors, rules);
    if (refusal !== undefined) {
      refusal.path = `[${i}]${refusal.path}`;
      return refusal;
    }
  }
  // Without holes, which are refused above, more keys than elements are members that JSON would drop.
  if (Object.keys(value).length > value.length) {
    return { path: '', reason: 'is an array with members of its own; store an object instead.' };
  }
  return undefined;
}

function findInObject(
  value: Record<string, unknown>,
  ancestors: object[],
  rules: Rules,
): Refusal | undefined {
  // Half of what Object.keys takes, which makes an array.
  for (const key in value) {
    const refusal = Object.hasOwn(value, key) && findRefusal(value[key], ancestors, rules);
    if (refusal) {
      refusal.path = memberPath(key) + refusal.path;
      return refusal;
    }
  }
  return undefined;
}

/** How a path goes on to a member of an object: `.items`, `["two words"]`. */
export function memberPath(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/**
 * Whether an object is a plain object or array, of any realm: realms differ in their prototypes, not in the length of
 * the prototype chain. A hidden or inherited `toJSON`, which JSON.stringify would call, makes it something else.
 */
export function isPlain(value: object): boolean {
  if (
    'toJSON' in value &&
    typeof value.toJSON === 'function' &&
    (Array.isArray(value) || !Object.prototype.propertyIsEnumerable.call(value, 'toJSON'))
  ) {
    return false;
  }
  let prototype: object | null = Object.getPrototypeOf(value);
  if (Array.isArray(value) && prototype !== null) {
    prototype = Object.getPrototypeOf(prototype);
  }
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'is undefined, which JSON does not have; leave it out or store null.';
    case 'number':
      return `is ${value}, which JSON does not have; store null or text.`;
    case 'bigint':
      return 'is a BigInt, which needs the setting bigInts; turn it on, or store text.';
    case 'function':
    case 'symbol':
      return `is a ${typeof value}; store plain data.`;
    default:
      return describeObject(Object.prototype.toString.call(value).slice(8, -1), value);
  }
}

function describeObject(kind: string, value: unknown): string {
  switch (kind) {
    case 'Date':
      return 'is a Date, which JSON does not have; store date.toISOString() or date.getTime().';
    case 'Map':
      return 'is a Map, which JSON does not have; store Object.fromEntries(map) or [...map].';
    case 'Set':
      return 'is a Set, which JSON does not have; store [...set].';
    default: {
      const maker: unknown = Object(value).constructor;
      const name = typeof maker === 'function' && maker.name;
      return `is not a plain object or array (${name || kind}); store plain data, such as { ...object } or [...array], or bytes as base64 text.`;
    }
  }
}
