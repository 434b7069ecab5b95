import { channel } from 'node:diagnostics_channel';
import type { Cache } from '@coatcheck/cache';
import type { Awaitable } from '@coatcheck/core';
import { DELETED_MS, ENTRY_MS, FILL_MS, MARKER } from './cache-entry.ts';

/** Milliseconds for which a cache that failed is left alone. */
const PAUSE_MS = 1000;
/** Keys whose entries are to be removed once the cache is back; beyond this, all of them are left alone for a while. */
const MOST_SUSPECTS = 10_000;

/** What was wrong with the cache, also published on `node:diagnostics_channel` as `coatcheck:cacheFailed`. */
export type CacheFailure = (error: unknown) => void;

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
  #pausedUntil = 0;
  #distrustedUntil = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(cache: Cache, timeoutMs: number, report: CacheFailure, now: () => Date) {
    this.#cache = cache;
    this.#timeoutMs = timeoutMs;
    this.#report = report;
    this.#now = now;
  }

  /** Whether a read may ask the cache for this key at all. */
  isTrusted(key: string): boolean {
    const now = performance.now();
    return now >= this.#pausedUntil && now >= this.#distrustedUntil && !this.#suspects.has(key);
  }

  /** What `call` returned, or `otherwise` where the cache failed or did not answer in time. */
  ask<T>(call: (cache: Cache) => Awaitable<T>, otherwise: T): Awaitable<T> {
    let answer: Awaitable<T>;
    try {
      answer = call(this.#cache);
    } catch (error) {
      this.#failed(error);
      return otherwise;
    }
    return isPromise(answer) ? this.#inTime(answer, otherwise) : answer;
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

  async #inTime<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `The session cache did not answer within ${this.#timeoutMs} ms.`;
        reject(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      this.#failed(error);
      return otherwise;
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(error: unknown): void {
    this.#pausedUntil = performance.now() + PAUSE_MS;
    channel('coatcheck:cacheFailed').publish({ cause: error });
    try {
      this.#report(error);
    } catch {
      // A listener that throws never breaks what it listens to.
    }
  }

  #retryLater(): void {
    if (this.#isClosing) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.inBackground(this.#clearSuspects());
    }, PAUSE_MS).unref();
  }

  async #clearSuspects(): Promise<void> {
    for (const key of [...this.#suspects]) {
      if (!(await this.mark(key))) return;
      this.#suspects.delete(key);
    }
  }
}

/** Whether the value is a promise, of this realm or another. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
