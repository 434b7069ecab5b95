import type { CacheEntry } from './cache.ts';

/** What an entry costs besides its characters, roughly: two strings, an object and its place in the cache. Packed ones cost less. */
const OVERHEAD_BYTES = 200;

/** A text that is kept in this process. */
export class KeptEntry implements CacheEntry {
  readonly key: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly endsAt: number;

  constructor(key: string, text: string, endsAt: number) {
    this.key = key;
    this.text = text;
    this.endsAt = endsAt;
  }

  /** One of its own for everybody who asks: whoever changes it must not change it for others. */
  get expiresAt(): Date {
    return new Date(this.endsAt);
  }
}

/** How many bytes are counted for an entry, by the length of its key and text. */
export function countedBytes(keyLength: number, textLength: number): number {
  return keyLength + textLength + OVERHEAD_BYTES;
}
