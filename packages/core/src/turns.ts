import { isPromise } from './awaitable.ts';
import type { Awaitable } from './session-backend.ts';

/** Runs calls one after the other, whatever their callers await. */
export class Turns {
  #last: Promise<unknown> | undefined;
  /** A call is just being started, and has not said yet whether there is something to wait for. */
  #isStarting = false;
  /** Begins what was asked for meanwhile, by what that call runs. */
  #release: (() => void) | undefined;
  /** The application's calls, while somebody means to settle them. */
  #calls: { call: Call<unknown>; failure: Call<unknown>['failure'] }[] | undefined;
  #isWatched = false;

  /** Runs after everything asked for earlier, whether that failed or not; at once where there is nothing to wait for. */
  take<T>(run: () => Awaitable<T>): Awaitable<T> {
    const before = this.#last ?? (this.#isStarting ? this.#startOver() : undefined);
    const turn = before === undefined ? this.#start(run) : before.then(run, run);
    if (!isPromise(turn)) return turn;
    // Unless something was asked for meanwhile, which comes after it.
    if (before !== undefined || this.#last === undefined) this.#last = turn;
    const isOver = (): void => {
      if (this.#last === turn) this.#last = undefined;
    };
    turn.then(isOver, isOver);
    return turn;
  }

  #start<T>(run: () => Awaitable<T>): Awaitable<T> {
    this.#isStarting = true;
    let turn: Awaitable<T> | undefined;
    try {
      turn = run();
      return turn;
    } finally {
      this.#isStarting = false;
      const release = this.#release;
      this.#release = undefined;
      if (release && isPromise(turn)) turn.then(release, release);
      else release?.();
    }
  }

  /** Resolves when the call that is being started is over. */
  #startOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** As `take`, for the application, which may or may not wait for what it asked for. */
  call<T>(run: () => Awaitable<T>): Promise<T> {
    const call = new Call<T>((resolve) => resolve(this.take(run)));
    if (this.#isWatched) {
      this.#calls ??= [];
      this.#calls.push({ call, failure: call.failure });
    }
    return call;
  }

  /** From now on `settle` will tell what calls failed with; until then no failure goes unhandled. */
  watch(): void {
    this.#isWatched = true;
  }

  /**
   * Waits until nothing is under way; `undefined` where nothing was asked for. Rejects with what the first call that
   * nobody listens to failed with.
   */
  settle(): Promise<void> | undefined {
    if (this.#calls) return this.#settle(this.#calls);
    this.#isWatched = false;
    return undefined;
  }

  async #settle(calls: Iterable<{ call: Call<unknown>; failure: Call<unknown>['failure'] }>) {
    const failures: unknown[] = [];
    for (const { call, failure } of calls) {
      const failed = await failure;
      if (failed && !call.isHeard) failures.push(failed.cause);
    }
    this.#calls = undefined;
    this.#isWatched = false;
    if (failures.length > 0) throw failures[0];
  }
}

/** A promise that knows whether anybody listens to it. */
class Call<T> extends Promise<T> {
  isHeard = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise has it.
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isHeard = true;
    return super.then(fulfilled, rejected);
  }

  /** What it failed with, if it did. Whoever asks need not handle the failure, nor counts as a listener. */
  get failure(): Promise<{ readonly cause: unknown } | undefined> {
    return super.then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    );
  }
}
