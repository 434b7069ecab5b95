import type { RedisClient } from './redis-client.ts';
import {
  failureOf,
  harmless,
  isLost,
  isUnsent,
  notSent,
  RedisFailure,
  replyCode,
} from './redis-failure.ts';
import { redisScripts } from './redis-scripts.ts';
import { type Corkable, WriteBatches } from './write-batches.ts';

/** Milliseconds for which a call waits for the first connection, or for the first attempt to replace a lost one. */
const PATIENCE_MS = 800;

type Method = (...args: readonly unknown[]) => Promise<unknown>;
type Methods = Readonly<Record<string, Method>>;

interface Attempt {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A command, as `send` was asked for it. */
interface Sent {
  readonly command: string;
  readonly args: readonly unknown[];
  readonly writes: boolean;
  readonly waits: boolean;
}

/** What sends commands. */
export type RedisSender = Pick<RedisConnection, 'send' | 'runId' | 'scanKeys' | 'close'>;

/** Sends commands while there is a connection, and tells those that failed from those that may have been carried out. */
export class RedisConnection {
  readonly #client: RedisClient;
  readonly #isOwn: boolean;
  readonly #methods: Methods;
  /** Where the client does not have pipelines of its own; that of a cluster never has. */
  readonly #batches: WriteBatches | undefined;
  #wasReady = false;
  #connection = 0;
  /** The last attempt to connect failed, so that callers need not wait for the next one. */
  #isDown = false;
  #lastError: unknown;
  #connecting: Attempt | undefined;
  #runId: Promise<string> | undefined;
  #underWay = 0;
  #idle: (() => void) | undefined;

  constructor(client: RedisClient, isOwn: boolean) {
    this.#client = client;
    this.#isOwn = isOwn;
    // The commands and those that defineCommand adds; they cannot be listed in a type.
    this.#methods = client as unknown as Methods;
    const { enableAutoPipelining } = client.options as { enableAutoPipelining?: unknown };
    if (!enableAutoPipelining) this.#batches = new WriteBatches(() => socketsOf(client));
    for (const [name, lua] of Object.entries(redisScripts)) {
      client.defineCommand(name, { lua, numberOfKeys: 1 });
    }
    for (const [event, listener] of this.#listeners) client.on(event, listener);
    for (const node of client.nodes?.('all') ?? []) keepAskingHandled(node);
    this.#wasReady = client.status === 'ready';
  }

  /** Counts the connections: another number means that another one was opened meanwhile. */
  get connection(): number {
    return this.#connection;
  }

  /**
   * The reply to a command. `waits`: it may be sent on another connection than there is now.
   *
   * @throws {BackendUnavailable} with `ambiguous` when it writes and may have been carried out; else an error with a
   * `code`.
   */
  send(command: string, args: readonly unknown[], writes: boolean, waits = true): Promise<unknown> {
    this.#underWay += 1;
    return this.#sendOnce(command, args, waits).then(
      (reply) => {
        this.#isDone();
        return reply;
      },
      (error: unknown) =>
        this.#rescue(error, { command, args, writes, waits }).finally(() => this.#isDone()),
    );
  }

  /** What the server calls itself since it was started; asked for on every connection. */
  async runId(): Promise<string> {
    this.#runId ??= this.send('info', ['server'], false).then((info) => {
      const [, id] = /^run_id:(\w+)/m.exec(String(info)) ?? [];
      if (id === undefined) throw new RedisFailure('NORUNID', 'Redis does not tell its run id.');
      return id;
    });
    const asked = this.#runId;
    try {
      return await asked;
    } catch (error) {
      if (this.#runId === asked) this.#runId = undefined;
      throw error;
    }
  }

  /**
   * The keys that a pattern names, about `count` at once, of every primary in a cluster. Each that is there all the
   * time is among them, perhaps twice; where slots move meanwhile, it may be missed.
   */
  async *scanKeys(pattern: string, count: number): AsyncGenerator<readonly string[]> {
    await this.send('ping', [], false);
    for (const scan of this.#scanners()) {
      let cursor = '0';
      do {
        let keys: readonly string[];
        try {
          [cursor, keys] = await scan(cursor, 'MATCH', pattern, 'COUNT', count);
        } catch (error) {
          throw failureOf(error, false);
        }
        yield keys;
      } while (cursor !== '0');
    }
  }

  async close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    if (this.#isOwn) this.#client.disconnect();
    else for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
  }

  // A client without an `error` listener would write to the console, or end the process.
  readonly #listeners = Object.entries({
    ready: () => {
      this.#wasReady = true;
      this.#connection += 1;
      this.#isDown = false;
      this.#connecting?.resolve();
      this.#connecting = undefined;
    },
    close: () => {
      this.#runId = undefined;
      if (!this.#wasReady) this.#giveUp();
      this.#wasReady = false;
      // That of an application keeps what the application sent, too.
      if (this.#client.isCluster && this.#isOwn) this.#dropKept();
    },
    end: () => this.#giveUp(),
    error: (error: unknown) => {
      this.#lastError = harmless(error);
    },
    '+node': (node: unknown) => keepAskingHandled(node as RedisClient),
    'node error': (error: unknown) => {
      this.#lastError = harmless(error);
    },
  });

