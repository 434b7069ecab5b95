import type { LoadedSession } from './session-codec.ts';

/** What one request wants written. */
export interface Commit<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** The writes of one key. */
interface Lane<Shared> {
  readonly waiting: (Shared | (() => Promise<void>))[];
  readonly state: LaneState;
}

/** What the last write of the lane left behind. */
export interface LaneState {
  /** `undefined`: unknown, so that the next write relies on what its own request loaded. */
  latest: LoadedSession | undefined;
}

/**
 * One write at a time per key and process. Commits that wait meanwhile go out as one write, so that contention is
 * between processes and not between requests.
 */
export class CommitQueue<Shared> {
  readonly #lanes = new Map<string, Lane<Shared>>();
  readonly #writeShared: (key: string, commits: Shared[], state: LaneState) => Promise<void>;

  /** @param writeShared settles every commit it is given, and never rejects. */
  constructor(writeShared: (key: string, commits: Shared[], state: LaneState) => Promise<void>) {
    this.#writeShared = writeShared;
  }

  /** Adds the commit to the key's next shared write. */
  share(key: string, commit: Shared): void {
    this.#push(key, commit);
  }

  /** Runs when everything asked for earlier is done, and before anything asked for later begins. */
  alone<T>(key: string, run: (state: LaneState) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const lane = this.#lane(key);
      this.#push(key, () => run(lane.state).then(resolve, reject));
    });
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0)
      await Promise.all([...this.#lanes.keys()].map((key) => this.alone(key, async () => {})));
  }

  #lane(key: string): Lane<Shared> {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { waiting: [], state: { latest: undefined } };
      this.#lanes.set(key, lane);
      // Started by the first push of the same turn; without a push there is nothing to drain.
      queueMicrotask(() => void this.#drain(key));
    }
    return lane;
  }

  #push(key: string, job: Shared | (() => Promise<void>)): void {
    this.#lane(key).waiting.push(job);
  }

  async #drain(key: string): Promise<void> {
    const lane = this.#lane(key);
    while (lane.waiting.length > 0) {
      const first = lane.waiting[0];
      if (typeof first === 'function') {
        lane.waiting.shift();
        await (first as () => Promise<void>)();
      } else {
        const end = lane.waiting.findIndex((job) => typeof job === 'function');
        const commits = lane.waiting.splice(0, end === -1 ? lane.waiting.length : end);
        await this.#writeShared(key, commits as Shared[], lane.state);
      }
    }
    this.#lanes.delete(key);
  }
}
