import { createServer } from 'node:http';
import { redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { sessions } from '@coatcheck/koa';
import { RedisStore } from 'connect-redis';
import expressSession from 'express-session';
import { Redis } from 'ioredis';
import Koa from 'koa';
import koaSession from 'koa-session';
import { createClient } from 'redis';

const SECRET = 'k3Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

/**
 * The same small application on each middleware: routes to log in, to change an entry, to do so slowly, to read and
 * to log out. `change`, `read` and `end` are what its documentation says; nothing is tuned.
 *
 * @typedef {object} Application
 * @property {(name: string) => void} change
 * @property {() => Record<string, unknown>} read
 * @property {() => unknown} end
 */

/** What a route does. @param {URL} url @param {Application} application @returns {Promise<unknown>} the body */
async function visit(url, application) {
  const name = url.searchParams.get('name') ?? 'user';
  if (url.pathname === '/change') application.change(name);
  if (url.pathname === '/slow') {
    application.read();
    const ms = Number(url.searchParams.get('ms'));
    await new Promise((resolve) => setTimeout(resolve, ms));
    application.change(name);
  }
  if (url.pathname === '/logout') {
    await application.end();
    return {};
  }
  // What a visitor with a polluted prototype would be taken for.
  const entries = application.read();
  return { names: Object.keys(entries), isAdmin: application.isAdmin?.() ?? entries.isAdmin };
}

const urlOf = (request) => new URL(request.url, 'http://localhost');

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function coatcheck(url) {
  const opener = createSessions({ backend: redisBackend({ url }), secretKey: SECRET });
  const app = new Koa();
  app.silent = true;
  app.use(sessions(opener)).use(async (ctx) => {
    const { session } = ctx;
    ctx.body = await visit(urlOf(ctx.req), {
      change: (name) => session.set(name, 1),
      read: () => Object.fromEntries(session.entries()),
      isAdmin: () => session.get('isAdmin') ?? session.data.isAdmin,
      end: () => session.flush(),
    });
  });
  const server = await listen(app.callback());
  return { server, close: () => opener.close() };
}

async function withKoaSession(url) {
  const redis = new Redis(url);
  redis.on('error', () => {});
  const store = {
    get: async (key) => JSON.parse(await redis.get(key)),
    set: (key, session, maxAge) => redis.set(key, JSON.stringify(session), 'PX', maxAge),
    destroy: (key) => redis.del(key),
  };
  const app = new Koa();
  app.silent = true;
  app.keys = [SECRET];
  app.use(koaSession({ store, maxAge: 86_400_000 }, app)).use(async (ctx) => {
    ctx.body = await visit(urlOf(ctx.req), {
      change: (name) => {
        ctx.session[name] = 1;
      },
      read: () => ctx.session,
      end: () => {
        ctx.session = null;
      },
    });
  });
  const server = await listen(app.callback());
  return { server, close: async () => redis.disconnect() };
}

async function withExpressSession(url) {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  const session = expressSession({
    ...{ store: new RedisStore({ client }), secret: SECRET },
    ...{ resave: false, saveUninitialized: false },
  });
  const server = await listen((request, response) => {
    const answer = (status, body) => {
      response.statusCode = status;
      response.end(JSON.stringify(body));
    };
    session(request, response, async (error) => {
      if (error) return answer(500, {});
      try {
        const body = await visit(urlOf(request), {
          change: (name) => {
            request.session[name] = 1;
          },
          read: () => request.session,
          end: () => new Promise((resolve) => request.session.destroy(resolve)),
        });
        answer(200, body);
      } catch {
        answer(500, {});
      }
    });
  });
  return { server, close: async () => client.destroy() };
}

/** Each opens its application on the Redis at the URL. */
export const contenders = [
  { name: 'Coatcheck', packages: ['@coatcheck/koa'], open: coatcheck },
  { name: 'koa-session', packages: ['koa-session'], open: withKoaSession },
  {
    name: 'express-session + connect-redis',
    packages: ['express-session', 'connect-redis', 'redis'],
    open: withExpressSession,
  },
];