  /** SCAN on each server that has keys of its own; on a single one, through a connection that was lost meanwhile. */
  #scanners(): ((...args: readonly unknown[]) => Promise<[string, string[]]>)[] {
    if (!this.#client.isCluster) {
      return [async (...args) => (await this.send('scan', args, false)) as [string, string[]]];
    }
    return (this.#client.nodes?.('master') ?? []).map((node) => async (...args) => {
      // What SCAN replies.
      return (await ((node as unknown as Methods).scan as Method)(...args)) as [string, string[]];
    });
  }

  /** Fails what the client of a cluster keeps for the next connection. */
  #dropKept(): void {
    const client = this.#client as { flushQueue?(error: Error): void };
    client.flushQueue?.(notSent());
  }

  #isDone(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#idle?.();
  }

  #sendOnce(command: string, args: readonly unknown[], waits: boolean): Promise<unknown> {
    if (this.#client.status === 'ready') return this.#call(command, args);
    return this.#connected(waits).then(() => this.#call(command, args));
  }

  #call(command: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const send = (): void => {
        try {
          // The client of a cluster would keep it for as long as there is no connection, and send it then.
          if (this.#client.isCluster && this.#client.status !== 'ready') throw notSent();
          (this.#methods[command] as Method)(...args).then(resolve, reject);
        } catch (error) {
          reject(error);
        }
      };
      if (this.#batches) this.#batches.add(send);
      else send();
    });
  }

  /** The reply to a command that failed once, where it can be had all the same. */
  async #rescue(error: unknown, { command, args, writes, waits }: Sent): Promise<unknown> {
    if (this.#client.isCluster) this.#lookForNodes(error);
    // The connection was about to be lost: what was not sent is sent on the next one, and so is a read.
    if (waits && (isUnsent(error) || (!writes && isLost(error)))) {
      return this.#sendAgain(command, args, writes, isUnsent(error));
    }
    throw failureOf(error, writes);
  }

  /** @param onNext the client still takes the connection for one, and will tell of the next. */
  async #sendAgain(
    command: string,
    args: readonly unknown[],
    writes: boolean,
    onNext: boolean,
  ): Promise<unknown> {
    try {
      if (onNext) await this.#nextConnection();
      return await this.#sendOnce(command, args, true);
    } catch (error) {
      throw failureOf(error, writes);
    }
  }

  /** After a node was lost: who has its keys now is found out while other calls fail. */
  #lookForNodes(error: unknown): void {
    const code = replyCode(error);
    if ((code === undefined || code === 'CLUSTERDOWN') && this.#client.status === 'ready') {
      void this.#methods.refreshSlotsCache?.();
    }
  }

  async #connected(waits: boolean): Promise<void> {
    if (this.#client.status === 'wait') this.#methods.connect?.().catch(() => undefined);
    if (!waits) throw this.#notConnected();
    return this.#nextConnection();
  }

  async #nextConnection(): Promise<void> {
    if (this.#isDown || this.#client.status === 'end') throw this.#notConnected();
    this.#connecting ??= newAttempt(() => this.#giveUp());
    return this.#connecting.promise;
  }

  #giveUp(): void {
    this.#isDown = true;
    this.#connecting?.reject(this.#notConnected());
    this.#connecting = undefined;
  }

  #notConnected(): Error {
    return new RedisFailure('NOTCONNECTED', 'There is no connection to Redis.', {
      cause: this.#lastError,
    });
  }
}

const handledNodes = new WeakSet<RedisClient>();

/**
 * The client of a cluster sends ASKING in front of a command whose key is moving, and drops the promise of its reply: a
 * connection that is lost meanwhile would end the process.
 */
function keepAskingHandled(node: RedisClient): void {
  const { asking } = node as unknown as Methods;
  // Several backends may have the same client.
  if (!asking || handledNodes.has(node)) return;
  handledNodes.add(node);
  const handled: Method = (...args) => {
    const replying = asking.apply(node, [...args]);
    replying.catch(() => undefined);
    return replying;
  };
  Object.assign(node, { asking: handled });
}

/** In a cluster, of all its servers: a key may have moved to any of them. */
function socketsOf(client: RedisClient): readonly Corkable[] {
  const clients = client.isCluster ? (client.nodes?.('all') ?? []) : [client];
  return clients.flatMap(({ stream }) => stream ?? []);
}

function newAttempt(giveUp: () => void): Attempt {
  let settle: Omit<Attempt, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const timer = setTimeout(giveUp, PATIENCE_MS);
  const stop = (): void => clearTimeout(timer);
  promise.then(stop, stop);
  // A promise runs its function at once.
  return { promise, ...(settle as Omit<Attempt, 'promise'>) };
}
