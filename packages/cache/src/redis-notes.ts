import type { AccountNote } from '@coatcheck/core';
import type { CacheNote, NoteKeeper } from './note-keeper.ts';

/** Sends one command, the key first; as `RedisConnection.send` does. */
type Send = (command: string, args: readonly unknown[], writes: boolean) => Promise<unknown>;

/** What the keys of the notes are made of, instead of the name of Django's sessions. */
export const notesName = 'coatcheck.account:';
/** Notes outlive the sessions that they are of, but not for ever. */
const KEPT_AFTER_MS = 86_400_000;

/** The notes of a Redis: a hash for each account, each field a session key. Every call is one command on one key. */
export class RedisNotes implements NoteKeeper {
  readonly #send: Send;
  readonly #start: string;

  constructor(send: Send, start: string) {
    this.#send = send;
    this.#start = start;
  }

  async putNote(note: AccountNote): Promise<number> {
    const { account, key, seenAt, expiresAt, address, userAgent } = note;
    const lifetime = Math.max(0, expiresAt.getTime() - seenAt.getTime()) + KEPT_AFTER_MS;
    const values = [key, seenAt.getTime(), address ?? '', userAgent ?? '', Math.ceil(lifetime)];
    // Made twice it says the same, so that nothing is ambiguous about it.
    return Number(await this.#send('coatcheckNote', [this.#start + account, ...values], false));
  }

  async notesOf(account: string): Promise<readonly CacheNote[]> {
    const fields = (await this.#send('hgetall', [this.#start + account], false)) as object;
    return Object.entries(fields).flatMap(([key, text]) => readNote(key, String(text)) ?? []);
  }

  async dropNotes(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    const drop = (key: string): Promise<unknown> =>
      this.#send('coatcheckForget', [this.#start + account, key, unseenSince.getTime()], false);
    await Promise.all(keys.map(drop));
  }
}

/** A note as the script wrote it; `undefined` for what somebody else put there. */
function readNote(key: string, text: string): CacheNote | undefined {
  try {
    const { created, seen, address, agent } = JSON.parse(text);
    const [createdAt, seenAt] = [new Date(Number(created)), new Date(Number(seen))];
    if (Number.isNaN(createdAt.getTime()) || Number.isNaN(seenAt.getTime())) return undefined;
    return { key, createdAt, seenAt, address: textOf(address), userAgent: textOf(agent) };
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
