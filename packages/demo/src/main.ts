import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { loadSessions } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import { createApp } from './app.ts';
import type { ShopSession } from './shop-context.ts';

const GRACE_MS = 2000;

start().catch((error: NodeJS.ErrnoException) => {
  console.error(error.message);
  process.exitCode = 1;
});

async function start(): Promise<void> {
  const port = readPort(process.env.PORT || '3000');
  const host = process.env.HOST || '127.0.0.1';
  const sessions = await loadSessions<ShopSession>(undefined, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  const server = createServer(createApp(sessions).callback());
  try {
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    await sessions.close();
    throw new Error(cannotListen(error as NodeJS.ErrnoException, host, port), { cause: error });
  }
  endOnSignals(server, sessions);
  console.log(addressOf(server));
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Error('PORT must be a whole number from 0 to 65535.');
}

function cannotListen(
  { code, message }: NodeJS.ErrnoException,
  host: string,
  port: number,
): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} of ${host} is taken; choose another one with PORT.`;
  }
  if (code === 'EACCES') {
    return `Port ${port} of ${host} is not allowed; choose one from 1024 upwards with PORT.`;
  }
  return `The shop cannot listen on HOST ${host}, PORT ${port}: ${message}.`;
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Answers what is under way, closes the connections, then the sessions; the process ends by itself with code 0. */
function endOnSignals(server: Server, sessions: Sessions<ShopSession>): void {
  let ending = false;
  const end = (): void => {
    // Ctrl-C under npm arrives twice: from the terminal and from npm.
    if (ending) return;
    ending = true;
    server.close(() => void sessions.close());
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
}
