import { PickleRefusal } from './pickle-refusal.ts';

/** Values that a pickle may have, keys included; far more than a session has, and little enough to keep in memory. */
const MOST_VALUES = 100_000;
/** Bytes of a pickle, and of the JSON that it stands for, which is longer where the pickle repeats itself. */
const MOST_BYTES = 1024 * 1024;
/** How deep containers may nest: Python's own limit, and far from what overflows JavaScript's stack. */
const DEEPEST = 1000;

/**
 * A value that Python's pickle and JSON have in common: the JSON text of a scalar, or a container. The text says all
 * there is to say of a scalar: `1` is an int, `1.0` a float, and no digit is lost.
 */
export type PickleValue = string | PickleList | PickleDict;

/** @throws {PickleRefusal} when a pickle, or its JSON, is that long. */
export function assertBytes(length: number): void {
  if (length > MOST_BYTES) throw new PickleRefusal(`a pickle of more than ${MOST_BYTES} bytes`);
}

/** @throws {PickleRefusal} when a pickle has that many values. */
export function assertValues(count: number): void {
  if (count > MOST_VALUES) throw new PickleRefusal(`a pickle of more than ${MOST_VALUES} values`);
}

/** @throws {PickleRefusal} when values nest that deep. */
export function assertDepth(depth: number): void {
  if (depth > DEEPEST) throw new PickleRefusal(`a pickle that nests deeper than ${DEEPEST} levels`);
}

/** A list, or a tuple, which JSON has as an array as well. */
export class PickleList {
  readonly items: PickleValue[];
  readonly isTuple: boolean;
  json: JsonOf | undefined;

  constructor(items: PickleValue[], isTuple = false) {
    this.items = items;
    this.isTuple = isTuple;
  }
}

/** A dict. Each member has the name that Python's json module gives its key: that of `1` is `"1"`. */
export class PickleDict {
  /** In their order. */
  readonly members: Map<string, PickleValue> = new Map();
  /** Keys that are no text, such as `1`, by their names. */
  keys: Map<string, string> | undefined;
  json: JsonOf | undefined;

  /** @throws {PickleRefusal} when JSON has no such key, or cannot tell it from another. */
  set(key: PickleValue, value: PickleValue): void {
    if (typeof key !== 'string') {
      throw new PickleRefusal('a pickle with a key that JSON does not have');
    }
    const isText = key.startsWith('"');
    const name = isText ? key : `"${key}"`;
    if ((!isText || this.keys) && this.members.has(name) && this.keyOf(name) !== key) {
      throw new PickleRefusal('a pickle with two keys that JSON cannot tell apart');
    }
    if (!isText) {
      this.keys ??= new Map();
      this.keys.set(name, key);
    }
    this.members.set(name, value);
  }

  keyOf(name: string): string {
    return this.keys?.get(name) ?? name;
  }
}

/** The JSON of a container, kept with it: what stands in several places is written out only once. */
interface JsonOf {
  readonly text: string;
  /** How deep it nests: an empty list is 1. */
  readonly depth: number;
}

/**
 * The JSON text of a value that is complete.
 *
 * @throws {PickleRefusal} when a value contains itself, nests too deep, or has too long a text.
 */
export function jsonOf(value: PickleValue): string {
  return typeof value === 'string' ? value : containerJson(value, 1).text;
}

function containerJson(value: PickleList | PickleDict, level: number): JsonOf {
  if (value.json) return value.json;
  // One that contains itself never comes to an end.
  assertDepth(level);
  const json = value instanceof PickleList ? arrayJson(value, level) : objectJson(value, level);
  assertDepth(json.depth);
  value.json = json;
  return json;
}

function arrayJson({ items }: PickleList, level: number): JsonOf {
  let text = '[';
  let depth = 1;
  for (const item of items) {
    if (text.length > 1) text += ',';
    if (typeof item === 'string') text += item;
    else {
      const inner = containerJson(item, level + 1);
      text += inner.text;
      depth = Math.max(depth, inner.depth + 1);
    }
    assertBytes(text.length);
  }
  return { text: `${text}]`, depth };
}

function objectJson({ members }: PickleDict, level: number): JsonOf {
  let text = '{';
  let depth = 1;
  for (const [name, value] of members) {
    text += text.length > 1 ? `,${name}:` : `${name}:`;
    if (typeof value === 'string') text += value;
    else {
      const inner = containerJson(value, level + 1);
      text += inner.text;
      depth = Math.max(depth, inner.depth + 1);
    }
    assertBytes(text.length);
  }
  return { text: `${text}}`, depth };
}
