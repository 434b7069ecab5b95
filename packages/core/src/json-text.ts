import { DEEPEST_JSON, hasManyDigits, type JsonNode, readNodes, tooDeep } from './json-scanner.ts';
import {
  escapeText,
  isPlain,
  joinObject,
  memberPath,
  stringifyJson,
  tryStringifyJson,
  type WriteOptions,
} from './json-writer.ts';

export { keepsWithin, type Measured, measureJson, splitObject } from './json-outline.ts';
export { assertJson, joinedOutline, joinObject, stringifyJson } from './json-writer.ts';

/** A text without escapes; so short that V8 copies it, instead of keeping all that it was cut out of. */
const PLAIN_TEXT = /^"[ !#-[\]-~]*"$/;
const LONGEST_COPIED = 14;

/**
 * Reads JSON as Python's json module does: `NaN`, `Infinity` and `-Infinity` are numbers, integers of more than 4,300
 * digits are refused. Objects have no prototype, so `__proto__` and `constructor` are keys like any other.
 *
 * @param options.bigInts whether integers beyond 2^53 become BigInts instead of rounded numbers; `@default` false
 * @throws {SyntaxError} when the text is not JSON or nests deeper than 1,000 levels; its message quotes nothing
 */
export function parseJson(text: string, options?: { bigInts?: boolean | undefined }): unknown {
  // Measured: a third of what JSON.parse takes.
  if (text.length <= LONGEST_COPIED && PLAIN_TEXT.test(text)) {
    return text.slice(1, -1);
  }
  const bigInts = options?.bigInts ?? false;
  if ((bigInts && LONG_INTEGER.test(text)) || hasManyDigits(text)) {
    return readNodes(text, bigInts).value;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return readNodes(text, bigInts).value;
  }
  dropPrototypes(value, 1);
  return value;
}

/** @throws {SyntaxError} for what `parseJson` refuses, without building its value where that can be told. */
export function assertReadable(json: string): void {
  // Perhaps an integer that is too long for Python; it may also be in a text.
  if (hasManyDigits(json)) parseJson(json);
  try {
    JSON.parse(json);
  } catch {
    // Python writes NaN and Infinity, which JSON.parse does not know; throws for what is no JSON there either.
    parseJson(json);
  }
}

/** The texts of an array's elements; `undefined` when the text is not an array. @throws {SyntaxError} as `parseJson`. */
export function splitArray(text: string): string[] | undefined {
  return readNodes(text, true).items?.map(({ start, end }) => text.slice(start, end));
}

/**
 * Writes a value that was read from the text `before` and perhaps changed since: every part that is still what
 * `before` reads as keeps its text, so that `1.0`, `1e16`, `-0.0`, integers beyond 2^53, `NaN` and the order of
 * integer-like keys survive JavaScript. Parts are the members of plain objects and the elements at the same index of
 * arrays, at every depth. Keys come in the order of `before`, then new ones; where `before` is just what
 * {@link stringifyJson} writes, there is nothing to preserve, and they come in the order of `value`.
 *
 * @param before the text that the value was read from; undefined for a new value
 * @param name as in {@link stringifyJson}
 * @param options.bigInts whether the value was read, and is to be written, with BigInts; without, the nearest number
 *   is what an integer beyond 2^53 reads as
 * @throws {TypeError} when a changed part is nothing that JSON has, as in {@link stringifyJson}
 */
export function rewriteJson(
  before: string | undefined,
  value: unknown,
  name = 'value',
  options: WriteOptions = {},
): string {
  if (before === undefined) {
    return stringifyJson(value, name, options);
  }
  const text = tryStringifyJson(value, options);
  if (text === before) {
    return before;
  }
  if (isCanonical(before)) {
    return text ?? stringifyJson(value, name, options);
  }
  let node: JsonNode;
  try {
    node = readNodes(before, true);
  } catch {
    return stringifyJson(value, name, options); // nothing can have been read from it
  }
  // Paths are for refusals only: without one, none is put together.
  const path = text === undefined ? name : undefined;
  return rewrite({ before, options }, node, value, path) ?? before;
}

/**
 * Whether two JSON texts read as the same value. Spaces, escapes and the form of numbers do not matter (`1.0` is `1`),
 * digits beyond 2^53 and the order of keys do. A text that is not JSON equals only itself.
 */
export function equalJson(a: string, b: string): boolean {
  if (a === b) {
    return true;
  }
  try {
    return isSame(parseJson(a, { bigInts: true }), parseJson(b, { bigInts: true }));
  } catch {
    return false;
  }
}

