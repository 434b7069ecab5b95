import { once } from 'node:events';
import net from 'node:net';

/**
 * What becomes of the bytes of one direction: `pass`; `hold` keeps them until it passes again, as a network does that
 * sends lost packets anew; `drop` loses them, and the connection is of no use although it stays open (half-open),
 * until it passes again, when it is reset; `cut` resets the connection instead of handing them on.
 */
export type TrafficMode = 'pass' | 'hold' | 'drop' | 'cut';

/** One direction of all connections; both fields may be set at any time. */
export class Traffic {
  /** Milliseconds that each piece takes longer. */
  delayMs = 0;
  readonly #released = new Set<() => void>();
  #mode: TrafficMode = 'pass';

  get mode(): TrafficMode {
    return this.#mode;
  }

  set mode(mode: TrafficMode) {
    this.#mode = mode;
    for (const release of this.#released) release();
  }

  /** Resolves when the mode is set again. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        this.#released.delete(release);
        resolve();
      };
      this.#released.add(release);
    });
  }
}

/** Stands between a client and a server, and does to their traffic what networks do. */
export class TcpProxy {
  /** From the client to the server. */
  readonly requests: Traffic = new Traffic();
  /** From the server to the client. `cut` here is the answer that is lost although the request was carried out. */
  readonly answers: Traffic = new Traffic();
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<net.Socket>();
  #listener: net.Server | undefined;
  #port = 0;

  /** @param target an address, or the URL of the server. */
  constructor(target: { readonly host: string; readonly port: number } | string) {
    this.#target = typeof target === 'string' ? addressIn(target) : target;
  }

  /** The port of the loopback interface that it listens on; the same after `refuse` and `accept`. */
  get port(): number {
    return this.#port;
  }

  /** The URL of the server with the proxy's address. */
  through(url: string): string {
    const changed = new URL(url);
    changed.host = `127.0.0.1:${this.#port}`;
    return changed.href;
  }

  /** Takes connections: at first, and after `refuse`. */
  async accept(): Promise<void> {
    if (this.#listener) return;
    const listener = net.createServer((client) => this.#connect(client));
    this.#listener = listener;
    listener.listen(this.#port, '127.0.0.1');
    await once(listener, 'listening');
    this.#port = (listener.address() as net.AddressInfo).port;
  }

  /** Refuses new connections and resets those that there are. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (!listener) return;
    const closed = once(listener, 'close');
    listener.close();
    this.reset();
    await closed;
  }

  /** Resets every connection; new ones are taken. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Everything passes again; connections that lost something are reset. */
  async heal(): Promise<void> {
    for (const traffic of [this.requests, this.answers]) {
      traffic.delayMs = 0;
      traffic.mode = 'pass';
    }
    await this.accept();
  }

  #connect(client: net.Socket): void {
    const server = net.connect({ ...this.#target, noDelay: true });
    client.setNoDelay(true);
    const end = (): void => {
      for (const socket of [client, server]) if (!socket.destroyed) socket.resetAndDestroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // What went wrong is what the other side is told: the connection ends.
      socket.on('error', end);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    void this.#forward(client, server, this.requests, end);
    void this.#forward(server, client, this.answers, end);
  }

  /** Hands on piece after piece, and in the end that it was the last. */
  async #forward(
    from: net.Socket,
    to: net.Socket,
    traffic: Traffic,
    end: () => void,
  ): Promise<void> {
    let lost = false;
    const admit = async (): Promise<boolean> => {
      if (traffic.delayMs > 0) await new Promise((go) => setTimeout(go, traffic.delayMs));
      while (traffic.mode === 'hold') await traffic.changed();
      if (traffic.mode === 'drop') lost = true;
      if (traffic.mode === 'cut') end();
      // A stream with a hole in it would be another fault: nothing more comes through, until the end of it is told.
      while (lost && traffic.mode === 'drop') await traffic.changed();
      if (lost) end();
      return !lost && !to.destroyed;
    };
    try {
      for await (const piece of from) {
        if (!(await admit())) return;
        if (!to.write(piece)) await once(to, 'drain');
      }
      if (await admit()) to.end();
    } catch {
      // Reset by one side: `end` has told the other.
      end();
    }
  }
}

function addressIn(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
