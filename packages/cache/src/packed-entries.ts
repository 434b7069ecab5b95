import { randomBytes } from 'node:crypto';
import { countedBytes, type KeptEntry } from './kept-entry.ts';
import { PlaceIndex } from './place-index.ts';
import { ALIGNMENT, LONGEST_BYTES, SLAB_BYTES, Slab } from './slab.ts';

/** Where a record may start in a slab. */
const STEPS = SLAB_BYTES / ALIGNMENT;
/** Neighbours that are copied into one slab less. */
const NEIGHBOURS = 4;
/** What is in all of them then: one slab less has room for it, wherever the longest records leave a rest. */
const MOST_IN_NEIGHBOURS = (NEIGHBOURS - 1) * (SLAB_BYTES - LONGEST_BYTES);
/** Empty slabs that are kept to be used again. */
const MOST_EMPTY = 64;

/**
 * Entries as bytes outside of V8's heap, in the order in which they were added. V8 looks at each page of its heap whenever
 * it collects young objects, whatever is on it: measured, a million texts that nobody uses make what a session in
 * memory costs up to twice as much. Here they cost nothing until one of them is asked for, and then some microseconds. (Texts of
 * more than 4 KB are an object each.)
 *
 * What is gone leaves a hole. Where a third of all are holes, four neighbours become three, one group at a time: measured,
 * 0.05 ms with sessions of 300 bytes, and 0.2 with empty ones.
 */
export class PackedEntries {
  readonly #index = new PlaceIndex();
  readonly #seed = randomBytes(4).readUInt32LE();
  /** By their ids. */
  readonly #slabs: (Slab | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #empty: Slab[] = [];
  /** Oldest first; entries are added to the last. */
  readonly #order: Slab[] = [];
  /** Where in the order neighbours are looked for next. */
  #next = 0;
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

  /** Adds an entry as the newest; its key must not be there. */
  add(entry: KeptEntry): void {
    const hash = this.#hashOf(entry.key);
    let slab = this.#order.at(-1);
    let offset = slab?.add(entry, hash) ?? -1;
    if (!slab || offset < 0) {
      slab = this.#newSlab();
      this.#order.push(slab);
      offset = slab.add(entry, hash);
    }
    this.#index.add(hash, placeOf(slab, offset));
    this.#counted += countedBytes(entry.key.length, entry.text.length);
    this.#live += slab.sizeAt(offset);
  }

  get(key: string): KeptEntry | undefined {
    const place = this.#find(key);
    return place < 0 ? undefined : this.#slabOf(place).entryAt(offsetOf(place));
  }

  /** When an entry ends. */
  endOf(key: string): number | undefined {
    const place = this.#find(key);
    return place < 0 ? undefined : this.#slabOf(place).endsAt(offsetOf(place));
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

  /** Keys, oldest first; with `end`, in milliseconds since 1970, only of those that end by then. */
  keys(end?: number): string[] {
    const keys: string[] = [];
    for (const slab of this.#order) {
      for (const offset of slab.offsets()) {
        if (end === undefined || slab.endsAt(offset) <= end) keys.push(slab.keyAt(offset));
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
    if (slab.live === 0 && slab !== this.#order.at(-1)) {
      this.#order.splice(this.#order.indexOf(slab), 1);
      this.#release(slab);
    }
    // Entries are added to the last one; of the others, in groups, one must be sparse enough.
    const others = this.#order.length - 1;
    const groups = (others - NEIGHBOURS + 1) / NEIGHBOURS;
    if (this.#live < MOST_IN_NEIGHBOURS * groups) this.#merge(others);
  }

  /** Makes one slab less of the next neighbours that leave enough room, among so many. */
  #merge(among: number): void {
    for (let tried = 0; tried < among; tried += 1) {
      if (this.#next + NEIGHBOURS > among) this.#next = 0;
      const sparse = this.#order.slice(this.#next, this.#next + NEIGHBOURS);
      const live = sparse.reduce((sum, slab) => sum + slab.live, 0);
      if (live <= MOST_IN_NEIGHBOURS) {
        this.#order.splice(this.#next, NEIGHBOURS, ...this.#copies(sparse));
        for (const slab of sparse) this.#release(slab);
        return;
      }
      this.#next += 1;
    }
  }

  /** Slabs with what is left in these. */
  #copies(slabs: readonly Slab[]): Slab[] {
    const copies = [this.#newSlab()];
    for (const slab of slabs) {
      for (const offset of slab.offsets()) {
        let copy = copies.at(-1) as Slab;
        let to = copy.copy(slab, offset);
        if (to < 0) {
          copy = this.#newSlab();
          copies.push(copy);
          to = copy.copy(slab, offset);
        }
        this.#index.move(copy.hashAt(to), placeOf(slab, offset), placeOf(copy, to));
      }
    }
    return copies;
  }

  #newSlab(): Slab {
    const empty = this.#empty.pop();
    if (empty) return empty;
    const slab = new Slab(this.#freeIds.pop() ?? this.#slabs.length);
    this.#slabs[slab.id] = slab;
    return slab;
  }

  #release(slab: Slab): void {
    if (this.#empty.length < MOST_EMPTY) {
      slab.clear();
      this.#empty.push(slab);
    } else {
      this.#slabs[slab.id] = undefined;
      this.#freeIds.push(slab.id);
    }
  }

  #slabOf(place: number): Slab {
    return this.#slabs[Math.floor(place / STEPS)] as Slab;
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
  return slab.id * STEPS + offset / ALIGNMENT;
}

function offsetOf(place: number): number {
  return (place % STEPS) * ALIGNMENT;
}
