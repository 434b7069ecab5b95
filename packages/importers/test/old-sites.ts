import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { SessionImporter } from '@coatcheck/core';
import {
  fromCookieSession,
  fromExpressSession,
  fromKoaSession,
  type ImportOptions,
} from '@coatcheck/importers';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import cookieSession from 'cookie-session';
import expressSession, { type Store } from 'express-session';
import Koa from 'koa';
import { createSession as koaSession } from 'koa-session';
import type { Pool } from 'pg';
import type { createClient } from 'redis';

/** The servers that the old sites keep sessions in. */
export interface Servers {
  readonly redis: ReturnType<typeof createClient>;
  readonly pool: Pool;
}

/** A site on the real packages that people come from. */
export interface OldSite {
  readonly name: string;
  /** Whether its sessions are in a store, and in the cookie only their key. */
  readonly isStored: boolean;
  /** The site, whose sessions end after so many milliseconds. */
  open(servers: Servers, maxAge?: number): RequestListener;
  importer(servers: Servers, options?: ImportOptions): SessionImporter;
  /** What is left in its store. */
  count(servers: Servers): Promise<number>;
}

type Bag = Record<string, unknown>;

const keys = ['the second secret of the old site', 'the first secret of the old site'];
const DAY_MS = 86_400_000;

/** What each of them does: `/login?user=…` begins a session, `/whoami` tells whose it is. */
function answer(url: string, session: Bag | null | undefined): string {
  const { pathname, searchParams } = new URL(url, 'http://x');
  if (pathname === '/login' && session) {
    session.user = searchParams.get('user');
    session.cart = [{ id: 1, name: 'tea für zwei' }];
  }
  return String(session?.user ?? 'nobody');
}

type Middleware = (req: never, res: never, next: (error?: unknown) => void) => void;

/** A site of one middleware of Connect's kind, which needs no Express around it. */
function connectSite(middleware: Middleware): RequestListener {
  return (req: IncomingMessage & { session?: Bag | null }, res: ServerResponse) => {
    middleware(req as never, res as never, (error) => {
      res.statusCode = error ? 500 : 200;
      res.end(error ? String(error) : answer(req.url ?? '/', req.session));
    });
  };
}

function koaSite(options: object): RequestListener {
  const app = new Koa();
  app.keys = keys;
  app.use(koaSession(options, app));
  app.use((ctx: { url: string; session?: unknown; body: unknown }) => {
    ctx.body = answer(ctx.url, ctx.session as Bag);
  });
  return app.callback();
}

const koaStore = ({ redis }: Servers) => ({
  async get(key: string) {
    const text = await redis.get(`koa:${key}`);
    return text === null ? undefined : JSON.parse(text);
  },
  async set(key: string, value: object, maxAge: number) {
    await redis.set(`koa:${key}`, JSON.stringify(value), { PX: maxAge });
  },
  async destroy(key: string) {
    await redis.del(`koa:${key}`);
  },
});

const redisStore = ({ redis }: Servers): Store => new RedisStore({ client: redis });
const pgStore = ({ pool }: Servers): Store =>
  new (connectPgSimple(expressSession))({
    pool,
    createTableIfMissing: true,
    pruneSessionInterval: false,
  });

function expressSite(
  name: string,
  storeOf: (servers: Servers) => Store,
  count: OldSite['count'],
): OldSite {
  return {
    name,
    isStored: true,
    open: (servers, maxAge = DAY_MS) =>
      connectSite(
        expressSession({
          ...{ secret: keys, store: storeOf(servers), resave: false, saveUninitialized: false },
          cookie: { maxAge },
        }) as unknown as Middleware, // it needs less of a request than its types say
      ),
    importer: (servers, options) =>
      fromExpressSession({ secret: keys, store: storeOf(servers), ...options }),
    count,
  };
}

const none = async (): Promise<number> => 0;

export const oldSites: readonly OldSite[] = [
  {
    name: 'koa-session in cookies',
    isStored: false,
    open: (_, maxAge = DAY_MS) => koaSite({ maxAge }),
    importer: (_, options) => fromKoaSession({ keys, ...options }),
    count: none,
  },
  {
    name: 'koa-session with a store',
    isStored: true,
    open: (servers, maxAge = DAY_MS) => koaSite({ maxAge, store: koaStore(servers) }),
    importer: (servers, options) => fromKoaSession({ keys, store: koaStore(servers), ...options }),
    count: async ({ redis }) => (await redis.keys('koa:*')).length,
  },
  expressSite(
    'express-session with connect-redis',
    redisStore,
    async ({ redis }) => (await redis.keys('sess:*')).length,
  ),
  expressSite('express-session with connect-pg-simple', pgStore, async ({ pool }) =>
    Number((await pool.query('SELECT count(*) AS n FROM session')).rows[0].n),
  ),
  {
    name: 'cookie-session',
    isStored: false,
    open: (_, maxAge = DAY_MS) =>
      connectSite(cookieSession({ keys, maxAge }) as unknown as Middleware),
    importer: (_, options) => fromCookieSession({ keys, ...options }),
    count: none,
  },
];
