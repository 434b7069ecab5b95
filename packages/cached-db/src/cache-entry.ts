import { crc32 } from 'node:zlib';
import type { StoredSession } from '@coatcheck/core';

/** Milliseconds that an entry lives: what a partition can leave stale is stale for this long at most. */
export const ENTRY_MS = 300_000;
/** Milliseconds for which a removed session's key is answered by the database alone. */
export const DELETED_MS: number = ENTRY_MS;
/** Milliseconds for which a key is answered by the database alone after two processes wrote it at the same time. */
export const DOUBT_MS = 60_000;
/** Milliseconds after which a row that was read is not put into the cache any more: a newer one may exist. */
export const FILL_MS = 5_000;

/** Says: ask the database, and put nothing here. */
export const MARKER = '-';

/**
 * What the cache holds for a row, and what an update has to name: when it ends, and its exact text. The row's own
 * token alone would not do, since a renewal moves the expiry and leaves the text. The checksum in front tells bytes
 * that are damaged, or another key's, from an entry.
 */
export function entryOf(
  key: string,
  { base, expiresAt }: Pick<StoredSession, 'base' | 'expiresAt'>,
): string {
  const row = `${expiresAt?.getTime() ?? ''}:${base}`;
  return `${checksum(key, row)}:${row}`;
}

/** The row's own token in such a text. */
export function baseIn(entry: string): string {
  return entry.slice(entry.indexOf(':', entry.indexOf(':') + 1) + 1);
}

/** The row that the text under the key stands for; `undefined`: none that could be used. */
export function sessionIn(key: string, entry: string): StoredSession | undefined {
  const [, sum, expiry] = /^([0-9a-z]+):(\d{1,16}):/.exec(entry) ?? [];
  if (sum === undefined || sum !== checksum(key, entry.slice(sum.length + 1))) return undefined;
  return { data: baseIn(entry), base: entry, expiresAt: new Date(Number(expiry)) };
}

function checksum(key: string, row: string): string {
  return crc32(row, crc32(key)).toString(36);
}
