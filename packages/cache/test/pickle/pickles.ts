import { PickleSerializer } from '../../src/pickle/pickle-serializer.ts';

const serializer = new PickleSerializer();

/** A pickle as the reader takes it, from base64. */
export function pickleOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}

/** The reverse. */
export function base64Of(pickle: string): string {
  return Buffer.from(pickle, 'latin1').toString('base64');
}

/** The JSON of a session that is stored as a pickle. */
export function jsonIn(pickle: string): string {
  const reading = serializer.loads(pickle);
  if ('refused' in reading) throw new Error(`Refused: ${reading.refused}.`);
  return reading.data;
}

/** Why a pickle is refused; fails for one that is not. */
export function refusalOf(pickle: string): string {
  const reading = serializer.loads(pickle);
  if ('data' in reading) throw new Error(`Not refused, but read as ${reading.data}.`);
  return reading.refused;
}

/** A pickle of a dict whose entry `v` these opcodes make. */
export function pickleWith(opcodes: string): string {
  return `\x80\x04}(\x8c\x01v${opcodes}u.`;
}

/** JSON with the escapes that Python writes. */
export function inAscii(json: string): string {
  return json.replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
