import { KeptEntry } from './kept-entry.ts';

/** Bytes of a slab; a record that is longer has one of its own. */
export const SLAB_BYTES = 1_048_576;
/** Records start at multiples of it, for numbers of eight bytes. */
export const ALIGNMENT = 8;

// A record: its size in bytes, the hash of the key, when it ends (64 bits), the length of key and text in characters,
// then both. Characters take a byte each, or two where one of them is no ASCII, which keeps any text as it is.
const HEADER_BYTES = 24;
const [SIZE, HASH, ENDS_AT, KEY_LENGTH, TEXT_LENGTH] = [0, 1, 1, 4, 5];

type Width = 1 | 2;

/** In the word of the key's length. */
const WIDE = 2 ** 31;
const GONE = 2 ** 30;
const LENGTH = GONE - 1;

/** Entries one after the other in memory outside of V8's heap. */
export class Slab {
  readonly id: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  /** Bytes up to the end of the last record. */
  #used = 0;
  /** Bytes of records that are not gone. */
  #live = 0;
  /** Where the first record may be that is not gone. */
  #first = 0;

  /** @param bytes that the first record takes. */
  constructor(id: number, bytes: number) {
    this.id = id;
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#doubles = new Float64Array(this.#bytes.buffer);
  }

  get live(): number {
    return this.#live;
  }

  /** Whether it was made for a record that is longer than a slab. */
  get isLong(): boolean {
    return this.#bytes.length > SLAB_BYTES;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#used + bytes <= this.#bytes.length;
  }

  /** Whether all that is in both fits into one. */
  fitsWith(other: Slab): boolean {
    return this.#live + other.#live <= SLAB_BYTES;
  }

  /** Puts an entry there, for which there has to be room, and returns its offset. */
  add({ key, text, endsAt }: KeptEntry, hash: number, width: Width): number {
    const [offset, bytes, words] = [this.#used, this.#bytes, this.#words];
    const word = offset / 4;
    const size = recordSize(key, text, width);
    words[word + SIZE] = size;
    words[word + HASH] = hash;
    this.#doubles[offset / 8 + ENDS_AT] = endsAt;
    words[word + KEY_LENGTH] = width === 2 ? key.length + WIDE : key.length;
    words[word + TEXT_LENGTH] = text.length;
    const encoding = width === 2 ? 'utf16le' : 'latin1';
    const start = offset + HEADER_BYTES;
    bytes.write(key, start, encoding);
    bytes.write(text, start + key.length * width, encoding);
    this.#used += size;
    this.#live += size;
    return offset;
  }

  /** Puts a record of another slab there, for which there has to be room. */
  copy(from: Slab, offset: number): number {
    const to = this.#used;
    const size = from.sizeAt(offset);
    this.#bytes.set(from.#bytes.subarray(offset, offset + size), to);
    this.#used += size;
    this.#live += size;
    return to;
  }

  remove(offset: number): void {
    const word = offset / 4 + KEY_LENGTH;
    this.#words[word] = (this.#words[word] as number) + GONE;
    this.#live -= this.sizeAt(offset);
    // Nothing is left: all of it may be used again.
    if (this.#live === 0) this.#used = this.#first = 0;
  }

  /** Offsets of the records that are not gone, oldest first. */
  *offsets(): Generator<number> {
    for (let at = this.#first; at < this.#used; at += this.sizeAt(at)) {
      if (this.#isGone(at)) {
        if (at === this.#first) this.#first += this.sizeAt(at);
      } else {
        yield at;
      }
    }
  }

  sizeAt(offset: number): number {
    return this.#words[offset / 4 + SIZE] as number;
  }

  hashAt(offset: number): number {
    return this.#words[offset / 4 + HASH] as number;
  }

  endsAt(offset: number): number {
    return this.#doubles[offset / 8 + ENDS_AT] as number;
  }

  keyLengthAt(offset: number): number {
    return (this.#words[offset / 4 + KEY_LENGTH] as number) & LENGTH;
  }

  textLengthAt(offset: number): number {
    return this.#words[offset / 4 + TEXT_LENGTH] as number;
  }

  keyAt(offset: number): string {
    return this.#textAt(offset, 0, this.keyLengthAt(offset));
  }

  entryAt(offset: number): KeptEntry {
    const keyLength = this.keyLengthAt(offset);
    const text = this.#textAt(offset, keyLength, this.textLengthAt(offset));
    return new KeptEntry(this.keyAt(offset), text, this.endsAt(offset));
  }

  hasKey(offset: number, key: string): boolean {
    if (this.keyLengthAt(offset) !== key.length) return false;
    if (this.#widthAt(offset) === 2) return this.keyAt(offset) === key;
    const start = offset + HEADER_BYTES;
    for (let i = 0; i < key.length; i += 1) {
      if (this.#bytes[start + i] !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Characters of a record from one that is so many behind its first. */
  #textAt(offset: number, from: number, length: number): string {
    const width = this.#widthAt(offset);
    const start = offset + HEADER_BYTES + from * width;
    return this.#bytes.toString(width === 2 ? 'utf16le' : 'latin1', start, start + length * width);
  }

  #widthAt(offset: number): Width {
    return (this.#words[offset / 4 + KEY_LENGTH] as number) >= WIDE ? 2 : 1;
  }

  #isGone(offset: number): boolean {
    return ((this.#words[offset / 4 + KEY_LENGTH] as number) & GONE) !== 0;
  }
}

/** Bytes that an entry takes. */
export function recordSize(key: string, text: string, width: Width): number {
  const size = HEADER_BYTES + (key.length + text.length) * width;
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

/** How many bytes each of their characters takes. */
export function widthOf(key: string, text: string): Width {
  return isAscii(text) && isAscii(key) ? 1 : 2;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
