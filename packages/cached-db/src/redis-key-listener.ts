import { type RedisClient, replyCode } from '@coatcheck/cache/redis';

/** A connection of its own, since it can do nothing else. */
export interface ListeningClient extends RedisClient {
  client(...args: readonly (string | number)[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
}

/** What a listener tells. */
export interface KeyEvents {
  /** There is a new connection; what happened before it was not heard. */
  connected(): void;
  /** Somebody changed or removed these keys. */
  changed(names: readonly string[]): void;
  /** The server refuses to tell. */
  refused(error: unknown): void;
}

/** How the connection has to be set up; the rest is as in the client that it is a duplicate of. */
export const listeningOptions = {
  // The newer one tells of changes in a way that the driver does not pass on.
  protocol: 2,
  lazyConnect: false,
  autoResubscribe: false,
  enableAutoPipelining: false,
  enableOfflineQueue: false,
  socketTimeout: 1500,
} as const;

const CHANNEL = '__redis__:invalidate';
/** Milliseconds between two questions whether the connection is alive, which otherwise nobody would notice. */
const PING_MS = 5000;

/**
 * Hears of every change of keys with a common beginning, within a millisecond or so: Redis's client-side caching
 * (`CLIENT TRACKING … BCAST`), whose messages the connection redirects to itself. Redis 6 or newer.
 */
export class RedisKeyListener {
  readonly #client: ListeningClient;
  readonly #beginning: string;
  readonly #events: KeyEvents;
  readonly #ping: NodeJS.Timeout;

  /** @param client which is the listener's from here on. */
  constructor(client: ListeningClient, beginning: string, events: KeyEvents) {
    this.#client = client;
    this.#beginning = beginning;
    this.#events = events;
    client.on('ready', () => void this.#listen());
    client.on('messageBuffer', (_, names) => {
      // A flush names none.
      if (Array.isArray(names)) events.changed(names.map(String));
    });
    // Without a listener the client would write to the console; what is wrong, the next command to this server tells.
    client.on('error', () => undefined);
    this.#ping = setInterval(() => {
      // Its failure ends the connection, and then there is the next one.
      if (client.status === 'ready') client.ping().catch(() => undefined);
    }, PING_MS).unref();
  }

  close(): void {
    clearInterval(this.#ping);
    this.#client.disconnect();
  }

  async #listen(): Promise<void> {
    const client = this.#client;
    try {
      const id = String(await client.client('ID'));
      await client.client(
        ...['TRACKING', 'ON', 'REDIRECT', id],
        ...['BCAST', 'PREFIX', this.#beginning],
      );
      await client.subscribe(CHANNEL);
    } catch (error) {
      // Lost again: the next connection begins anew.
      if (replyCode(error) === undefined) return;
      this.#events.refused(error);
    }
    this.#events.connected();
  }
}
