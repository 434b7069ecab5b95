import { randomBytes } from 'node:crypto';

/** A row of a session table. */
export interface SessionRow {
  readonly key: string;
  readonly data: string;
  readonly expiresAt: Date;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const DAY_MS = 86_400_000;
const DATA_BYTES = 225;

/**
 * Sessions of four weeks in the order in which they began, the first half expired. A session lives for two weeks, some
 * longer since their visitors came back; what is in it is as long as that of a small shop and means nothing.
 */
export function* sessionRows(count: number, now: Date): Generator<SessionRow> {
  for (let i = 0; i < count; i += 1) {
    const end = now.getTime() + 14 * DAY_MS * ((2 * i) / count - 1);
    const later = end + Math.random() * 3 * DAY_MS;
    const isExpired = i < count / 2;
    const expiresAt = isExpired ? Math.min(later, now.getTime() - 60_000) : later + DAY_MS;
    yield { key: randomKey(), data: randomData(), expiresAt: new Date(expiresAt) };
  }
}

/** The rows, some at once. */
export function* inBatches<Item>(items: Iterable<Item>, size: number): Generator<Item[]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function randomKey(): string {
  return Array.from(randomBytes(32), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

function randomData(): string {
  return randomBytes(DATA_BYTES).toString('base64url');
}
