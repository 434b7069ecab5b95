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
 * token alone would not do, since a renewal moves the expiry and leaves the text.
 */
export function entryOf({ base, expiresAt }: Pick<StoredSession, 'base' | 'expiresAt'>): string {
  return `${expiresAt?.getTime() ?? ''}:${base}`;
}

/** The row's own token in such a text. */
export function baseIn(entry: string): string {
  return entry.slice(entry.indexOf(':') + 1);
}

/** The row that the text stands for; `undefined`: none that could be used. */
export function sessionIn(entry: string): StoredSession | undefined {
  const match = /^(\d{1,16}):/.exec(entry);
  if (!match) return undefined;
  return { data: baseIn(entry), base: entry, expiresAt: new Date(Number(match[1])) };
}
