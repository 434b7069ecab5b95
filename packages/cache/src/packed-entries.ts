import { randomBytes } from 'node:crypto';
import { countedBytes, type KeptEntry } from './kept-entry.ts';
import { PlaceIndex } from './place-index.ts';
import { ALIGNMENT, recordSize, SLAB_BYTES, Slab, widthOf } from './slab.ts';

/** A place is the id of a slab and, in its lower bits, where a record starts in it, in steps of `ALIGNMENT`. */
const OFFSET_BITS = 17;
/** 32 GiB; the last ids are for slabs that are being made of others. */
const MOST_SLABS = 2 ** (32 - OFFSET_BITS) - 4;
/** Slabs beyond those that hold half of what they could. */
const SPARE_SLABS = 3;

/**
 * Entries as bytes outside of V8's heap, in the order in which they were added. V8 looks at each page of its heap whenever
 * it collects young objects, whatever is on it: measured, a million texts that nobody uses double what a session in
 * memory costs, and here they cost nothing until one of them is asked for. That takes a microsecond more.
 *
 * What is gone leaves a hole. Where holes take more than half, two neighbouring slabs become one, one pair at a time, so that
 * neither waiting nor memory grow.
 */
export class PackedEntries {
  readonly #index = new PlaceIndex();
  readonly #seed = randomBytes(4).readUInt32LE();
  readonly #slabs: (Slab | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Oldest first; entries are added to the last. */
  readonly #order: Slab[] = [];
  #counted = 0;
  /** Bytes of all records. */
  #live = 0;

  get size(): number {
    return this.#index.size;
  }

  /** What `countedBytes` makes of all entries. */
  get countedBytes(): number {
    return this.#counted;
  }

  /** Whether the oldest have to go before more can be added. */
  get isFull(): boolean {
    return this.#slabs.length >= MOST_SLABS && this.#freeIds.length === 0;
  }

  /** Adds an entry as the newest; its key must not be there. */
  add(entry: KeptEntry): void {
    const width = widthOf(entry.key, entry.text);
    const size = recordSize(entry.key, entry.text, width);
    let slab = this.#order.at(-1);
    if (!slab?.hasRoomFor(size)) {
      slab = this.#newSlab(size);
      this.#order.push(slab);
    }
    const hash = this.#hashOf(entry.key);
    this.#index.add(hash, placeOf(slab, slab.add(entry, hash, width)));
    this.#counted += countedBytes(entry.key.length, entry.text.length);
    this.#live += size;
  }

  get(key: string): KeptEntry | undefined {
    const place = this.#find(key);
    return place < 0 ? undefined : this.#slabOf(place).entryAt(offsetOf(place));
  }

  /** The key of an entry as a text of its own. */
  keyOf(key: string): string | undefined {
    const place = this.#find(key);
    return place < 0 ? undefined : this.#slabOf(place).keyAt(offsetOf(place));
  }

  /** Removes an entry and returns it. */
  take(key: string): KeptEntry | undefined {
    const place = this.#find(key);
    if (place < 0) return undefined;
    const entry = this.#slabOf(place).entryAt(offsetOf(place));
    this.#remove(place);
    return entry;
  }

  delete(key: string): boolean {
    const place = this.#find(key);
    if (place < 0) return false;
    this.#remove(place);
    return true;
  }

  /** Removes the entry that was added first, of which there has to be one, and returns its key. */
  takeOldest(): string {
    for (const slab of this.#order) {
      for (const offset of slab.offsets()) {
        const key = slab.keyAt(offset);
        this.#remove(placeOf(slab, offset));
        return key;
      }
    }
    throw new Error('There is no entry to take.');
  }

  /** Keys, oldest first; of those that end later than at `end`, in milliseconds since 1970, none. */
  keys(end: number = Number.POSITIVE_INFINITY): string[] {
    const keys: string[] = [];
    for (const slab of this.#order) {
      for (const offset of slab.offsets()) {
        if (slab.endsAt(offset) <= end) keys.push(slab.keyAt(offset));
      }
    }
    return keys;
  }

  #find(key: string): number {
    const hash = this.#hashOf(key);
    for (let slot = this.#index.first(hash); slot >= 0; slot = this.#index.next(slot, hash)) {
      const place = this.#index.placeAt(slot);
      if (this.#slabOf(place).hasKey(offsetOf(place), key)) return place;
    }
    return -1;
  }

  #remove(place: number): void {
    const [slab, offset] = [this.#slabOf(place), offsetOf(place)];
    this.#index.delete(slab.hashAt(offset), place);
    this.#counted -= countedBytes(slab.keyLengthAt(offset), slab.textLengthAt(offset));
    this.#live -= slab.sizeAt(offset);
    slab.remove(offset);
    if (slab.live === 0 && (slab.isLong || slab !== this.#order.at(-1))) {
      this.#order.splice(this.#order.indexOf(slab), 1);
      this.#release(slab);
    } else if (this.#order.length > 2 * Math.ceil(this.#live / SLAB_BYTES) + SPARE_SLABS) {
      this.#mergeTwo();
    }
  }

  /** Makes one slab of two neighbours that fit into one: there are such where more than half of all is holes. */
  #mergeTwo(): void {
    const order = this.#order;
    // Without the last one, to which entries are added.
    for (let i = 0; i + 2 < order.length; i += 1) {
      const pair = [order[i] as Slab, order[i + 1] as Slab] as const;
      if (!pair[0].fitsWith(pair[1])) continue;
      const merged = this.#newSlab(0);
      for (const slab of pair) {
        for (const offset of slab.offsets()) {
          const to = merged.copy(slab, offset);
          this.#index.move(merged.hashAt(to), placeOf(slab, offset), placeOf(merged, to));
        }
      }
      order.splice(i, 2, merged);
      for (const slab of pair) this.#release(slab);
      return;
    }
  }

  #newSlab(bytes: number): Slab {
    const id = this.#freeIds.pop() ?? this.#slabs.length;
    const slab = new Slab(id, bytes);
    this.#slabs[id] = slab;
    return slab;
  }

  #release(slab: Slab): void {
    this.#slabs[slab.id] = undefined;
    this.#freeIds.push(slab.id);
  }

  #slabOf(place: number): Slab {
    return this.#slabs[place >>> OFFSET_BITS] as Slab;
  }

  /** FNV-1a and the end of MurmurHash3, since the lower bits choose the slot. */
  #hashOf(key: string): number {
    let hash = this.#seed;
    for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

function placeOf(slab: Slab, offset: number): number {
  return slab.id * 2 ** OFFSET_BITS + offset / ALIGNMENT;
}

function offsetOf(place: number): number {
  return (place & (2 ** OFFSET_BITS - 1)) * ALIGNMENT;
}
