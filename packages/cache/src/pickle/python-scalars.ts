import { damaged, PickleRefusal } from './pickle-refusal.ts';

/** Python refuses to print integers of more digits (`sys.set_int_max_str_digits`), and core to read them. */
const MOST_DIGITS = 4300;
/** The bytes of an integer of that many digits. */
const MOST_INTEGER_BYTES = 1786;

const double = new DataView(new ArrayBuffer(8));

/** The digits of an integer in two's complement, the lowest byte first. */
export function integerText(bytes: string): string {
  if (bytes === '') return '0';
  if (bytes.length > MOST_INTEGER_BYTES) throw tooManyDigits();
  let hex = '';
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    hex += bytes.charCodeAt(at).toString(16).padStart(2, '0');
  }
  const text = String(BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`)));
  assertDigits(text);
  return text;
}

/** @throws {PickleRefusal} when an integer is longer than Python prints. */
export function assertDigits(text: string): void {
  if (text.length > MOST_DIGITS + (text.startsWith('-') ? 1 : 0)) throw tooManyDigits();
}

/** The fewest bytes of two's complement that a simple rule gives: one more than the whole bytes of the magnitude. */
export function integerBytes(text: string): string {
  const value = BigInt(text);
  const bits = (value < 0n ? -value : value).toString(2).length;
  const length = Math.floor(bits / 8) + 1;
  const hex = BigInt.asUintN(8 * length, value)
    .toString(16)
    .padStart(2 * length, '0');
  return Buffer.from(hex, 'hex').reverse().toString('latin1');
}

/** A float as Python's json module writes it. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) {
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** The float in eight bytes, the highest first. */
export function readDouble(bytes: string): number {
  for (let i = 0; i < 8; i += 1) double.setUint8(i, bytes.charCodeAt(i));
  return double.getFloat64(0);
}

/** Eight bytes, the highest first. */
export function doubleBytes(value: number): string {
  double.setFloat64(0, value);
  return Buffer.from(double.buffer).toString('latin1');
}

/**
 * The JSON of a text in UTF-8 bytes, in which lone surrogates have bytes as well (Python: `surrogatepass`).
 *
 * @throws {PickleRefusal} when the bytes are none.
 */
export function decodeText(bytes: string): string {
  if (isPlain.test(bytes)) return `"${bytes}"`;
  if (!bytes.includes('\xed')) return jsonText(decodePart(bytes));
  return jsonText(bytes.split(surrogateBytes).map(decodePart).join(''));
}

/** The bytes of a text that is given as JSON: the reverse of `decodeText`. */
export function encodeText(json: string): string {
  const text: string = json.includes('\\') ? JSON.parse(json) : json.slice(1, -1);
  if (isAscii.test(text)) return text;
  return text.split(loneSurrogate).map(encodePart).join('');
}

/** A text as JSON of printable ASCII, as core writes it. */
export function jsonText(text: string): string {
  return isPlain.test(text)
    ? `"${text}"`
    : JSON.stringify(text).replace(
        /[^ -~]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
}

/** Nothing that JSON escapes. */
const isPlain = /^[ !#-[\]-~]*$/;
const isAscii = /^[\0-\x7f]*$/;
// Lead bytes are lead bytes only, so that this finds nothing inside of other characters.
const surrogateBytes = /(\xed[\xa0-\xbf][\x80-\xbf])/;
const loneSurrogate = /(\p{Surrogate})/u;

function decodePart(part: string): string {
  const bytes = Buffer.from(part, 'latin1');
  if (part.length === 3 && surrogateBytes.test(part)) {
    const [, second = 0, third = 0] = bytes;
    return String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
  }
  const text = bytes.toString();
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes)) throw damaged();
  return text;
}

function encodePart(part: string): string {
  if (!(part.length === 1 && loneSurrogate.test(part))) return Buffer.from(part).toString('latin1');
  const unit = part.charCodeAt(0);
  return String.fromCharCode(0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
}

function tooManyDigits(): PickleRefusal {
  return new PickleRefusal(`a pickle of an integer with more than ${MOST_DIGITS} digits`);
}
