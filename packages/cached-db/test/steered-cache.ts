import { type Cache, type CacheEntry, LruCache, type Outcome } from '@coatcheck/cache';
import type { Awaitable } from '@coatcheck/core';

type Call = keyof Cache;

/** Another cache, which fails and waits when a test says so. */
export class SteeredCache implements Cache {
  readonly answers: Cache['answers'];
  readonly entries: Cache;
  /** What every call fails with. */
  failure: Error | undefined;
  /** How many calls there have been, by name. */
  readonly calls: Partial<Record<Call, number>> = {};
  readonly #gates = new Map<Call, Promise<void>>();

  constructor(entries: Cache = new LruCache(), answers: Cache['answers'] = entries.answers) {
    this.entries = entries;
    this.answers = answers;
  }

  /** Keeps calls of this name from the cache until what it returns is called. */
  hold(call: Call): () => void {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gates.set(call, gate);
    return () => {
      this.#gates.delete(call);
      open();
    };
  }

  get(key: string, needsExpiry?: boolean): Awaitable<CacheEntry | undefined> {
    return this.#pass('get', () => this.entries.get(key, needsExpiry));
  }

  add(key: string, text: string, expiresAt: Date): Awaitable<boolean> {
    return this.#pass('add', () => this.entries.add(key, text, expiresAt));
  }

  set(key: string, text: string, expiresAt: Date): Awaitable<void> {
    return this.#pass('set', () => this.entries.set(key, text, expiresAt));
  }

  replace(key: string, expected: string, text: string, expiresAt: Date): Awaitable<Outcome> {
    return this.#pass('replace', () => this.entries.replace(key, expected, text, expiresAt));
  }

  delete(key: string, expected?: string): Awaitable<Outcome> {
    return this.#pass('delete', () => this.entries.delete(key, expected));
  }

  clearExpired(): Promise<number> {
    return this.entries.clearExpired();
  }

  /** Its entries stay, for other handles; a call that comes later fails. */
  async close(): Promise<void> {
    this.failure = new Error('The cache is closed.');
  }

  #pass<T>(name: Call, call: () => Awaitable<T>): Awaitable<T> {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
    const gate = this.#gates.get(name);
    if (gate !== undefined) return gate.then(() => this.#pass(name, call));
    if (!this.failure) return call();
    if (this.answers === 'synchronously') throw this.failure;
    return Promise.reject(this.failure);
  }
}
