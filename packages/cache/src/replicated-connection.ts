import { BackendUnavailable, ImproperlyConfigured } from '@coatcheck/core';
import type { RedisClient } from './redis-client.ts';
import { RedisConnection, type RedisSender } from './redis-connection.ts';

/** Milliseconds that the replicas have to confirm a write, which holds up the connection. */
const CONFIRM_MS = 600;

/** A question to the replicas that has not been sent yet, so that writes which are done by now can share it. */
interface Question {
  readonly connection: number;
  readonly answer: Promise<void>;
}

/**
 * Connections of a Redis whose writes are done once so many replicas have them. Writes have a connection of their own:
 * the server answers nothing on it while it waits for the replicas.
 */
export class ReplicatedConnection implements RedisSender {
  readonly #reading: RedisConnection;
  readonly #writing: RedisConnection;
  readonly #replicas: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #question: Question | undefined;
  /** One question after the other: whoever comes while one is under way may have written after it was sent. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: RedisClient, isOwn: boolean, replicas: number) {
    // Every single client of ioredis can do that; a cluster is refused.
    const writer = (client as DuplicableClient).duplicate();
    this.#reading = new RedisConnection(client, isOwn);
    this.#writing = new RedisConnection(writer, true);
    this.#replicas = replicas;
    // A primary that was demoted refuses writes and goes on answering reads: these follow to wherever writes go.
    let wasReady = false;
    writer.on('ready', () => {
      if (wasReady) connectAnew(client);
      wasReady = true;
    });
  }

  /** As `RedisConnection.send`. @throws {BackendUnavailable} with `ambiguous` when too few replicas confirm a write. */
  async send(
    command: string,
    args: readonly unknown[],
    writes: boolean,
    waits = true,
  ): Promise<unknown> {
    if (!writes) return this.#reading.send(command, args, writes, waits);
    const writing = this.#write(command, args, waits);
    this.#underWay.add(writing);
    return writing.finally(() => this.#underWay.delete(writing));
  }

  runId(): Promise<string> {
    return this.#reading.runId();
  }

  scanKeys(pattern: string, count: number): AsyncGenerator<readonly string[]> {
    return this.#reading.scanKeys(pattern, count);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
    await Promise.all([this.#reading.close(), this.#writing.close()]);
  }

  async #write(command: string, args: readonly unknown[], waits: boolean): Promise<unknown> {
    const reply = await this.#writing.send(command, args, true, waits);
    // What is there instead: nothing was written.
    if (!Array.isArray(reply)) await this.#confirmed();
    return reply;
  }

  #confirmed(): Promise<void> {
    const { connection } = this.#writing;
    if (this.#question?.connection !== connection) {
      const answer = this.#last.then(() => this.#ask(connection));
      this.#question = { connection, answer };
      this.#last = answer.catch(() => undefined);
    }
    return this.#question.answer;
  }

  /** The server answers for what was written on the same connection; on a new one it would confirm anything. */
  async #ask(connection: number): Promise<void> {
    // Writes whose replies came together ask together.
    await new Promise((resolve) => setImmediate(resolve));
    this.#question = undefined;
    let confirmed = 0;
    let cause: unknown;
    try {
      if (this.#writing.connection === connection) {
        const reply = await this.#writing.send('wait', [this.#replicas, CONFIRM_MS], true, false);
        if (this.#writing.connection === connection) confirmed = Number(reply);
      }
    } catch (error) {
      cause = error;
    }
    if (confirmed >= this.#replicas) return;
    throw new BackendUnavailable(
      `A write was confirmed by ${confirmed} of ${this.#replicas} replicas (cache.waitReplicas): a failover may undo it.`,
      { ambiguous: true, ...(cause !== undefined && { cause }) },
    );
  }
}

/** What is connecting may have been told of the demoted one; ended before it is there, the client would not try again. */
function connectAnew(client: RedisClient): void {
  const again = (): void => {
    client.off('ready', again);
    client.disconnect(true);
  };
  // `connect`: it is there, and being asked whether it is ready.
  if (client.status === 'connecting' || client.status === 'connect') client.on('ready', again);
  else again();
}

interface DuplicableClient extends RedisClient {
  duplicate(): RedisClient;
}

/** @throws {ImproperlyConfigured} when the setting `waitReplicas` is no number of replicas, or cannot be had here. */
export function checkWaitReplicas(count: number, isCluster: boolean): void {
  if (!(Number.isSafeInteger(count) && count >= 0)) {
    throw new ImproperlyConfigured('cache.waitReplicas must be a whole number, 0 or more.');
  }
  if (count > 0 && isCluster) {
    throw new ImproperlyConfigured(
      'cache.waitReplicas cannot be had in a cluster, whose client does not let us wait on the right node; leave it out and set min-replicas-to-write on the nodes.',
    );
  }
}
