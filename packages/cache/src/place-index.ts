const FEWEST_SLOTS = 1024;
/** A slot is three words: the hash of a key, and the place of its entry plus one, in two words; zero where there is none. */
const WORDS = 3;
const WORD = 2 ** 32;

/**
 * Places of entries by the hash of their keys, in one typed array: a `Map` of a million keys is a million strings in the
 * heap of V8. Linear probing; at most three quarters of the slots are taken.
 */
export class PlaceIndex {
  #slots = new Uint32Array(FEWEST_SLOTS * WORDS);
  #mask = FEWEST_SLOTS - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The first slot with this hash, or -1. @param hash of 32 bits, without a sign. */
  first(hash: number): number {
    return this.#from(hash & this.#mask, hash);
  }

  /** The next slot with this hash, or -1. */
  next(slot: number, hash: number): number {
    return this.#from((slot + 1) & this.#mask, hash);
  }

  placeAt(slot: number): number {
    const [low, high] = [this.#slots[slot * WORDS + 1], this.#slots[slot * WORDS + 2]];
    return (high as number) * WORD + (low as number) - 1;
  }

  /** @param place a whole number that is not negative. */
  add(hash: number, place: number): void {
    if (this.#size >= (this.#mask + 1) * 0.75) this.#resize(2);
    let slot = hash & this.#mask;
    while (this.#isTaken(slot)) slot = (slot + 1) & this.#mask;
    this.#slots[slot * WORDS] = hash;
    this.#setPlace(slot, place);
    this.#size += 1;
  }

  /** The entry is somewhere else now. */
  move(hash: number, from: number, to: number): void {
    this.#setPlace(this.#slotOf(hash, from), to);
  }

  delete(hash: number, place: number): void {
    const [slots, mask] = [this.#slots, this.#mask];
    let hole = this.#slotOf(hash, place);
    // What was pushed behind it by others moves up, so that no search ends too early.
    for (let slot = (hole + 1) & mask; this.#isTaken(slot); slot = (slot + 1) & mask) {
      const home = (slots[slot * WORDS] as number) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots.copyWithin(hole * WORDS, slot * WORDS, slot * WORDS + WORDS);
      hole = slot;
    }
    slots.fill(0, hole * WORDS, hole * WORDS + WORDS);
    this.#size -= 1;
    if (mask >= FEWEST_SLOTS && this.#size < mask / 8) this.#resize(0.5);
  }

  #slotOf(hash: number, place: number): number {
    for (let slot = this.first(hash); slot >= 0; slot = this.next(slot, hash)) {
      if (this.placeAt(slot) === place) return slot;
    }
    throw new Error(`The index does not have place ${place}.`);
  }

  #from(start: number, hash: number): number {
    for (let slot = start; this.#isTaken(slot); slot = (slot + 1) & this.#mask) {
      if (this.#slots[slot * WORDS] === hash) return slot;
    }
    return -1;
  }

  #isTaken(slot: number): boolean {
    return this.#slots[slot * WORDS + 1] !== 0 || this.#slots[slot * WORDS + 2] !== 0;
  }

  #setPlace(slot: number, place: number): void {
    this.#slots[slot * WORDS + 1] = (place + 1) % WORD;
    this.#slots[slot * WORDS + 2] = (place + 1) / WORD;
  }

  #resize(factor: number): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * factor);
    this.#mask = this.#slots.length / WORDS - 1;
    for (let i = 0; i < old.length; i += WORDS) {
      if (old[i + 1] === 0 && old[i + 2] === 0) continue;
      let slot = (old[i] as number) & this.#mask;
      while (this.#isTaken(slot)) slot = (slot + 1) & this.#mask;
      this.#slots.set(old.subarray(i, i + WORDS), slot * WORDS);
    }
  }
}
