import { isNamed } from './compare-and-set.ts';
import { ImproperlyConfigured } from './errors.ts';
import type { FormerSessions } from './migrating-from.ts';
import { moveOf } from './rotation-marker.ts';
import type { SessionRecords } from './session-records.ts';
import type { ScannedSession } from './session-scanner.ts';

/** How `moveRest` goes about it. */
export interface MoveRestOptions {
  /** Sessions read in one step. @default 1000 */
  readonly batchSize?: number | undefined;
  /** Stops between a few sessions; those that were moved stay moved. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number moved so far. */
  readonly onProgress?: ((moved: number) => void) | undefined;
  /** Called in the end with the number of those that cannot be read, so that they stay; not where there are none. */
  readonly onUnreadable?: ((unreadable: number) => void) | undefined;
  /**
   * Called for each session that could not be moved, so that it stays, with why.
   *
   * @default the first reason is thrown once all others have been moved
   */
  readonly onFailed?: ((error: unknown) => void) | undefined;
}

const MOVED_AT_ONCE = 20;
/** Unavailable so often in a row, it is a place that has failed and no session. */
const MOST_UNAVAILABLE = 10;

/**
 * Moves every live session that has not been used since the migration began; one that cannot be moved keeps no other.
 *
 * @throws what `sessions.moveRest` does
 */
export async function moveRest(
  { records: former }: FormerSessions,
  records: SessionRecords,
  { batchSize, signal, onProgress, onUnreadable, onFailed }: MoveRestOptions = {},
): Promise<number> {
  if (former.settings.hashKeys && !records.settings.hashKeys) {
    throw new ImproperlyConfigured(
      'The sessions to move have hashed keys, and nobody can turn those back: set hashKeys here too, or wait until their visitors have come.',
    );
  }
  const failures = new Failures(onFailed);
  let moved = 0;
  let unreadable = 0;
  const moveOne = async ({ key, stored }: ScannedSession): Promise<void> => {
    const { state, session } = former.place.inspect(stored);
    const isOver = stored.expiresAt !== undefined && stored.expiresAt <= former.settings.now();
    if (state === 'unreadable' && !isOver) unreadable += 1;
    // Of what has moved, a process that died may have left the last step to be done.
    const mayBeUnfinished = session?.rotated && moveOf(session.entries) !== undefined;
    if (state !== 'live' && !mayBeUnfinished) return;
    try {
      if ((await records.fetch(key)) !== undefined && state === 'live') moved += 1;
      failures.none();
    } catch (error) {
      failures.add(error);
    }
  };
  for await (const { sessions } of former.place.scan({ batchSize, signal })) {
    for (let start = 0; start < sessions.length && !signal?.aborted; start += MOVED_AT_ONCE) {
      await Promise.all(sessions.slice(start, start + MOVED_AT_ONCE).map(moveOne));
      onProgress?.(moved);
      failures.check();
    }
  }
  if (unreadable > 0) onUnreadable?.(unreadable);
  failures.end();
  return moved;
}

/** What kept sessions from being moved. */
class Failures {
  readonly #tell: ((error: unknown) => void) | undefined;
  #first: { readonly error: unknown } | undefined;
  /** Ends all: it will be met again and again. */
  #fatal: { readonly error: unknown } | undefined;
  #inARow = 0;

  constructor(tell: ((error: unknown) => void) | undefined) {
    this.#tell = tell;
  }

  none(): void {
    this.#inARow = 0;
  }

  add(error: unknown): void {
    this.#inARow = isNamed(error, 'BackendUnavailable') ? this.#inARow + 1 : 0;
    const isFatal = isNamed(error, 'ImproperlyConfigured') || this.#inARow >= MOST_UNAVAILABLE;
    // Of a place that fails, the first reason says most; later calls were not even made.
    if (isFatal) this.#fatal ??= { error: this.#first?.error ?? error };
    this.#first ??= { error };
    this.#tell?.(error);
  }

  /** @throws what ends all. */
  check(): void {
    if (this.#fatal) throw this.#fatal.error;
  }

  /** @throws what nobody was told of. */
  end(): void {
    if (this.#first && !this.#tell) throw this.#first.error;
  }
}
