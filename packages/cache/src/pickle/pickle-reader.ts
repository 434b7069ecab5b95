import { floatLine, indexLine, integerLine, unicodeLine } from './pickle-lines.ts';
import { calling, naming, opcodes, withoutJson } from './pickle-opcodes.ts';
import { damaged, PickleRefusal } from './pickle-refusal.ts';
import {
  assertBytes,
  assertValues,
  PickleDict,
  PickleList,
  type PickleValue,
} from './pickle-value.ts';
import { decodeText, floatText, integerText, readDouble } from './python-scalars.ts';

/**
 * Reads what Python's `pickle.dumps` makes of plain values, in any protocol. There is nothing here that could run code:
 * an opcode that names a class or a function, or calls one, ends the reading.
 *
 * @param bytes one character for each
 * @throws {PickleRefusal} for everything else
 */
export function readPickle(bytes: string): Unpickled {
  assertBytes(bytes.length);
  return new PickleReader(bytes).read();
}

/** What was read. */
export interface Unpickled {
  readonly value: PickleValue;
  /** Whether there is anything in it that JSON would turn into something else: tuples, keys that are no text. */
  readonly hasTypes: boolean;
}

/** Python's unpickling machine, as far as plain values need it: opcodes put values on a stack and together. */
class PickleReader {
  readonly #bytes: string;
  #at = 0;
  readonly #stack: PickleValue[] = [];
  /** The height of the stack at each MARK that is still open. */
  readonly #marks: number[] = [];
  /** The height under which no opcode may reach. */
  #floor = 0;
  // Sparse where a pickle skips places, however far.
  readonly #memo: PickleValue[] = [];
  #remembered = 0;
  #hasTypes = false;
  #values = 0;

  constructor(bytes: string) {
    this.#bytes = bytes;
  }

