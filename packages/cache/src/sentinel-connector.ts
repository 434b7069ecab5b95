/** What ioredis finds a primary with, as far as it is used here. */
interface SentinelConnector {
  /** Whether a connection is wanted. */
  connecting: boolean;
  disconnect(): void;
  connectToSentinel(endpoint: object, options?: object): SentinelClient;
}

/** A connection on which one Sentinel is asked one question. */
interface SentinelClient {
  readonly status: string;
  disconnect(): void;
}

/** The `SentinelConnector` that ioredis exports. */
export type SentinelConnectorClass = new (options: object) => SentinelConnector;

/**
 * That of ioredis, which leaves nothing behind once it is told to disconnect: by itself it waits for the Sentinel that
 * it is asking, and keeps the process for two seconds after each connection to one that had ended already.
 *
 * @param disconnectTimeout milliseconds that the Sentinel has to end a connection
 */
export function endingConnector(
  Connector: SentinelConnectorClass,
  disconnectTimeout: number,
): SentinelConnectorClass {
  return class EndingConnector extends Connector {
    #asking: SentinelClient | undefined;

    override connectToSentinel(endpoint: object, options?: object): SentinelClient {
      // Between two rounds of Sentinels it does not look whether it is still wanted.
      if (!this.connecting) throw new Error('Connection is closed.');
      this.#asking = super.connectToSentinel(endpoint, { ...options, disconnectTimeout });
      return this.#asking;
    }

    override disconnect(): void {
      super.disconnect();
      if (this.#asking?.status !== 'end') this.#asking?.disconnect();
    }
  };
}
