import { opcodes } from './pickle-opcodes.ts';
import { PickleDict, type PickleValue } from './pickle-value.ts';
import { doubleBytes, encodeText, integerBytes } from './python-scalars.ts';

/** Writes a pickle of protocol 2, which every Python 3 reads, with the few opcodes that suffice; a character for each byte. */
export function writePickle(value: PickleValue): string {
  return `${START}${written(value)}${STOP}`;
}

const op = (code: number): string => String.fromCharCode(code);
const START = op(opcodes.PROTO) + op(2);
const STOP = op(opcodes.STOP);
const TEXT = op(opcodes.BINUNICODE);
const INTEGER = op(opcodes.BININT);
const LONG_INTEGER = op(opcodes.LONG1);
const LONGER_INTEGER = op(opcodes.LONG4);
const FLOAT = op(opcodes.BINFLOAT);
const LIST: Ends = [op(opcodes.EMPTY_LIST) + op(opcodes.MARK), op(opcodes.APPENDS)];
const TUPLE: Ends = [op(opcodes.MARK), op(opcodes.TUPLE)];
const DICT: Ends = [op(opcodes.EMPTY_DICT) + op(opcodes.MARK), op(opcodes.SETITEMS)];

type Ends = readonly [start: string, end: string];

const words: ReadonlyMap<string, string> = new Map([
  ['null', op(opcodes.NONE)],
  ['true', op(opcodes.NEWTRUE)],
  ['false', op(opcodes.NEWFALSE)],
]);

function written(value: PickleValue): string {
  if (typeof value === 'string') return value.startsWith('"') ? text(value) : scalar(value);
  let parts = '';
  if (value instanceof PickleDict) {
    for (const [name, member] of value.members)
      parts += written(value.keyOf(name)) + written(member);
    return DICT[0] + parts + DICT[1];
  }
  const [start, end] = value.isTuple ? TUPLE : LIST;
  for (const item of value.items) parts += written(item);
  return start + parts + end;
}

function text(json: string): string {
  const bytes = encodeText(json);
  return TEXT + fourBytes(bytes.length) + bytes;
}

function scalar(json: string): string {
  const word = words.get(json);
  if (word !== undefined) return word;
  const number = Number(json);
  if (!/^-?\d+$/.test(json)) return FLOAT + doubleBytes(number);
  if (number === (number | 0)) return INTEGER + fourBytes(number);
  const bytes = integerBytes(json);
  return bytes.length < 256
    ? LONG_INTEGER + op(bytes.length) + bytes
    : LONGER_INTEGER + fourBytes(bytes.length) + bytes;
}

/** Of a 32-bit integer, the lowest first. */
function fourBytes(value: number): string {
  return String.fromCharCode(
    value & 0xff,
    (value >>> 8) & 0xff,
    (value >>> 16) & 0xff,
    value >>> 24,
  );
}
