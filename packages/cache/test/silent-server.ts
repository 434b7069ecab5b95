import { once } from 'node:events';
import net from 'node:net';

/** A server that takes connections and says nothing. */
export interface SilentServer {
  readonly port: number;
  /** Ends its connections too, which would keep the process. */
  stop(): Promise<void>;
}

/** Starts one on a free port of the loopback interface. */
export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
