import { once } from 'node:events';
import net from 'node:net';

/** A client that sends bytes as they are, one request after the other on one connection. */
export class RawClient {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #received = '';
  #ended = false;
  #arrived: (() => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** The answer to a request for `/read` with these bytes as the value of its Cookie header. */
  async send(cookie: Buffer | undefined): Promise<string> {
    const socket = await this.#connected();
    const header = cookie ? [Buffer.from('Cookie: '), cookie, Buffer.from('\r\n')] : [];
    const head = Buffer.from('GET /read HTTP/1.1\r\nHost: x\r\n');
    socket.write(Buffer.concat([head, ...header, Buffer.from('\r\n')]));
    for (;;) {
      const answer = this.#complete();
      if (answer !== undefined) return answer;
      if (this.#ended) return this.#rest();
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #connected(): Promise<net.Socket> {
    if (this.#socket && !this.#ended) return this.#socket;
    const socket = net.connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    this.#received = '';
    this.#ended = false;
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text) => {
      this.#received += text;
      this.#arrived?.();
    });
    // A server that refuses a header may close before it has read all of it.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket === socket) this.#ended = true;
      this.#arrived?.();
    });
    await once(socket, 'connect');
    return socket;
  }

  /** A whole answer, once there is one on a connection that goes on. */
  #complete(): string | undefined {
    const text = this.#received;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1 || /\r\nConnection: close\r\n/i.test(text.slice(0, end + 2))) return undefined;
    const [, length = '0'] = /\r\nContent-Length: (\d+)/i.exec(text) ?? [];
    const size = end + 4 + Number(length);
    if (text.length < size) return undefined;
    this.#received = text.slice(size);
    return text.slice(0, size);
  }

  #rest(): string {
    const text = this.#received;
    this.#received = '';
    return text;
  }
}
