import { afterwards, whenAnswered } from './awaitable.ts';
import { applyChanges, type ChangeSet, type Entries } from './changes.ts';
import { Commit, CommitQueue, type LaneState } from './commit-queue.ts';
import { isUpdateError, untilUnchanged } from './compare-and-set.ts';
import { BackendUnavailable } from './errors.ts';
import { isMarkerOf, newRotation, rotationMarker } from './rotation-marker.ts';
import type { Awaitable } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';
import { withCreation } from './session-lifetime.ts';
import type { SessionRecords } from './session-records.ts';
import type { Committed } from './session-writer.ts';

/** What one request changed. */
class Update extends Commit<Committed> {
  readonly loaded: LoadedSession;
  readonly changes: ChangeSet;

  constructor(loaded: LoadedSession, changes: ChangeSet) {
    super();
    this.loaded = loaded;
    this.changes = changes;
  }
}

/** What an attempt met instead of the record that it wanted to replace. */
interface Met {
  readonly pending: Update[];
  readonly theirs: LoadedSession;
}

/** Milliseconds to look after a rotation that failed: its caller has waited for as long as a call may take. */
const LAST_LOOK_MS = 200;

/**
 * Writes to existing sessions, so that concurrent requests lose nothing: changes are merged, a key has one successor,
 * an ended session stays ended. Everything that is asked for one key goes through its queue.
 */
export class SessionCommits {
  readonly #records: SessionRecords;
  readonly #queue: CommitQueue<Update>;

  constructor(records: SessionRecords) {
    this.#records = records;
    this.#queue = new CommitQueue((key, updates, state) => this.#writeShared(key, updates, state));
  }

  /** Merges the changes into the record; commits of one key that wait meanwhile share a write. */
  update(key: string, loaded: LoadedSession, changes: ChangeSet): Awaitable<Committed> {
    // Visitors who did the same in the same second have the same signed cookie, and are not the same visitor.
    if (this.#records.inCookie) {
      return this.#records.writer.replace(key, this.#applied(changes, loaded), loaded);
    }
    const update = new Update(loaded, changes);
    this.#queue.share(key, update);
    return update.outcome();
  }

  /** Moves the session to a new key and retires the old one. @throws {SessionInterrupted} when it had ended. */
  cycle(key: string, loaded: LoadedSession, changes: ChangeSet): Promise<Committed> {
    return this.#queue.alone(key, async (state) => {
      let theirs = state.latest ?? loaded;
      state.latest = undefined;
      let successor = await this.#records.writer.create(
        this.#applied(changes, theirs),
        theirs.base,
        changes.client,
      );
      if (this.#records.inCookie) return successor;
      const rotation = newRotation();
      try {
        await untilUnchanged(async () => {
          try {
            const marker = rotationMarker(rotation, this.#records.settings.now());
            await this.#records.writer.retire(key, theirs.base, marker);
            return true;
          } catch (error) {
            theirs = this.#records.newer(key, error);
          }
          successor = await this.#records.writer.replace(
            successor.key,
            this.#applied(changes, theirs),
            successor.session,
            { origin: theirs.base, client: changes.client },
          );
          return false;
        });
      } catch (error) {
        await this.#abandon(successor, key, rotation, error);
      }
      return successor;
    });
  }

  /**
   * Removes the successor of a rotation that failed, unless the old key may be retired by it all the same: then the
   * successor is all that is left. What stays behind can only expire, for nobody has its key.
   *
   * @throws the error, unless the old key turns out to be retired by this rotation.
   */
  async #abandon(
    successor: Committed,
    key: string,
    rotation: string,
    error: unknown,
  ): Promise<void> {
    const remove = () =>
      this.#records.remove(successor.key, undefined, this.#lastLookMs).catch(() => false);
    if (!(error instanceof BackendUnavailable) || !error.ambiguous) {
      await remove();
      throw error;
    }
    const old = await this.#records.loadOriginal(key, this.#lastLookMs).catch(() => undefined);
    if (!old?.rotated) throw error;
    if (isMarkerOf(rotation, old.entries)) return;
    // Another rotation came first, and a marker stays as it is: this one cannot come through any more.
    await remove();
    throw this.#records.interrupted(key, { isCycled: true });
  }

  get #lastLookMs(): number {
    return Math.min(this.#records.settings.operationTimeoutMs, LAST_LOOK_MS);
  }

  /** Ends the session; `false` when there was none. @throws {SessionInterrupted} when its key was cycled meanwhile. */
  end(key: string, loaded: LoadedSession | undefined): Promise<boolean> {
    return this.#queue.alone(key, async (state) => {
      let base = (state.latest ?? loaded)?.base;
      state.latest = undefined;
      let removed = false;
      await untilUnchanged(async () => {
        try {
          removed = await this.#records.remove(key, base);
          return true;
        } catch (error) {
          if (!isUpdateError(error) || !error.current) throw error;
          // What cannot be read is removed as it is; the marker of a cycled key must stay.
          const theirs = this.#records.open(key, error.current);
          if (theirs?.rotated) throw this.#records.interrupted(key, { isCycled: true });
          base = error.current.base;
          return false;
        }
      });
      return removed;
    });
  }

  /** Waits for the writes under way. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  #writeShared(key: string, updates: Update[], state: LaneState): Awaitable<void> {
    const theirs = state.latest ?? (updates[0] as Update).loaded;
    // Unknown until this write is known to have been done.
    state.latest = undefined;
    const met = this.#attempt(key, { pending: updates, theirs }, state, 1);
    return afterwards(met, (newer) => newer && this.#repeat(key, newer, state));
  }

  /** The attempts after the first one, which met a newer record. */
  async #repeat(key: string, met: Met, state: LaneState): Promise<void> {
    let newest: Met | undefined = met;
    let attempts = 1;
    await untilUnchanged(async () => {
      attempts += 1;
      newest = newest && (await this.#attempt(key, newest, state, attempts));
      return newest === undefined;
    }, attempts);
  }

  /** One write of all that can be applied; what it met where somebody else has written. */
  #attempt(
    key: string,
    { pending, theirs }: Met,
    state: LaneState,
    attempts: number,
  ): Awaitable<Met | undefined> {
    const { entries, accepted } = this.#merge(pending, theirs);
    if (accepted.length === 0) return undefined;
    const client = accepted.at(-1)?.changes.client;
    return whenAnswered(
      () => this.#records.writer.replace(key, entries, theirs, { client }),
      (committed) => {
        state.latest = committed.session;
        this.#records.tellMerged(key, attempts, accepted.length);
        for (const update of accepted) update.resolve(committed);
        return undefined;
      },
      (error) => ({ pending: accepted, theirs: this.#records.newer(key, error) }),
    );
  }

  /** Applies each commit in turn; one that cannot be applied is rejected alone. */
  #merge(
    updates: readonly Update[],
    theirs: LoadedSession,
  ): { entries: Entries; accepted: Update[] } {
    let entries = this.#complete(theirs);
    const accepted: Update[] = [];
    for (const update of updates) {
      try {
        const applied = applyChanges(update.changes, entries);
        // Several share a record, so each must prove by itself that it does not spoil it for the others.
        if (updates.length > 1) this.#records.check(applied);
        entries = applied;
        accepted.push(update);
      } catch (error) {
        update.reject(error);
      }
    }
    return { entries, accepted };
  }

  #applied(changes: ChangeSet, theirs: LoadedSession): Entries {
    return applyChanges(changes, this.#complete(theirs));
  }

  #complete({ entries, signedAt }: LoadedSession): Entries {
    return withCreation(entries, signedAt, this.#records.settings);
  }
}
