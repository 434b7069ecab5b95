import type { RequestListener } from 'node:http';
import path from 'node:path';
import type { Request, RequestHandler } from 'express';
import type { Store } from 'express-session';
import { answer, keepFromOthers, noSession, type SessionPort } from '../application.ts';
import type { NodeContender } from '../contender.ts';
import type { Whereabouts } from '../places.ts';
import { AGE, propertiesOf, SECRET } from './koa-application.ts';
import { nodeRedis } from './node-redis.ts';

/** The application on Express. ETags are off: Koa has none. No peer sets `Vary` or `Cache-Control`. */
async function expressApplication(
  middleware: RequestHandler | undefined,
  sessionOf: (request: Request) => SessionPort,
): Promise<RequestListener> {
  const { default: express } = await import('express');
  const app = express();
  app.disable('x-powered-by').disable('etag');
  if (middleware) app.use(middleware);
  app.use((request, response) => {
    const body = answer(request.url, sessionOf(request));
    if (middleware) keepFromOthers(request.url, response);
    response.type('text/plain').send(body);
  });
  return app;
}

function sessionOf(request: Request): SessionPort {
  const requested = request as unknown as { session: Record<string, unknown> };
  return propertiesOf(() => requested.session);
}

async function withExpressSession(store?: Store): Promise<RequestListener> {
  const { default: expressSession } = await import('express-session');
  const middleware = expressSession({
    ...{ secret: SECRET, resave: false, saveUninitialized: false },
    cookie: { maxAge: AGE * 1000 },
    ...(store && { store }),
  });
  return expressApplication(middleware, sessionOf);
}

async function withRedis({ redisUrl, table }: Whereabouts): Promise<RequestListener> {
  const { RedisStore } = await import('connect-redis');
  return withExpressSession(new RedisStore({ client: await nodeRedis(redisUrl), prefix: table }));
}

/** Durable as ours. */
async function withSqlite({ directory }: Whereabouts): Promise<RequestListener> {
  const { default: Database } = await import('better-sqlite3');
  const { SqliteStore } = await import('./sqlite-store.ts');
  const client = new Database(path.join(directory, 'sessions.sqlite3'));
  client.pragma('journal_mode = WAL');
  client.pragma('synchronous = FULL');
  return withExpressSession(new SqliteStore({ client }));
}

async function withFiles({ directory }: Whereabouts): Promise<RequestListener> {
  const { default: expressSession } = await import('express-session');
  const { default: openFileStore } = await import('session-file-store');
  const FileStore = openFileStore(expressSession);
  const options = { path: directory, ttl: AGE, retries: 0, logFn: () => {} };
  return withExpressSession(new FileStore(options));
}

async function withCookie(): Promise<RequestListener> {
  const { default: cookieSession } = await import('cookie-session');
  return expressApplication(cookieSession({ keys: [SECRET], maxAge: AGE * 1000 }), sessionOf);
}

/** Express without sessions. */
export const bareExpress: NodeContender = {
  name: 'bare Express',
  role: 'bare',
  framework: 'express',
  packages: ['express'],
  open: () => expressApplication(undefined, ({ url }) => noSession(url)),
};

const peer = { role: 'peer', framework: 'express' } as const;

export const expressPeers: readonly NodeContender[] = [
  {
    ...peer,
    name: 'express-session (memory)',
    place: 'memory',
    packages: ['express-session'],
    open: () => withExpressSession(),
  },
  {
    ...peer,
    name: 'express-session + connect-redis',
    place: 'redis',
    packages: ['express-session', 'connect-redis', 'redis'],
    open: withRedis,
  },
  {
    ...peer,
    name: 'express-session + better-sqlite3-session-store',
    place: 'sqlite',
    packages: ['express-session', 'better-sqlite3-session-store'],
    open: withSqlite,
  },
  {
    ...peer,
    name: 'express-session + session-file-store',
    place: 'file',
    packages: ['express-session', 'session-file-store'],
    open: withFiles,
  },
  {
    ...peer,
    name: 'cookie-session',
    place: 'signed-cookie',
    packages: ['cookie-session'],
    open: withCookie,
  },
];
