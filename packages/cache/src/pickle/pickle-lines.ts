import { damaged } from './pickle-refusal.ts';
import { assertDigits, floatText, jsonText } from './python-scalars.ts';

/** An integer of protocol 0, where booleans are integers with a zero in front. @throws {PickleRefusal} */
export function integerLine(line: string, isLong: boolean): string {
  if (!isLong && line === '00') return 'false';
  if (!isLong && line === '01') return 'true';
  const digits = isLong ? line.replace(/L$/, '') : line;
  if (!/^(?:0|-?[1-9]\d*)$/.test(digits)) throw damaged();
  assertDigits(digits);
  return digits;
}

/** A float of protocol 0, as Python's `repr` writes it. @throws {PickleRefusal} */
export function floatLine(line: string): string {
  const special = specialFloats.get(line);
  if (special !== undefined) return special;
  if (!/^-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,4})?$/.test(line)) throw damaged();
  return floatText(Number(line));
}

/** A text of protocol 0: Python's `raw-unicode-escape`. @throws {PickleRefusal} */
export function unicodeLine(line: string): string {
  const text = line.replace(escapes, (found, four?: string, eight?: string) => {
    const digits = four ?? eight;
    if (digits === undefined) {
      if (/^\\[uU]/.test(found)) throw damaged();
      return found;
    }
    const point = Number.parseInt(digits, 16);
    if (point > 0x10ffff) throw damaged();
    return String.fromCodePoint(point);
  });
  return jsonText(text);
}

/** A place in the memo, of protocol 0. @throws {PickleRefusal} */
export function indexLine(line: string): number {
  if (!/^\d{1,10}$/.test(line)) throw damaged();
  return Number(line);
}

const specialFloats: ReadonlyMap<string, string> = new Map([
  ['nan', 'NaN'],
  ['inf', 'Infinity'],
  ['-inf', '-Infinity'],
]);
const escapes = /\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})|\\(?:.|$)/gs;
