import type { SessionStore } from '@coatcheck/core';

/** The session as one that may have any entry: Django's reserved names are no part of an application's own type. */
export function reservedEntries<Data extends object>(
  session: SessionStore<Data>,
): SessionStore<Record<string, unknown>> {
  return session as unknown as SessionStore<Record<string, unknown>>; // one class, whatever its entries
}
