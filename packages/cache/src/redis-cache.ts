import {
  type AccountNote,
  ImproperlyConfigured,
  type SafetyFinding,
  type SafetyReporter,
} from '@coatcheck/core';
import type { Cache, CacheEntry, Outcome } from './cache.ts';
import { CacheBackend } from './cache-backend.ts';
import { type KeyOptions, keyStart, sessionCacheName } from './cache-key.ts';
import { type CacheSerializerName, chooseSerializer } from './choose-serializer.ts';
import { connectRedis, type RedisAccess } from './connect-redis.ts';
import type { EntryLister, ListedEntry } from './entry-lister.ts';
import type { CacheNote, NoteKeeper } from './note-keeper.ts';
import type { RedisSender } from './redis-connection.ts';
import { notesName, RedisNotes } from './redis-notes.ts';
import { redisFindings } from './redis-safety.ts';

/** Settings of `redisBackend`; either `url` or `client` is needed. */
export interface RedisOptions extends KeyOptions, RedisAccess {
  /**
   * In which form Django stores sessions there: JSON, where its cache has `django.core.signing.JSONSerializer` as the
   * `serializer` in its `OPTIONS`, or pickles, which it writes unless told otherwise.
   *
   * @default 'json'
   */
  readonly serializer?: CacheSerializerName | undefined;
  /**
   * Replicas that must have a write before it counts as done, so that a failover to one of them loses none; where
   * fewer confirm within 600 ms, the call fails with 503 although the primary has the write. Not in a cluster.
   *
   * @default 0
   */
  readonly waitReplicas?: number | undefined;
  /**
   * A clock that decides what has expired, for tests: the server then keeps entries for longer, and has to be Redis 7.
   *
   * @default the server's own, which also ends entries by itself
   */
  readonly now?: (() => Date) | undefined;
}

/**
 * Sessions in Redis or Valkey, by ioredis. Django: the cache engine on `RedisCache`, or on that of django-redis.
 *
 * @throws {ImproperlyConfigured} when a setting is wrong or the driver is missing.
 */
export function redisBackend(options: RedisOptions): CacheBackend {
  const serializer = chooseSerializer(options.serializer);
  return new CacheBackend(new RedisCache(options), serializer);
}

/** What makes a `RedisCache` other than one of sessions. */
export interface RedisCacheOptions extends Omit<RedisOptions, 'serializer'> {
  /** What the keys begin with, after prefix and version. @default that of Django's cache engine */
  readonly name?: string | undefined;
  /**
   * Whether a server that was started again is empty, whatever it brought back from its disk: the server's run id
   * becomes a part of the keys. Not in a cluster.
   *
   * @default false
   */
  readonly startsEmpty?: boolean | undefined;
}

/** With a clock of the application's, entries stay on the server for this long after they ended, wherever that clock stands. */
const KEPT_MS = 100 * 365 * 86_400_000;

/**
 * A cache in Redis. Every call is one round trip on one key: a script, or a plain command where that does the same.
 * Lifetimes are sent relative to our clock and measured by the server's, so that the two need not agree.
 */
export class RedisCache implements Cache, SafetyReporter, NoteKeeper, EntryLister {
  readonly answers = 'later';
  readonly #connection: RedisSender;
  readonly #start: string;
  readonly #notes: RedisNotes;
  readonly #startsEmpty: boolean;
  readonly #waitReplicas: number;
  readonly #clock: (() => Date) | undefined;

