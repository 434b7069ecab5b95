import { BackendUnavailable } from './errors.ts';
import type { LoadedSession } from './session-codec.ts';

/** What one request wants written. */
export interface Commit<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A commit that others may join, or one that runs alone. */
type Job<Shared> =
  | { readonly shared: Shared; reject(error: unknown): void }
  | { readonly run: () => Promise<unknown>; reject(error: unknown): void };

/** What the last write of a key left behind. */
export interface LaneState {
  /** `undefined`: unknown, so that the next write relies on what its own request loaded. */
  latest: LoadedSession | undefined;
}

interface Lane<Shared> {
  waiting: Job<Shared>[];
  readonly state: LaneState;
}

/**
 * One write at a time per key and process. Commits that wait meanwhile go out as one write, so that contention is
 * between processes and not between requests.
 */
export class CommitQueue<Shared extends Commit<never>> {
  readonly #lanes = new Map<string, Lane<Shared>>();
  readonly #writeShared: (key: string, commits: Shared[], state: LaneState) => Promise<void>;

  /** @param writeShared settles every commit it is given; rejects as well when the backend is unavailable. */
  constructor(writeShared: (key: string, commits: Shared[], state: LaneState) => Promise<void>) {
    this.#writeShared = writeShared;
  }

  /** Adds the commit to the key's next shared write. */
  share(key: string, commit: Shared): void {
    this.#lane(key).waiting.push({ shared: commit, reject: (error) => commit.reject(error) });
  }

  /** Runs when everything asked for earlier is done, and before anything asked for later begins. */
  alone<T>(key: string, run: (state: LaneState) => Promise<T>): Promise<T> {
    const lane = this.#lane(key);
    return new Promise<T>((resolve, reject) => {
      const job = async (): Promise<void> => resolve(await run(lane.state));
      lane.waiting.push({ run: job, reject });
    });
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) {
      const lanes = [...this.#lanes.keys()];
      await Promise.allSettled(lanes.map((key) => this.alone(key, async () => {})));
    }
  }

  #lane(key: string): Lane<Shared> {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { waiting: [], state: { latest: undefined } };
      this.#lanes.set(key, lane);
      const fresh = lane;
      // Whoever asks within the same turn joins the first write.
      queueMicrotask(() => void this.#drain(key, fresh));
    }
    return lane;
  }

  async #drain(key: string, lane: Lane<Shared>): Promise<void> {
    while (lane.waiting.length > 0) {
      const jobs = takeNext(lane);
      try {
        await this.#start(key, jobs, lane.state);
      } catch (error) {
        for (const { reject } of jobs) reject(error);
        if (error instanceof BackendUnavailable) failWaiting(lane);
      }
    }
    this.#lanes.delete(key);
  }

  #start(key: string, jobs: readonly Job<Shared>[], state: LaneState): Promise<unknown> {
    const [first] = jobs;
    if (first && 'run' in first) return first.run();
    const commits = jobs.flatMap((job) => ('shared' in job ? [job.shared] : []));
    return this.#writeShared(key, commits, state);
  }
}

/** The next job, together with those behind it that may share its write. */
function takeNext<Shared>(lane: Lane<Shared>): Job<Shared>[] {
  const alone = lane.waiting.findIndex((job) => 'run' in job);
  const count = alone === -1 ? lane.waiting.length : Math.max(alone, 1);
  return lane.waiting.splice(0, count);
}

/** Whoever waited for a call that was not answered has waited long enough; nothing of theirs was sent. */
function failWaiting<Shared>(lane: Lane<Shared>): void {
  const waiting = lane.waiting;
  lane.waiting = [];
  for (const { reject } of waiting) {
    reject(new BackendUnavailable('The session backend did not answer the write before this one.'));
  }
}
