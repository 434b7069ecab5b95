import {
  connectRedis,
  type KeyOptions,
  keyStart,
  type RedisAccess,
  type RedisClient,
  type RedisSender,
} from '@coatcheck/cache/redis';
import { ImproperlyConfigured } from '@coatcheck/core';
import type { CacheFailure } from './cache-failures.ts';
import { type DjangoCopies, GUARD_MS } from './django-copies.ts';
import { redisCopyScripts } from './redis-copy-scripts.ts';
import { type ListeningClient, listeningOptions, RedisKeyListener } from './redis-key-listener.ts';

/** How the Redis of Django's cache is reached, and how that cache makes its keys. */
export interface RedisCopiesOptions extends RedisAccess, KeyOptions {}

/** Django: `cache_key_prefix` of its engine `cached_db`. */
const NAME = 'django.contrib.sessions.cached_db';
/** Stands for all sessions in the journal, so that no copy is put back. */
const EVERY = '*';
/** Keys in one command. */
const BATCH = 1000;
/** Milliseconds until what failed is tried again. */
const RETRY_MS = 1000;

/**
 * Copies in a Redis, whoever wrote them and in whatever form. A journal in the same Redis says which sessions were
 * written lately; a copy of such a session that Django puts back is removed as soon as Redis tells of it, by every
 * process that listens.
 */
export class RedisCopies implements DjangoCopies {
  readonly #connection: RedisSender;
  readonly #client: RedisClient;
  readonly #listener: RedisKeyListener;
  readonly #start: string;
  readonly #journal: string;
  /** Holds the run id of the server on which no copy is older than the journal. */
  readonly #known: string;
  readonly #failed: CacheFailure;
  readonly #catchUpSoon = (): void => this.#catchUp();
  #retry: NodeJS.Timeout | undefined;
  #catchingUp: Promise<void> | undefined;
  #isBehind = false;
  #isClosing = false;

  /** @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing. */
  constructor(options: RedisCopiesOptions, failed: CacheFailure) {
    const section = 'djangoCache';
    this.#start = keyStart(options, NAME, section);
    this.#journal = keyStart(options, 'coatcheck.django_cache.written', section);
    this.#known = keyStart(options, 'coatcheck.django_cache.server', section);
    this.#failed = failed;
    const use = { section, noCluster: "Django's cache cannot be" };
    const { client, connection } = connectRedis(options, use);
    this.#client = client;
    this.#connection = connection;
    // The names of copies have to be Django's.
    const { keyPrefix } = client.options as { keyPrefix?: string };
    if (keyPrefix) {
      throw new ImproperlyConfigured(
        "djangoCache.client has a keyPrefix of its own: open it without, and give Django's KEY_PREFIX as djangoCache.keyPrefix.",
      );
    }
    for (const [name, script] of Object.entries(redisCopyScripts)) {
      client.defineCommand(name, script);
    }
    client.on('ready', this.#catchUpSoon);
    // Every client of ioredis can do this; a cluster was refused.
    const listening = (client as DuplicableClient).duplicate(listeningOptions);
    this.#listener = new RedisKeyListener(listening, this.#start, {
      connected: this.#catchUpSoon,
      changed: (names) => this.#dropReturned(names),
      refused: (cause) => {
        const error = new Error('Redis does not tell of changed keys.', { cause });
        this.#failed(Object.assign(error, { code: 'NOTTOLD' }));
      },
    });
  }

  async drop(key: string): Promise<void> {
    const args = [this.#journal, this.#start + key, key, this.#start, GUARD_MS];
    await this.#connection.send('coatcheckDropCopy', args, true);
  }

  async dropAgain(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += BATCH) {
      const names = keys.slice(i, i + BATCH).map((key) => this.#start + key);
      await this.#connection.send('del', names, true);
    }
  }

  async dropAll(): Promise<void> {
    await this.drop(EVERY);
    await this.#sweep();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    this.#client.off('ready', this.#catchUpSoon);
    this.#listener.close();
    await this.#catchingUp;
    await this.#connection.close();
  }

  #dropReturned(names: readonly string[]): void {
    const keys = names.map((name) => name.slice(this.#start.length));
    for (let i = 0; i < keys.length; i += BATCH) {
      const args = [this.#journal, this.#start, GUARD_MS, ...keys.slice(i, i + BATCH)];
      this.#connection
        .send('coatcheckDropReturned', args, true)
        .catch((error: unknown) => this.#fellBehind(error));
    }
  }

  /** Removes what may have been put back while nobody listened. */
  #catchUp(): void {
    if (this.#isClosing) return;
    clearTimeout(this.#retry);
    this.#isBehind = this.#catchingUp !== undefined;
    this.#catchingUp ??= this.#dropMissed()
      .catch((error: unknown) => this.#fellBehind(error))
      .finally(() => {
        this.#catchingUp = undefined;
        if (this.#isBehind) this.#catchUp();
      });
  }

  #fellBehind(error: unknown): void {
    if (this.#isClosing) return;
    this.#failed(error);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.#catchUpSoon, RETRY_MS).unref();
  }

  async #dropMissed(): Promise<void> {
    const info = String(await this.#connection.send('info', ['server'], false));
    const [, runId = ''] = /^run_id:(\w+)/m.exec(info) ?? [];
    const known = await this.#connection.send('get', [this.#known], false);
    const written = await this.#connection.send('zrange', [this.#journal, 0, -1], false);
    const keys = written as readonly string[];
    if (known === runId && !keys.includes(EVERY)) return this.dropAgain(keys);
    // A server that was started again, or took over, may have copies that are older than any journal.
    if (!(await this.#sweep(() => this.#isClosing))) return;
    await this.#connection.send('set', [this.#known, runId], true);
  }

  /** Removes every copy; `false` where it was told to stop before. */
  async #sweep(isStopped = () => false): Promise<boolean> {
    for await (const names of this.#connection.scanKeys(`${this.#start}*`, BATCH)) {
      if (isStopped()) return false;
      if (names.length > 0) await this.#connection.send('unlink', names, true);
    }
    return true;
  }
}

interface DuplicableClient extends RedisClient {
  duplicate(options: object): ListeningClient;
}
