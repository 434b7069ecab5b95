import type { RequestListener } from 'node:http';
import type Koa from 'koa';
import type { Context } from 'koa';
import type { SessionOptions } from 'koa-generic-session';
import type koaSessionType from 'koa-session';
import { isUntouched, type SessionPort } from '../application.ts';
import type { NodeContender } from '../contender.ts';
import type { Whereabouts } from '../places.ts';
import { AGE, koaApplication, propertiesOf, SECRET } from './koa-application.ts';

const AGE_MS = AGE * 1000;

/** The session of a context whose type depends on which of these packages comes last. */
function sessionOf(ctx: Context): SessionPort {
  const context = ctx as unknown as { session: Record<string, unknown> };
  return propertiesOf(() => context.session);
}

interface Store {
  get(key: string): Promise<unknown>;
  set(key: string, session: unknown): Promise<unknown>;
  destroy(key: string): Promise<unknown>;
}

/** Sessions as text in Redis by ioredis; neither package has a maintained store of its own. */
async function redisStore({ redisUrl, table }: Whereabouts): Promise<Store> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(redisUrl, { enableAutoPipelining: true });
  return {
    get: async (key) => JSON.parse((await redis.get(table + key)) ?? 'null'),
    set: (key, session) => redis.set(table + key, JSON.stringify(session), 'PX', AGE_MS),
    destroy: (key) => redis.del(table + key),
  };
}

function memoryStore(): Store {
  const sessions = new Map<string, string>();
  return {
    get: async (key) => JSON.parse(sessions.get(key) ?? 'null'),
    set: async (key, session) => sessions.set(key, JSON.stringify(session)),
    destroy: async (key) => sessions.delete(key),
  };
}

/** None of these sets `Vary` or `Cache-Control`. */
const asPeer = { keepsFromOthers: true } as const;

async function withKoaSession(store?: Store): Promise<RequestListener> {
  const { default: koaSession } = await import('koa-session');
  const options = { maxAge: AGE_MS, ...(store && { store }) } as Parameters<
    typeof koaSessionType
  >[0];
  const install = (app: Koa): void => {
    app.keys = [SECRET];
    app.use(koaSession(options, app));
  };
  return koaApplication(install, sessionOf, asPeer);
}

async function withGenericSession(store?: Store): Promise<RequestListener> {
  const { default: genericSession } = await import('koa-generic-session');
  const options = { cookie: { maxAge: AGE_MS }, ...(store && { store }) };
  const install = (app: Koa): void => {
    app.keys = [SECRET];
    app.use(genericSession(options as unknown as SessionOptions));
  };
  return koaApplication(install, sessionOf, asPeer);
}

/** iron-session is no middleware: the application opens the session and saves it. */
async function withIronSession(): Promise<RequestListener> {
  const { getIronSession } = await import('iron-session');
  const options = { cookieName: 'session', password: SECRET, ttl: AGE };
  return koaApplication(
    (app) =>
      app.use(async (ctx, next) => {
        if (isUntouched(ctx.url)) return next();
        const session = await getIronSession<Record<string, unknown>>(ctx.req, ctx.res, options);
        let isChanged = false;
        ctx.state.session = {
          get: (name) => session[name],
          set: (name, value) => {
            session[name] = value;
            isChanged = true;
          },
        } satisfies SessionPort;
        await next();
        if (isChanged) await session.save();
      }),
    (ctx) => ctx.state.session,
    asPeer,
  );
}

const peer = { role: 'peer', framework: 'koa' } as const;

export const koaPeers: readonly NodeContender[] = [
  {
    ...peer,
    name: 'koa-session (memory)',
    place: 'memory',
    packages: ['koa-session'],
    open: () => withKoaSession(memoryStore()),
  },
  {
    ...peer,
    name: 'koa-session (Redis)',
    place: 'redis',
    packages: ['koa-session', 'ioredis'],
    open: async (at) => withKoaSession(await redisStore(at)),
  },
  {
    ...peer,
    name: 'koa-session (cookie)',
    place: 'signed-cookie',
    packages: ['koa-session'],
    open: () => withKoaSession(),
  },
  {
    ...peer,
    name: 'koa-generic-session (memory)',
    place: 'memory',
    packages: ['koa-generic-session'],
    open: () => withGenericSession(),
  },
  {
    ...peer,
    name: 'koa-generic-session (Redis)',
    place: 'redis',
    packages: ['koa-generic-session', 'ioredis'],
    open: async (at) => withGenericSession(await redisStore(at)),
  },
  {
    ...peer,
    name: 'iron-session',
    place: 'sealed-cookie',
    packages: ['iron-session'],
    open: withIronSession,
  },
];
