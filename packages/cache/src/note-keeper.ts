import type { AccountNote, Awaitable, NotedSession } from '@coatcheck/core';

/** What is noted of a session, without the session. */
export type CacheNote = Omit<NotedSession, 'stored'>;

/** A cache that can also keep which sessions an account has: what `CacheBackend` needs for `sessions.of(account)`. */
export interface NoteKeeper {
  /**
   * Adds the note, or renews that of the same key: what it does not know stays, and so does the creation. Returns how
   * many notes the account has now, where notes of sessions that have ended stay until they are dropped; else 0.
   */
  putNote(note: AccountNote): Awaitable<number>;

  /** The notes of the account: one read. */
  notesOf(account: string): Awaitable<readonly CacheNote[]>;

  /** Removes notes, but not of sessions that were seen at or after the instant. */
  dropNotes(account: string, keys: readonly string[], unseenSince: Date): Awaitable<void>;
}

/** Whether the cache is a `NoteKeeper`. */
export function keepsNotes<Cache extends object>(cache: Cache): cache is Cache & NoteKeeper {
  return typeof (cache as Partial<NoteKeeper>).notesOf === 'function';
}
