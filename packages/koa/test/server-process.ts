import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { sessions } from '@coatcheck/koa';
import Koa from 'koa';

// A server as a process of its own, on the database file that it is given; it tells its parent the port, and ends
// when the parent lets go of it.
const [path = '', secretKey = ''] = process.argv.slice(2);
const opener = createSessions<Record<string, unknown>>({
  // What is measured is who wins, not how fast the machine is.
  backend: sqliteBackend({ path, busyTimeoutMs: 25_000 }),
  operationTimeoutMs: 30_000,
  secretKey,
});
const app = new Koa();
app.silent = true;
app.use(sessions(opener)).use(async ({ session, query, path: route, response }) => {
  if (route === '/set') session.set(String(query.key), 1);
  if (route === '/count') session.change('n', (n) => Number(n ?? 0) + 1);
  if (route === '/cycle') await session.cycleKey();
  response.body = 'ok';
});
const server = createServer(app.callback());
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);
await once(process, 'disconnect');
server.closeAllConnections();
server.close();
await opener.close();
