import { whenAnswered } from './awaitable.ts';
import type { Awaitable, StoredSession } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionRecords } from './session-records.ts';

/** What was found under a key; no key: there is no session. */
export interface Found {
  readonly key: string | null;
  readonly stored: StoredSession | undefined;
}

/**
 * The record of one request, fetched before anybody asks for it and looked into when somebody does. A failure is kept
 * until it was told; who asks to load again then asks the backend again.
 */
export class EarlyFetch {
  readonly #records: SessionRecords;
  #fetching: Promise<void> | undefined;
  #outcome: Found | { error: unknown } | undefined;
  #told = false;

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /** Whether `open` has something to say without waiting. */
  get isDone(): boolean {
    return this.#outcome !== undefined;
  }

  /** Whether a failure was told, so that there is no reason to keep to it. */
  get wasTold(): boolean {
    return this.#told;
  }

  /** Fetches what is found; never rejects. */
  start(find: () => Awaitable<Found>): Promise<void> {
    this.#fetching ??= Promise.resolve(
      whenAnswered(
        find,
        (found) => this.#keep(found),
        (error) => this.#keep({ error }),
      ),
    );
    return this.#fetching;
  }

  /** The session that was fetched, and its key. @throws why nothing could be fetched. */
  open(): { key: string; session: LoadedSession | undefined } | undefined {
    const outcome = this.#outcome;
    if (!outcome) return undefined;
    if ('error' in outcome) {
      this.#told = true;
      throw outcome.error;
    }
    const { key, stored } = outcome;
    return key === null ? undefined : { key, session: this.#records.open(key, stored) };
  }

  /** As if nothing had been fetched. */
  reset(): void {
    this.#fetching = undefined;
    this.#outcome = undefined;
    this.#told = false;
  }

  #keep(outcome: Found | { error: unknown }): void {
    this.#outcome = outcome;
  }
}
