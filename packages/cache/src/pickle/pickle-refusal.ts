/** Bytes that are no pickle of plain values. The message says what they are instead, without what is in them. */
export class PickleRefusal extends Error {
  override readonly name = 'PickleRefusal';
}

/** Bytes that Python does not read either, or that it never writes. */
export function damaged(): PickleRefusal {
  return new PickleRefusal('a damaged pickle');
}
