import type { Cache } from '@coatcheck/cache';
import { type Awaitable, CircuitBreaker, isPromise, withDeadline } from '@coatcheck/core';
import { DELETED_MS, ENTRY_MS, FILL_MS, MARKER } from './cache-entry.ts';
import { type CacheFailure, tellFailures } from './cache-failures.ts';

/** Milliseconds until a cache that failed is told once more what it did not confirm. */
const RETRY_MS = 1000;
/** Keys whose entries are to be removed once the cache is back; beyond this, all of them are left alone for a while. */
const MOST_SUSPECTS = 10_000;

/**
 * A cache that may fail: its calls have a deadline, a failure is reported and never thrown, and what could not be
 * said to it is said later.
 */
export class GuardedCache {
  readonly #cache: Cache;
  readonly #timeoutMs: number;
  readonly #report: CacheFailure;
  readonly #now: () => Date;
  readonly #suspects = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  /** A cache that failed once is left alone but for one call a second: the database answers as well. */
  readonly #breaker = new CircuitBreaker({ failures: 1 });
  #distrustedUntil = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(cache: Cache, timeoutMs: number, report: CacheFailure, now: () => Date) {
    this.#cache = cache;
    this.#timeoutMs = timeoutMs;
    this.#report = tellFailures('coatcheck:cacheFailed', report);
    this.#now = now;
  }

  /** Whether a read may ask the cache for this key at all. */
  isTrusted(key: string): boolean {
    const isDistrusted = performance.now() < this.#distrustedUntil || this.#suspects.has(key);
    return !isDistrusted && this.#breaker.admits;
  }

  /** What `call` returned, or `otherwise` where the cache failed or did not answer in time. */
  ask<T>(call: (cache: Cache) => Awaitable<T>, otherwise: T): Awaitable<T> {
    const era = this.#breaker.begin();
    const failed = (error: unknown): unknown => {
      this.#breaker.failed(era, error);
      this.#report(error);
      return error;
    };
    try {
      const answer = withDeadline(() => call(this.#cache), this.#timeoutMs, {
        answered: () => this.#breaker.answered(),
        failed,
        late: () => {
          const message = `The session cache did not answer within ${this.#timeoutMs} ms.`;
          return failed(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
        },
      });
      return isPromise(answer) ? answer.catch(() => otherwise) : answer;
    } catch {
      // Told already.
      return otherwise;
    }
  }

  /**
   * Makes the database answer for the key; `false` where the cache did not confirm it. Then this process asks the
   * database for the key, and tries again until the cache does confirm.
   */
  async mark(key: string): Promise<boolean> {
    const until = new Date(this.#now().getTime() + DELETED_MS);
    const marked = await this.ask(async (cache) => {
      await cache.set(key, MARKER, until);
      return true;
    }, false);
    if (!marked) this.suspect(key);
    return marked;
  }

  /** The entry of the key may be old: the database answers, until the cache confirmed that it is gone. */
  suspect(key: string): void {
    if (this.#suspects.has(key) || this.#suspects.size < MOST_SUSPECTS) this.#suspects.add(key);
    // More than can be remembered: whatever there is now, or is about to be filled in, ends within this time.
    else this.#distrustedUntil = performance.now() + ENTRY_MS + FILL_MS;
    this.#retryLater();
  }

  /** Does not wait for the call, but `close` does. */
  inBackground(task: Awaitable<unknown>): void {
    if (!isPromise(task)) return;
    this.#underWay.add(task);
    void task.finally(() => this.#underWay.delete(task)).catch(() => undefined);
  }

  /** Tells the cache once more what it did not confirm: what it still holds would outlive this process. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    await Promise.allSettled([...this.#underWay, this.#clearSuspects()]);
    await this.#cache.close();
  }

  #retryLater(): void {
    if (this.#isClosing) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.inBackground(this.#clearSuspects());
    }, RETRY_MS).unref();
  }

  async #clearSuspects(): Promise<void> {
    for (const key of [...this.#suspects]) {
      if (!(await this.mark(key))) return;
      this.#suspects.delete(key);
    }
  }
}
