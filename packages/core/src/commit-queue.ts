import { isPromise, whenAnswered } from './awaitable.ts';
import { BackendUnavailable } from './errors.ts';
import type { Awaitable } from './session-backend.ts';
import type { LoadedSession } from './session-codec.ts';

/** What one request wants written, and what became of it: its first ending is the one that counts. */
export class Commit<T> {
  #ending: { readonly value: T } | { readonly error: unknown } | undefined;
  #waiting: { resolve(value: T): void; reject(error: unknown): void } | undefined;

  resolve(value: T): void {
    this.#ending ??= { value };
    this.#waiting?.resolve(value);
  }

  reject(error: unknown): void {
    this.#ending ??= { error };
    this.#waiting?.reject(error);
  }

  /** What was written; without a promise where it is done already. @throws why it was not written. */
  outcome(): Awaitable<T> {
    const ending = this.#ending;
    if (!ending)
      return new Promise<T>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    if ('error' in ending) throw ending.error;
    return ending.value;
  }
}

/** What can be told that it was not done. */
interface Refusable {
  reject(error: unknown): void;
}

/** What no other may join. */
interface Alone extends Refusable {
  readonly run: (state: LaneState) => Promise<void>;
}

/** What the last write of a key left behind. */
export interface LaneState {
  /** `undefined`: unknown, so that the next write relies on what its own request loaded. */
  latest: LoadedSession | undefined;
}

type WriteShared<Shared> = (key: string, commits: Shared[], state: LaneState) => Awaitable<void>;

interface Lane<Shared> {
  readonly key: string;
  waiting: (Shared | Alone)[];
  readonly state: LaneState;
}

/**
 * One write at a time per key and process. Commits that wait meanwhile go out as one write, so that contention is
 * between processes and not between requests.
 */
export class CommitQueue<Shared extends Refusable> {
  /**
   * The lane that began while there was no other; others may have begun since. Of a backend that answers at once, it is the
   * only one. Measured: to put each into the map and take it out again costs a seventh of a write in memory.
   */
  #lone: Lane<Shared> | undefined;
  /** All others. */
  readonly #lanes = new Map<string, Lane<Shared>>();
  readonly #waitingForIdle: (() => void)[] = [];
  readonly #writeShared: WriteShared<Shared>;

  /** @param writeShared settles every commit it is given; fails as well when the backend is unavailable. */
  constructor(writeShared: WriteShared<Shared>) {
    this.#writeShared = writeShared;
  }

  /** Adds the commit to the key's next shared write, which begins at once where nothing is under way. */
  share(key: string, commit: Shared): void {
    this.#add(key, commit);
  }

  /** Runs when everything asked for earlier is done, and before anything asked for later begins. */
  alone<T>(key: string, run: (state: LaneState) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const job = async (state: LaneState): Promise<void> => resolve(await run(state));
      this.#add(key, { run: job, reject });
    });
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waitingForIdle.push(resolve));
  }

  #add(key: string, job: Shared | Alone): void {
    const lane = this.#lone?.key === key ? this.#lone : this.#lanes.get(key);
    if (lane) {
      lane.waiting.push(job);
      return;
    }
    const begun: Lane<Shared> = { key, waiting: [job], state: { latest: undefined } };
    if (this.#isBusy) this.#lanes.set(key, begun);
    else this.#lone = begun;
    this.#drain(begun);
  }

  get #isBusy(): boolean {
    return this.#lone !== undefined || this.#lanes.size > 0;
  }

  /** Runs what waits, one after the other; never throws. */
  #drain(lane: Lane<Shared>): void {
    while (lane.waiting.length > 0) {
      const jobs = takeNext(lane);
      const running = whenAnswered(
        () =>
          'run' in jobs ? jobs.run(lane.state) : this.#writeShared(lane.key, jobs, lane.state),
        nothing,
        (error) => {
          for (const job of 'run' in jobs ? [jobs] : jobs) job.reject(error);
          if (error instanceof BackendUnavailable) failWaiting(lane);
        },
      );
      if (isPromise(running)) {
        void running.then(() => this.#drain(lane));
        return;
      }
    }
    if (this.#lone === lane) this.#lone = undefined;
    else this.#lanes.delete(lane.key);
    if (this.#waitingForIdle.length === 0 || this.#isBusy) return;
    for (const resolve of this.#waitingForIdle.splice(0)) resolve();
  }
}

function nothing(): void {}

/** The next job, or the commits that may share the next write. */
function takeNext<Shared extends Refusable>(lane: Lane<Shared>): Alone | Shared[] {
  const [first] = lane.waiting;
  if (lane.waiting.length === 1 && first) {
    lane.waiting = [];
    return 'run' in first ? first : [first];
  }
  const shared: Shared[] = [];
  for (const job of lane.waiting) {
    if ('run' in job) break;
    shared.push(job);
  }
  if (shared.length === 0) return lane.waiting.shift() as Alone; // the loop has met it
  lane.waiting = lane.waiting.slice(shared.length);
  return shared;
}

/** Whoever waited for a call that was not answered has waited long enough; nothing of theirs was sent. */
function failWaiting<Shared extends Refusable>(lane: Lane<Shared>): void {
  const waiting = lane.waiting;
  lane.waiting = [];
  for (const job of waiting) {
    job.reject(
      new BackendUnavailable('The session backend did not answer the write before this one.'),
    );
  }
}
