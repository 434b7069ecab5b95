import type { InspectedSession, Sessions } from '@coatcheck/core';

/** What Django's login and that of `@coatcheck/contrib` leave in a session, made with the secret key. */
const LOGIN_HASH_ENTRY = '_auth_user_hash';

/** The live sessions that are signed with one of the fallbacks. */
export interface FallbackUse {
  /** In `secretKeyFallbacks`, counted from 1. */
  readonly position: number;
  live: number;
  /** When the last of them ends, unless it is changed or renewed before, and so signed with the secret key. */
  lastEndsAt: Date | undefined;
}

/** How far a rotation of the secret key is. */
export class Rotation {
  /** Live sessions, whatever they are signed with. */
  live = 0;
  /** What no key that is configured has signed. */
  unreadable = 0;
  /** Live sessions with a login: the hash in it is of its own secret key, which cannot be told. */
  logins = 0;
  readonly fallbacks: readonly FallbackUse[];

  constructor({ settings }: Pick<Sessions, 'settings'>) {
    this.fallbacks = settings.secretKeyFallbacks.map((_, i) => ({
      position: i + 1,
      live: 0,
      lastEndsAt: undefined,
    }));
  }

  add({ state, fallback, expiresAt, entries }: InspectedSession): void {
    if (state === 'unreadable') this.unreadable += 1;
    // What is left of a cycled key, and what is arriving, have to be read for as long as a session.
    if (state !== 'live' && state !== 'cycled' && state !== 'arriving') return;
    this.live += 1;
    if (entries.has(LOGIN_HASH_ENTRY)) this.logins += 1;
    const use = fallback === undefined ? undefined : this.fallbacks[fallback];
    if (!use) return;
    use.live += 1;
    if (expiresAt && (!use.lastEndsAt || expiresAt > use.lastEndsAt)) use.lastEndsAt = expiresAt;
  }

  /** Live sessions that are signed with the secret key. */
  get current(): number {
    return this.live - this.fallbacks.reduce((sum, { live }) => sum + live, 0);
  }

  /** When the last session that is signed with a fallback ends. */
  get lastEndsAt(): Date | undefined {
    const ends = this.fallbacks.map(({ lastEndsAt }) => lastEndsAt?.getTime() ?? 0);
    return this.isDone ? undefined : new Date(Math.max(...ends));
  }

  /** Whether no live session is signed with a fallback. */
  get isDone(): boolean {
    return this.fallbacks.every(({ live }) => live === 0);
  }
}
