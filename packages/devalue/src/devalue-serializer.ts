import { jsonSerializer, type Serializer } from '@coatcheck/core';
import { parseRich, stringifyRich } from './rich-text.ts';

/** What stands first in the array of an entry that is not plain JSON; the text of devalue follows. */
const MARK = '$devalue';
/** As deep as the JSON of a session may ever nest, and far from what overflows the stack. */
const DEEPEST = 1000;

/**
 * Sessions that hold `Date`, `Map`, `Set` and `BigInt`, at any depth; also `undefined` inside of them, `NaN`, the
 * infinities, and values that contain themselves. An entry that JSON can carry is written as the default serializer
 * writes it, so that both read the entries of each other and Django reads them too; any other is `["$devalue", …]`.
 */
export const devalueSerializer: Serializer = {
  dumps(value, name = 'value') {
    if (value === undefined) {
      throw new TypeError(`${name} is undefined, which means that there is no entry; delete it.`);
    }
    const found = { rich: false, seen: new Set<object>() };
    look(value, 0, found, name);
    if (!found.rich) return jsonSerializer.dumps(value, name);
    return `["${MARK}",${stringifyRich(value, name)}]`;
  },

  loads(text) {
    if (!text.startsWith(`["${MARK}",`)) return jsonSerializer.loads(text);
    try {
      const [, rich, ...more] = JSON.parse(text) as unknown[];
      if (Array.isArray(rich)) followReferences(rich, 0, 0, new Set());
      const value = parseRich(rich);
      if (value === undefined || more.length > 0) throw new SyntaxError('Never written.');
      return value;
    } catch {
      // Without its cause, which may quote the value.
      throw new SyntaxError('An entry is marked as written by devalue, but was not.');
    }
  },
};

interface Found {
  /** There is something that JSON does not have, or that it would not give back as it was. */
  rich: boolean;
  readonly seen: Set<object>;
}

/** @throws {TypeError} for what is nested too deeply; what else cannot be stored is left to those who write it. */
function look(value: unknown, depth: number, found: Found, name: string): void {
  if (typeof value !== 'object' || value === null) {
    found.rich ||= typeof value === 'number' ? !Number.isFinite(value) : isRichScalar(value);
    return;
  }
  if (found.seen.has(value)) {
    found.rich = true;
    return;
  }
  if (depth === DEEPEST) {
    throw new TypeError(`${name} is nested deeper than ${DEEPEST} levels; store a flatter value.`);
  }
  found.seen.add(value);
  for (const part of partsOf(value, found)) look(part, depth + 1, found, name);
}

function isRichScalar(value: unknown): boolean {
  return value === undefined || typeof value === 'bigint';
}

function partsOf(value: object, found: Found): readonly unknown[] {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === 'Array') {
    // A visitor's own array must not be taken for one of ours.
    found.rich ||= (value as unknown[])[0] === MARK;
    return Object.values(value);
  }
  found.rich ||= kind === 'Map' || kind === 'Set' || kind === 'Date';
  if (kind === 'Map') return [...(value as Map<unknown, unknown>)].flat();
  if (kind === 'Set') return [...(value as Set<unknown>)];
  return kind === 'Object' ? Object.values(value) : [];
}

/** Follows devalue's references, which are indexes, as it does itself; it has no limit of its own. */
function followReferences(
  values: readonly unknown[],
  index: number,
  depth: number,
  seen: Set<number>,
): void {
  const value = values[index];
  if (typeof value !== 'object' || value === null || seen.has(index)) return;
  if (Array.isArray(value) && value[0] === 'BigInt') return;
  if (depth === DEEPEST) throw new RangeError('Too deep.');
  seen.add(index);
  for (const reference of Object.values(value)) {
    if (typeof reference === 'number') followReferences(values, reference, depth + 1, seen);
  }
}
