import type { StoredSession } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import type { SessionRecords } from './session-records.ts';

/**
 * The record of one request, fetched before anybody asks for it and looked into when somebody does. A failure is kept
 * until it was told; who asks to load again then asks the backend again.
 */
export class EarlyFetch {
  readonly #records: SessionRecords;
  #fetching: Promise<void> | undefined;
  #outcome: { stored: StoredSession | undefined } | { error: unknown } | undefined;
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

  /** Never rejects. */
  start(key: string): Promise<void> {
    this.#fetching ??= this.#fetch(key);
    return this.#fetching;
  }

  /** The session that was fetched. @throws why nothing could be fetched. */
  open(key: string): LoadedSession | undefined {
    const outcome = this.#outcome;
    if (!outcome) return undefined;
    if ('error' in outcome) {
      this.#told = true;
      throw outcome.error;
    }
    return this.#records.open(key, outcome.stored);
  }

  /** As if nothing had been fetched. */
  reset(): void {
    this.#fetching = undefined;
    this.#outcome = undefined;
    this.#told = false;
  }

  async #fetch(key: string): Promise<void> {
    try {
      this.#outcome = { stored: await this.#records.fetch(key) };
    } catch (error) {
      this.#outcome = { error };
    }
  }
}
