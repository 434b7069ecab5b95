import { BackendUnavailable } from './errors.ts';
import type { LoadedSession } from './session-codec.ts';

/** What one request wants written. */
export interface Commit<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** What no other may join. */
interface Alone {
  readonly run: () => Promise<void>;
  reject(error: unknown): void;
}

/** What the last write of a key left behind. */
export interface LaneState {
  /** `undefined`: unknown, so that the next write relies on what its own request loaded. */
  latest: LoadedSession | undefined;
}

interface Lane<Shared> {
  waiting: (Shared | Alone)[];
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
    this.#lane(key).waiting.push(commit);
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
      void this.#drain(key, lane);
    }
    return lane;
  }

  async #drain(key: string, lane: Lane<Shared>): Promise<void> {
    // Whoever asks within the same turn joins the first write.
    await undefined;
    while (lane.waiting.length > 0) {
      const jobs = takeNext(lane);
      try {
        if ('run' in jobs) await jobs.run();
        else await this.#writeShared(key, jobs, lane.state);
      } catch (error) {
        for (const job of 'run' in jobs ? [jobs] : jobs) job.reject(error);
        if (error instanceof BackendUnavailable) failWaiting(lane);
      }
    }
    this.#lanes.delete(key);
  }
}

/** The next job, or the commits that may share the next write. */
function takeNext<Shared extends Commit<never>>(lane: Lane<Shared>): Alone | Shared[] {
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
function failWaiting<Shared extends Commit<never>>(lane: Lane<Shared>): void {
  const waiting = lane.waiting;
  lane.waiting = [];
  for (const job of waiting) {
    job.reject(
      new BackendUnavailable('The session backend did not answer the write before this one.'),
    );
  }
}