// Looks behind for a digit, or a text of many long numbers would be scanned again and again.
const LONG_INTEGER = /(?<![0-9])[0-9]{16}/;
/** Perhaps a fraction near zero, which JSON.stringify gives back and {@link stringifyJson} writes as Python does. */
const NEAR_ZERO = /0\.0000|[0-9]e-/;

function dropPrototypes(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  if (depth > DEEPEST_JSON) {
    throw tooDeep();
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      dropPrototypes(item, depth + 1);
    }
    return;
  }
  // Measured: a third faster than copying into an object that never had a prototype.
  Object.setPrototypeOf(value, null);
  for (const key in value) {
    dropPrototypes((value as Record<string, unknown>)[key], depth + 1); // the key is its own
  }
}

/** A text without escapes, a word or a whole number that is far from 2^53: what most entries that change are. */
const CANONICAL_SCALAR = /^(?:"[ !#-[\]-~]*"|true|false|null|0|-?[1-9]\d{0,14})$/;

/** Whether {@link stringifyJson} would give back exactly this text, so that nothing in it needs preserving. */
function isCanonical(text: string): boolean {
  // Measured: to parse and write a short text takes a microsecond.
  if (CANONICAL_SCALAR.test(text)) {
    return true;
  }
  if (LONG_INTEGER.test(text) || NEAR_ZERO.test(text)) {
    return false;
  }
  try {
    return escapeText(JSON.stringify(JSON.parse(text))) === text;
  } catch {
    return false;
  }
}

interface Source {
  readonly before: string;
  readonly options: WriteOptions;
}

/** The new text of a part of `before`; undefined when the part is unchanged. */
function rewrite(
  source: Source,
  node: JsonNode,
  value: unknown,
  path: string | undefined,
): string | undefined {
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    if (node.members !== undefined && !Array.isArray(value)) {
      const record = value as Record<string, unknown>; // an object has any string key
      return rewriteMembers(source, node.members, record, path);
    }
    if (node.items !== undefined && Array.isArray(value)) {
      return rewriteItems(source, node.items, value, path);
    }
  } else if (isStill(node.value, value, source.options)) {
    return undefined;
  }
  return stringifyJson(value, path, source.options);
}

function rewriteMembers(
  source: Source,
  members: Map<string, JsonNode>,
  value: Record<string, unknown>,
  path: string | undefined,
): string | undefined {
  const added = new Set(Object.keys(value));
  let changed = false;
  const entries: [string, string][] = [];
  for (const [key, node] of members) {
    if (added.delete(key)) {
      const here = path === undefined ? path : path + memberPath(key);
      const text = rewrite(source, node, value[key], here);
      entries.push([key, text ?? source.before.slice(node.start, node.end)]);
      changed ||= text !== undefined;
    } else {
      changed = true;
    }
  }
  for (const key of added) {
    const here = path === undefined ? path : path + memberPath(key);
    entries.push([key, stringifyJson(value[key], here, source.options)]);
    changed = true;
  }
  return changed ? joinObject(entries) : undefined;
}

function rewriteItems(
  source: Source,
  items: JsonNode[],
  value: unknown[],
  path: string | undefined,
): string | undefined {
  let changed = items.length !== value.length;
  const texts: string[] = [];
  for (let i = 0; i < value.length; i++) {
    const node = items[i];
    const here = path === undefined ? path : `${path}[${i}]`;
    const text =
      node === undefined
        ? stringifyJson(value[i], here, source.options)
        : rewrite(source, node, value[i], here);
    texts.push(text ?? source.before.slice(node?.start, node?.end));
    changed ||= text !== undefined;
  }
  return changed ? `[${texts.join(',')}]` : undefined;
}

/** Whether a value is what the text read as. */
function isStill(read: unknown, value: unknown, { bigInts }: WriteOptions): boolean {
  return (
    Object.is(read, value) ||
    (!bigInts && typeof read === 'bigint' && typeof value === 'number' && Number(read) === value)
  );
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return a === b || Object.is(a, b) || isSameInteger(a, b) || isSameInteger(b, a);
  }
  const keys = Object.keys(a);
  const others = Object.keys(b);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === others.length &&
    keys.every(
      (key, i) => key === others[i] && isSame(Reflect.get(a, key), Reflect.get(b, key)), // own keys
    )
  );
}

/** Whether one is written as a float, `1e16`, and the other as an integer, `10000000000000000`. */
function isSameInteger(a: unknown, b: unknown): boolean {
  return typeof a === 'number' && typeof b === 'bigint' && Number.isInteger(a) && BigInt(a) === b;
}