  read(): Unpickled {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === opcodes.STOP) return this.#result();
      const value = this.#value(opcode);
      if (value === undefined) this.#apply(opcode);
      else this.#push(value);
    }
  }

  #result(): Unpickled {
    const [value] = this.#stack;
    const isAll = this.#stack.length === 1 && this.#marks.length === 0;
    if (value === undefined || !isAll || this.#at < this.#bytes.length) throw damaged();
    return { value, hasTypes: this.#hasTypes };
  }

  /** The value that the opcode puts on the stack; `undefined` when it does something else. */
  #value(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case opcodes.NONE:
        return 'null';
      case opcodes.NEWTRUE:
        return 'true';
      case opcodes.NEWFALSE:
        return 'false';

      case opcodes.BININT:
        return String(this.#integer(4) | 0);
      case opcodes.BININT1:
        return String(this.#byte());
      case opcodes.BININT2:
        return String(this.#integer(2));
      case opcodes.LONG1:
        return integerText(this.#take(this.#byte()));
      case opcodes.LONG4:
        return integerText(this.#take(this.#integer(4)));
      case opcodes.INT:
      case opcodes.LONG:
        return integerLine(this.#line(), opcode === opcodes.LONG);
      case opcodes.BINFLOAT:
        return floatText(readDouble(this.#take(8)));
      case opcodes.FLOAT:
        return floatLine(this.#line());

      case opcodes.SHORT_BINUNICODE:
        return decodeText(this.#take(this.#byte()));
      case opcodes.BINUNICODE:
        return decodeText(this.#take(this.#integer(4)));
      case opcodes.BINUNICODE8:
        return decodeText(this.#take(this.#integer(8)));
      case opcodes.UNICODE:
        return unicodeLine(this.#line());

      case opcodes.EMPTY_LIST:
        return new PickleList([]);
      case opcodes.LIST:
        return new PickleList(this.#sinceMark());
      case opcodes.EMPTY_TUPLE:
        return this.#tuple([]);
      case opcodes.TUPLE1:
      case opcodes.TUPLE2:
      case opcodes.TUPLE3:
        return this.#tuple(this.#pop(opcode - opcodes.TUPLE1 + 1));
      case opcodes.TUPLE:
        return this.#tuple(this.#sinceMark());
      case opcodes.EMPTY_DICT:
        return new PickleDict();
      case opcodes.DICT:
        return this.#setIn(new PickleDict(), this.#sinceMark());

      case opcodes.GET:
        return this.#recall(indexLine(this.#line()));
      case opcodes.BINGET:
        return this.#recall(this.#byte());
      case opcodes.LONG_BINGET:
        return this.#recall(this.#integer(4));
      default:
        return undefined;
    }
  }

  #apply(opcode: number): void {
    switch (opcode) {
      case opcodes.PROTO:
        if (this.#at !== 1 || this.#byte() > HIGHEST_PROTOCOL) throw damaged();
        return;
      case opcodes.FRAME:
        if (this.#integer(8) > this.#bytes.length - this.#at) throw damaged();
        return;
      case opcodes.MARK:
        this.#floor = this.#stack.length;
        this.#marks.push(this.#floor);
        return;

      case opcodes.APPEND:
        appendTo(...this.#under(this.#pop(1)));
        return;
      case opcodes.APPENDS:
        appendTo(...this.#under(this.#sinceMark()));
        return;
      case opcodes.SETITEM:
        this.#setIn(...this.#under(this.#pop(2)));
        return;
      case opcodes.SETITEMS:
        this.#setIn(...this.#under(this.#sinceMark()));
        return;

      case opcodes.PUT:
        this.#remember(indexLine(this.#line()));
        return;
      case opcodes.BINPUT:
        this.#remember(this.#byte());
        return;
      case opcodes.LONG_BINPUT:
        this.#remember(this.#integer(4));
        return;
      case opcodes.MEMOIZE:
        this.#remember(this.#remembered);
        return;
      default:
        throw this.#refusal(opcode);
    }
  }

  /** Why a pickle with this opcode is none of plain values. */
  #refusal(opcode: number): PickleRefusal {
    const kind = withoutJson.get(opcode);
    if (kind !== undefined) return new PickleRefusal(`a pickle with ${kind}`);
    if (opcode === naming.GLOBAL || opcode === naming.INST) {
      return needs(this.#line(), this.#line());
    }
    if (opcode === naming.STACK_GLOBAL) return needs(...this.#pop(2).map(nameIn));
    return calling.has(opcode) ? needs() : damaged();
  }

  #tuple(items: PickleValue[]): PickleList {
    this.#hasTypes = true;
    return new PickleList(items, true);
  }

  #setIn(dict: PickleValue, members: readonly PickleValue[]): PickleDict {
    if (!(dict instanceof PickleDict) || members.length % 2 > 0) throw damaged();
    for (let i = 0; i < members.length; i += 2) {
      dict.set(members[i] as PickleValue, members[i + 1] as PickleValue);
    }
    this.#hasTypes ||= dict.keys !== undefined;
    return dict;
  }

  #push(value: PickleValue): void {
    this.#values += 1;
    assertValues(this.#values);
    this.#stack.push(value);
  }

  #pop(count: number): PickleValue[] {
    if (this.#stack.length - this.#floor < count) throw damaged();
    return this.#stack.splice(-count);
  }

  #sinceMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw damaged();
    this.#floor = this.#marks.at(-1) ?? 0;
    return this.#stack.splice(height);
  }

  #top(): PickleValue {
    const value = this.#stack.length > this.#floor ? this.#stack.at(-1) : undefined;
    if (value === undefined) throw damaged();
    return value;
  }

  /** What the values belong into: it is under them on the stack. */
  #under(values: PickleValue[]): [container: PickleValue, values: PickleValue[]] {
    return [this.#top(), values];
  }

  #remember(index: number): void {
    if (this.#memo[index] === undefined) this.#remembered += 1;
    this.#memo[index] = this.#top();
  }

  #recall(index: number): PickleValue {
    const value = this.#memo[index];
    if (value === undefined) throw damaged();
    return value;
  }

  #take(length: number): string {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw damaged();
    const taken = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return taken;
  }

  #byte(): number {
    const byte = this.#bytes.charCodeAt(this.#at);
    if (Number.isNaN(byte)) throw damaged();
    this.#at += 1;
    return byte;
  }

  /** An unsigned integer, the lowest byte first. Beyond 2^53 it is not exact, which does not matter to a length. */
  #integer(size: number): number {
    if (this.#at + size > this.#bytes.length) throw damaged();
    let value = 0;
    for (let i = size - 1; i >= 0; i -= 1) {
      value = value * 256 + this.#bytes.charCodeAt(this.#at + i);
    }
    this.#at += size;
    return value;
  }

  #line(): string {
    const end = this.#bytes.indexOf('\n', this.#at);
    if (end === -1) throw damaged();
    const line = this.#bytes.slice(this.#at, end);
    this.#at = end + 1;
    return line;
  }
}

const HIGHEST_PROTOCOL = 5;
const NAME = /^[\w.<>]{1,80}$/;

function appendTo(list: PickleValue, items: readonly PickleValue[]): void {
  if (!(list instanceof PickleList) || list.isTuple) throw damaged();
  for (const item of items) list.items.push(item);
}

/** The names are bytes from outside: only what looks like one is repeated. */
function needs(...path: (string | undefined)[]): PickleRefusal {
  const isNamed = path.length > 0 && path.every((name) => name !== undefined && NAME.test(name));
  return new PickleRefusal(`a pickle that needs ${isNamed ? path.join('.') : 'code'}`);
}

function nameIn(value: PickleValue): string | undefined {
  return typeof value === 'string' && value.startsWith('"') ? JSON.parse(value) : undefined;
}
