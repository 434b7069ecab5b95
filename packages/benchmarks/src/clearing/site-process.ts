import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSessions, type SessionStore } from '@coatcheck/core';
import { createBackend } from '@coatcheck/db';
import { sessions } from '@coatcheck/koa';
import Koa from 'koa';

// A site on a table, which tells its port. Argument: the settings of the backend.

const app = new Koa();
app.silent = true;
app.use(
  sessions(
    createSessions<{ n: number }>({
      backend: createBackend(JSON.parse(process.argv[2] ?? '{}')),
      secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    }),
  ),
);
app.use((ctx) => {
  // Types of another middleware, which is measured here too, say otherwise.
  const session = ctx.session as unknown as SessionStore<{ n: number }>;
  if (ctx.method === 'POST') session.change('n', (n) => (n ?? 0) + 1);
  ctx.body = String(session.get('n'));
});
const server = createServer({ keepAliveTimeout: 600_000 }, app.callback()).listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);
process.once('disconnect', () => process.exit());
