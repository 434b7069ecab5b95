import type { Sessions } from '@coatcheck/core';

/** Something that happened to a session. */
export interface LoggedEvent {
  readonly name: ShownEvent;
  readonly at: Date;
  /** Where several commits met: how many, and in how many writes they went out. */
  readonly attempts?: number;
  readonly commits?: number;
}

/** The events that the session page shows. */
export type ShownEvent = 'created' | 'saved' | 'merged' | 'interrupted' | 'unavailable';

const shown: readonly ShownEvent[] = ['created', 'saved', 'merged', 'interrupted', 'unavailable'];

const EVENTS_KEPT = 20;
const SESSIONS_KEPT = 500;

/** The last events of the last sessions of this process, by the digest that stands for the key. */
export class EventLog {
  readonly #sessions: Pick<Sessions, 'settings'>;
  readonly #events = new Map<string, LoggedEvent[]>();
  readonly #followers = new Map<string, Set<() => void>>();

  constructor(sessions: Pick<Sessions, 'settings' | 'events'>) {
    this.#sessions = sessions;
    for (const name of shown) {
      sessions.events.on(name, ({ session, ...details }: { session: string | undefined }) => {
        if (session !== undefined) this.#add(session, name, details);
      });
    }
  }

  /** What happened to the session, the last first. */
  of(digest: string): readonly LoggedEvent[] {
    return this.#events.get(digest) ?? [];
  }

  /** Calls back whenever something happens to the session, until the returned function is called. */
  follow(digest: string, follower: () => void): () => void {
    const followers = this.#followers.get(digest) ?? new Set();
    this.#followers.set(digest, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0) this.#followers.delete(digest);
    };
  }

  #add(digest: string, name: ShownEvent, details: { attempts?: number; commits?: number }): void {
    const { attempts, commits } = details;
    const event = {
      name,
      at: this.#sessions.settings.now(),
      ...(commits && { attempts, commits }),
    };
    const events = [event as LoggedEvent, ...this.of(digest)].slice(0, EVENTS_KEPT);
    // Last in the map: the session that was silent for longest is forgotten first.
    this.#events.delete(digest);
    this.#events.set(digest, events);
    const [oldest] = this.#events.keys();
    if (this.#events.size > SESSIONS_KEPT && oldest !== undefined) this.#events.delete(oldest);
    for (const follower of this.#followers.get(digest) ?? []) follower();
  }
}
