import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  mariadbServer,
  postgresqlServer,
  redisIsMissing,
  startRedis,
} from '@coatcheck/test-support';

/** Where sessions live. */
export const places = [
  'memory',
  'redis',
  'sqlite',
  'postgresql',
  'mariadb',
  'cached-db',
  'file',
  'signed-cookie',
  'sealed-cookie',
] as const;

export type Place = (typeof places)[number];

/** Whether the session is in the cookie, which holds 4 KB and changes with every write. */
export function isCookie(place: Place): boolean {
  return place.endsWith('-cookie');
}

/** What a contender needs to find its place; the directory and the table are its own. */
export interface Whereabouts {
  readonly redisUrl: string;
  readonly postgresqlUrl: string;
  readonly mariadbUrl: string;
  /** For files and SQLite. */
  readonly directory: string;
  /** In a database that several share; also the prefix of keys in Redis. */
  readonly table: string;
  /** The most sessions, in memory. @default 100,000 */
  readonly sessions?: number;
  /** Sessions that are to be there from the start, those of the visitors among them. @default none */
  readonly stored?: Stored;
}

/** How many sessions there are, and whose. */
export interface Stored {
  readonly sessions: number;
  /** No more than sessions. */
  readonly visitors: number;
}

/** Servers and directories, made when they are first needed. */
export class Premises {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-bench-'));
  readonly #closing: (() => unknown)[] = [];
  readonly #urls: Partial<Record<Place, Promise<string>>> = {};
  #count = 0;

  /** Why a place cannot be had here; `undefined`: it can. */
  missing(place: Place): string | undefined {
    if (place === 'redis' || place === 'cached-db') return redisIsMissing();
    if (place === 'postgresql') return postgresqlServer().missing;
    if (place === 'mariadb') return mariadbServer().missing;
    return undefined;
  }

  /** A new corner of the place. */
  async corner(place: Place): Promise<Whereabouts> {
    this.#count += 1;
    const name = `corner${this.#count}`;
    const directory = mkdtempSync(path.join(this.#directory, name));
    const at = { redisUrl: '', postgresqlUrl: '', mariadbUrl: '', directory, table: name };
    if (place === 'redis' || place === 'cached-db') {
      return { ...at, redisUrl: await this.#url('redis', () => this.#startRedis()) };
    }
    if (place === 'postgresql') {
      const url = await this.#url(place, () => this.#start(postgresqlServer()));
      return { ...at, postgresqlUrl: url };
    }
    if (place === 'mariadb') {
      return { ...at, mariadbUrl: await this.#url(place, () => this.#start(mariadbServer())) };
    }
    return at;
  }

  /** Stops what was started and removes what was made. */
  async close(): Promise<void> {
    for (const close of this.#closing) await close();
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #url(place: Place, start: () => Promise<string>): Promise<string> {
    this.#urls[place] ??= start();
    return this.#urls[place];
  }

  async #startRedis(): Promise<string> {
    const server = await startRedis();
    this.#closing.push(() => server.stop());
    return server.url;
  }

  #start(server: ReturnType<typeof mariadbServer>): Promise<string> {
    this.#closing.push(() => server.stop());
    return server.start();
  }
}
