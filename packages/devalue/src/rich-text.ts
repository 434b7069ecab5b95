import {
  DevalueError,
  defaultStringifyOperations,
  type ParseOperations,
  type StringifyOperations,
  stringify,
  unflatten,
} from 'devalue';

/**
 * The text of a value as devalue writes it: JSON of printable ASCII, since Django reads session text as latin-1.
 *
 * @throws {TypeError} with the path of what it does not have.
 */
export function stringifyRich(value: unknown, name: string): string {
  try {
    const text = stringify(value, undefined, { operations: writing });
    return text.replace(
      /[^\u0020-\u007e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  } catch (error) {
    if (!(error instanceof DevalueError)) throw error;
    // Without the cause, which holds the value; the keys of maps are data as well.
    const path = name + error.path.replace(/\.get\(.*/s, '.get(…)');
    throw new TypeError(
      `${path.length > 100 ? `${path.slice(0, 100)}…` : path} cannot be stored (${error.message}); store plain data, Date, Map, Set or BigInt.`,
    );
  }
}

/** The value of a text that was parsed as JSON. @throws where it is none of `stringifyRich`. */
export function parseRich(values: unknown): unknown {
  // It checks what it is given.
  return unflatten(values as unknown[], undefined, { operations: reading });
}

const KINDS = new Set(['Array', 'Date', 'Map', 'Set']);

// What else devalue could write is refused: an array over a part of a buffer would take the rest of it along.
const writing: Partial<StringifyOperations> = {
  tagOf: (value) => {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    return KINDS.has(kind) ? kind : 'Object';
  },
  hasOwn: (array, index) => {
    if (!Object.hasOwn(array, index)) {
      throw new DevalueError('Cannot stringify an array with holes', []);
    }
    return true;
  },
  // Written alike with and without a prototype, since what is read has none.
  shapeOf: (value) => {
    const shape = defaultStringifyOperations.shapeOf(value);
    return 'keys' in shape ? { kind: 'plain', keys: shape.keys.map(escapeKey) } : shape;
  },
  get: (value, key) => value[typeof key === 'string' ? unescapeKey(key) : key],
};

const reading: Partial<ParseOperations> = {
  // No object that the application gets has a prototype that data could reach.
  createObject: () => Object.create(null),
  set: (target, key, value) => {
    target[typeof key === 'string' ? unescapeKey(key) : key] = value;
  },
  createArray: (length) => new Array(length).fill(undefined),
  fromISOString: (text) => (typeof text === 'string' ? new Date(text) : refuse()),
  ...{ createSparseArray: refuse, fromRegExpInfo: refuse, fromStringValue: refuse },
  ...{ fromArrayBuffer: refuse, fromViewInfo: refuse, box: refuse },
};

function refuse(): never {
  throw new SyntaxError('This is nothing that is written.');
}

// devalue refuses the key `__proto__`, which is one like any other where objects have no prototype.
function escapeKey(key: string): string {
  return /^\$*__proto__$/.test(key) ? `$${key}` : key;
}

function unescapeKey(key: string): string {
  return /^\$+__proto__$/.test(key) ? key.slice(1) : key;
}
