import type { AccountNote } from '@coatcheck/core';
import type { CacheNote, NoteKeeper } from './note-keeper.ts';

/** The notes of a cache in the process. */
export class LruNotes implements NoteKeeper {
  readonly #accounts = new Map<string, Map<string, CacheNote>>();
  readonly #accountOf = new Map<string, string>();

  putNote({ account, key, seenAt, address, userAgent }: AccountNote): number {
    const before = this.#accounts.get(account)?.get(key);
    if (!before) this.remove(key);
    const notes = this.#accounts.get(account) ?? new Map<string, CacheNote>();
    notes.set(key, {
      key,
      createdAt: before?.createdAt ?? seenAt,
      seenAt,
      address: address ?? before?.address ?? null,
      userAgent: userAgent ?? before?.userAgent ?? null,
    });
    this.#accounts.set(account, notes);
    this.#accountOf.set(key, account);
    // A note goes with its session.
    return 0;
  }

  notesOf(account: string): readonly CacheNote[] {
    return [...(this.#accounts.get(account)?.values() ?? [])];
  }

  dropNotes(account: string, keys: readonly string[], unseenSince: Date): void {
    const notes = this.#accounts.get(account);
    for (const key of keys) {
      const note = notes?.get(key);
      if (note && note.seenAt < unseenSince) this.remove(key);
    }
  }

  /** The session is no more. */
  remove(key: string): void {
    const account = this.#accountOf.get(key);
    if (account === undefined) return;
    this.#accountOf.delete(key);
    const notes = this.#accounts.get(account);
    notes?.delete(key);
    if (notes?.size === 0) this.#accounts.delete(account);
  }
}