  constructor(options: RedisCacheOptions) {
    const { now, name = sessionCacheName, startsEmpty = false, waitReplicas = 0 } = options;
    if (startsEmpty && waitReplicas) {
      throw new ImproperlyConfigured(
        'cache.waitReplicas is of no use in front of a database, which is asked after a failover; leave it out.',
      );
    }
    this.#start = keyStart(options, name);
    this.#startsEmpty = startsEmpty;
    this.#waitReplicas = waitReplicas;
    this.#clock = now;
    this.#connection = connectRedis(options, {
      noCluster: startsEmpty && 'a cache in front of a database cannot be',
      waitReplicas,
    }).connection;
    this.#notes = new RedisNotes(
      (command, args, writes) => this.#connection.send(command, args, writes),
      keyStart(options, notesName),
    );
  }

  get(key: string, needsExpiry = false): Promise<CacheEntry | undefined> {
    if (needsExpiry || this.#clock) {
      const reading = this.#send('coatcheckReadBuffer', key, [this.#time()], false);
      return reading.then((reply) => this.#entry(reply), noEntry);
    }
    return this.#send('getBuffer', key, noValues, false).then(entryOf, noEntry);
  }

  add(key: string, text: string, expiresAt: Date): Promise<boolean> {
    const [kind, ms] = this.#lifetime(expiresAt);
    if (kind === 'PX') {
      return this.#send('set', key, [encode(text), kind, ms, 'NX']).then((reply) => reply === 'OK');
    }
    const adding = this.#send('coatcheckAdd', key, [this.#time(), kind, ms, encode(text)]);
    return adding.then((reply) => reply === 1);
  }

  async set(key: string, text: string, expiresAt: Date): Promise<void> {
    const [kind, ms] = this.#lifetime(expiresAt);
    if (kind === '') await this.#send('del', key);
    else await this.#send('set', key, [encode(text), kind, ms]);
  }

  replace(key: string, expected: string, text: string, expiresAt: Date): Promise<Outcome> {
    const [kind, ms] = this.#lifetime(expiresAt);
    const values = [this.#time(), kind, ms, encode(text), encode(expected)];
    const replacing = this.#send('coatcheckReplaceBuffer', key, values);
    return replacing.then((reply) => this.#outcome(reply));
  }

  async delete(key: string, expected?: string): Promise<Outcome> {
    if (expected === undefined && !this.#clock) {
      return this.#outcome((await this.#send('del', key)) || null);
    }
    const values = expected === undefined ? [this.#time()] : [this.#time(), encode(expected)];
    return this.#outcome(await this.#send('coatcheckDeleteBuffer', key, values));
  }

  async *listEntries(batchSize: number): AsyncGenerator<readonly ListedEntry[]> {
    let listed: ListedEntry[] = [];
    for await (const fullKeys of this.#connection.scanKeys(`${this.#start}*`, batchSize)) {
      // What else begins alike, such as the keys of Django's cached_db.
      const keys = fullKeys
        .map((key) => key.slice(this.#start.length))
        .filter((key) => isKey.test(key));
      const entries = await Promise.all(keys.map((key) => this.get(key, true)));
      for (const [i, entry] of entries.entries()) {
        const key = keys[i];
        if (key !== undefined && entry) listed.push({ key, entry });
      }
      // A server may send more keys than it was asked for.
      while (listed.length >= batchSize) {
        yield listed.slice(0, batchSize);
        listed = listed.slice(batchSize);
      }
    }
    if (listed.length > 0) yield listed;
  }

  putNote(note: AccountNote): Promise<number> {
    return this.#notes.putNote(note);
  }

  notesOf(account: string): Promise<readonly CacheNote[]> {
    return this.#notes.notesOf(account);
  }

  dropNotes(account: string, keys: readonly string[], unseenSince: Date): Promise<void> {
    return this.#notes.dropNotes(account, keys, unseenSince);
  }

  /** In a cluster, one of its servers is asked. */
  async reportSafety(): Promise<readonly SafetyFinding[]> {
    return redisFindings(
      (command, args) => this.#connection.send(command, args, false),
      this.#waitReplicas,
    );
  }

  /** The server ends entries by itself: nothing to do. */
  async clearExpired(): Promise<number> {
    return 0;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #send(
    command: string,
    key: string,
    values: readonly unknown[] = noValues,
    writes = true,
  ): Promise<unknown> {
    if (this.#startsEmpty) return this.#sendToRun(command, key, values, writes);
    return this.#connection.send(command, [this.#start + key, ...values], writes);
  }

  async #sendToRun(
    command: string,
    key: string,
    values: readonly unknown[],
    writes: boolean,
  ): Promise<unknown> {
    const fullKey = `${this.#start}${await this.#connection.runId()}:${key}`;
    return this.#connection.send(command, [fullKey, ...values], writes, false);
  }

  /** How a script is told the time; see `redisScripts`. */
  #time(): string {
    return this.#clock ? String(this.#clock().getTime() + KEPT_MS) : '';
  }

  /** How a command is told when an entry ends: kind and milliseconds, or nothing where that is not ahead. */
  #lifetime(expiresAt: Date): ['PX' | 'PXAT' | '', number] {
    const ms = expiresAt.getTime() - (this.#clock?.().getTime() ?? Date.now());
    if (ms <= 0) return ['', 0];
    return this.#clock ? ['PXAT', expiresAt.getTime() + KEPT_MS] : ['PX', ms];
  }

  #outcome(reply: unknown): Outcome {
    return reply === 1 ? { done: true } : { done: false, current: this.#entry(reply) };
  }

  #entry(reply: unknown): CacheEntry | undefined {
    if (!Array.isArray(reply)) return undefined;
    const text = decode(reply[0]);
    const expiresAt = new Date(Number(reply[1]) + (this.#clock ? -KEPT_MS : Date.now()));
    const isKnown = Number(reply[1]) >= 0 && !Number.isNaN(expiresAt.getTime());
    return isKnown ? { text, expiresAt } : { text };
  }
}

const noValues: readonly unknown[] = [];

function entryOf(text: unknown): CacheEntry | undefined {
  return text === null ? undefined : { text: decode(text) };
}

function noEntry(error: unknown): undefined {
  // Something else has the key, so that there is no entry.
  if ((error as { code?: unknown }).code === 'WRONGTYPE') return undefined;
  throw error;
}

// Django writes what latin-1 can hold; bytes of other origin come back as they went in, too.
function decode(bytes: unknown): string {
  return (bytes as Buffer).toString('latin1');
}

function encode(text: string): string | Buffer {
  // Of ASCII alone; quicker to be told than by a regular expression.
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text, 'latin1');
}

/** As core makes keys, or their digests. */
const isKey = /^(?:[a-z0-9]{32}|[a-f0-9]{64})$/;
