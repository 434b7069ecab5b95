import { KeptEntry } from './kept-entry.ts';

/** Bytes of every slab; small enough that a few of them are copied in a fraction of a millisecond. */
export const SLAB_BYTES = 32_768;
/** Bytes of the longest record of which all is in the slab; the characters of others are in buffers of their own. */
export const LONGEST_BYTES = 4096;

// A record: its size in bytes, the hash of the key, when it ends (64 bits), the length of key and text in characters,
// then both, where they are not too long.
const HEADER_BYTES = 24;
/** Records start at multiples of it, for numbers of eight bytes. */
export const ALIGNMENT = 8;
const [SIZE, HASH, ENDS_AT, KEY_LENGTH, TEXT_LENGTH] = [0, 1, 1, 4, 5];

// In the word of the key's length. Characters take one byte each, or two where one of them is beyond Latin-1.
const WIDE = 2 ** 31;
const GONE = 2 ** 30;
const LONG = 2 ** 29;
const LENGTH = LONG - 1;

/** Entries one after the other in memory outside of V8's heap. */
export class Slab {
  /** Its number among slabs. */
  readonly id: number;
  readonly #bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #doubles = new Float64Array(this.#bytes.buffer);
  /** Characters of long records by their offset. */
  readonly #long = new Map<number, Buffer>();
  /** Bytes up to the end of the last record. */
  #used = 0;
  /** Bytes of records that are not gone. */
  #live = 0;
  /** Where the first record may be that is not gone. */
  #first = 0;

  constructor(id: number) {
    this.id = id;
  }

  get live(): number {
    return this.#live;
  }

  /** Puts an entry there and returns its offset, or -1 where there is no room. */
  add({ key, text, endsAt }: KeptEntry, hash: number): number {
    const width = isLatin1(text) && isLatin1(key) ? 1 : 2;
    const length = (key.length + text.length) * width;
    const isLong = HEADER_BYTES + length > LONGEST_BYTES;
    const size = HEADER_BYTES + (isLong ? 0 : Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    const offset = this.#reserve(size);
    if (offset < 0) return -1;
    const [words, word] = [this.#words, offset / 4];
    words[word + SIZE] = size;
    words[word + HASH] = hash;
    this.#doubles[offset / 8 + ENDS_AT] = endsAt;
    words[word + KEY_LENGTH] = key.length + (width === 2 ? WIDE : 0) + (isLong ? LONG : 0);
    words[word + TEXT_LENGTH] = text.length;
    const bytes = isLong ? Buffer.allocUnsafeSlow(length) : this.#bytes;
    if (isLong) this.#long.set(offset, bytes);
    const start = isLong ? 0 : offset + HEADER_BYTES;
    const encoding = width === 2 ? 'utf16le' : 'latin1';
    bytes.write(key, start, encoding);
    bytes.write(text, start + key.length * width, encoding);
    return offset;
  }

  /** Puts a record of another slab there and returns its offset, or -1 where there is no room. */
  copy(from: Slab, offset: number): number {
    const size = from.sizeAt(offset);
    const to = this.#reserve(size);
    if (to < 0) return -1;
    this.#bytes.set(from.#bytes.subarray(offset, offset + size), to);
    const long = from.#long.get(offset);
    if (long) this.#long.set(to, long);
    return to;
  }

  remove(offset: number): void {
    const word = offset / 4 + KEY_LENGTH;
    this.#words[word] = (this.#words[word] as number) + GONE;
    this.#long.delete(offset);
    this.#live -= this.sizeAt(offset);
    if (this.#live === 0) this.clear();
  }

  /** Makes it as if it were new. */
  clear(): void {
    this.#long.clear();
    this.#used = this.#live = this.#first = 0;
  }

  /** Offsets of the records that are not gone, oldest first. */
  *offsets(): Generator<number> {
    for (let at = this.#first; at < this.#used; at += this.sizeAt(at)) {
      if (!this.#has(at, GONE)) yield at;
      else if (at === this.#first) this.#first += this.sizeAt(at);
    }
  }

  /** Bytes of a record, without characters that have a buffer of their own. */
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
    return this.#charactersAt(offset, 0, this.keyLengthAt(offset));
  }

  entryAt(offset: number): KeptEntry {
    const keyLength = this.keyLengthAt(offset);
    const text = this.#charactersAt(offset, keyLength, this.textLengthAt(offset));
    return new KeptEntry(this.keyAt(offset), text, this.endsAt(offset));
  }

  hasKey(offset: number, key: string): boolean {
    if (this.keyLengthAt(offset) !== key.length) return false;
    if (this.#has(offset, WIDE) || this.#has(offset, LONG)) return this.keyAt(offset) === key;
    const start = offset + HEADER_BYTES;
    for (let i = 0; i < key.length; i += 1) {
      if (this.#bytes[start + i] !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Takes room for a record; returns where it is, or -1. */
  #reserve(size: number): number {
    const offset = this.#used;
    if (offset + size > SLAB_BYTES) return -1;
    this.#used += size;
    this.#live += size;
    return offset;
  }

  /** Characters of a record, from one that is so many behind its first. */
  #charactersAt(offset: number, from: number, length: number): string {
    const long = this.#has(offset, LONG) ? this.#long.get(offset) : undefined;
    const width = this.#has(offset, WIDE) ? 2 : 1;
    const start = (long ? 0 : offset + HEADER_BYTES) + from * width;
    const encoding = width === 2 ? 'utf16le' : 'latin1';
    return (long ?? this.#bytes).toString(encoding, start, start + length * width);
  }

  #has(offset: number, flag: number): boolean {
    return ((this.#words[offset / 4 + KEY_LENGTH] as number) & flag) !== 0;
  }
}

function isLatin1(text: string): boolean {
  // Most are ASCII alone, which is quicker to be told than by a regular expression.
  return Buffer.byteLength(text) === text.length || !/[^\0-\xff]/.test(text);
}
