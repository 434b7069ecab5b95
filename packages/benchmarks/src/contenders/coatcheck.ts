import type { RequestListener } from 'node:http';
import path from 'node:path';
import type { SessionBackend } from '@coatcheck/core';
import type Koa from 'koa';
import type { Context } from 'koa';
import { isUntouched, lookedAtLate, type SessionPort } from '../application.ts';
import type { FilledSite, NodeContender } from '../contender.ts';
import { type Place, places, type Whereabouts } from '../places.ts';
import { fill } from './fill.ts';
import { koaApplication, SECRET } from './koa-application.ts';

const sqlitePath = (directory: string): string => path.join(directory, 'sessions.sqlite3');

/** Our backends with their defaults; the bounds of the process cache are those of its limit. */
const backends: Readonly<Record<Place, (at: Whereabouts) => Promise<SessionBackend>>> = {
  memory: async ({ sessions: maxEntries = 100_000 }) => {
    const { memoryBackend } = await import('@coatcheck/cache');
    return memoryBackend({ maxEntries, maxBytes: 2 ** 32 });
  },
  redis: async ({ redisUrl: url }) => (await import('@coatcheck/cache')).redisBackend({ url }),
  sqlite: async ({ directory }) =>
    (await import('@coatcheck/db')).sqliteBackend({ path: sqlitePath(directory) }),
  postgresql: async ({ postgresqlUrl: url, table }) =>
    (await import('@coatcheck/db')).postgresqlBackend({ url, table }),
  mariadb: async ({ mariadbUrl: url, table }) =>
    (await import('@coatcheck/db')).mysqlBackend({ url, table }),
  'cached-db': async (at) => {
    const database = await backends.sqlite(at);
    const { createBackend } = await import('@coatcheck/cached-db');
    return createBackend({ url: at.redisUrl, database });
  },
  file: async ({ directory }) =>
    (await import('@coatcheck/file')).fileBackend({ path: path.join(directory, 'sessions') }),
  'signed-cookie': async () => (await import('@coatcheck/signed-cookies')).signedCookiesBackend(),
  'sealed-cookie': async () => {
    const { signedCookiesBackend } = await import('@coatcheck/signed-cookies');
    return signedCookiesBackend({ encrypt: true });
  },
};

/** The application behind our middleware. */
async function open(
  place: Place,
  at: Whereabouts,
  isLazy: boolean,
): Promise<RequestListener | FilledSite> {
  const { createSessions } = await import('@coatcheck/core');
  const { sessions } = await import('@coatcheck/koa');
  const opener = createSessions<Record<string, unknown>>({
    backend: await backends[place](at),
    secretKey: SECRET,
    // A busy machine may make a benchmark slow, but must not end it.
    operationTimeoutMs: 10_000,
  });
  const install = (app: Koa): void => {
    if (!isLazy) {
      app.use(sessions(opener));
      return;
    }
    app.use(sessions(opener, { lazy: true })).use(async (ctx, next) => {
      if (!isUntouched(ctx.url)) await ctx.session.load();
      return next();
    });
  };
  // The types of koa-session, which is here too, give every context one of theirs.
  const sessionOf = (ctx: Context): SessionPort =>
    lookedAtLate(() => ctx.session as unknown as SessionPort);
  const listener = await koaApplication(install, sessionOf);
  return at.stored ? { listener, cookies: await fill(opener, at.stored) } : listener;
}

const ours = { role: 'ours', framework: 'koa', packages: [] } as const;

export const coatcheck: readonly NodeContender[] = places.map((place) => ({
  ...{ ...ours, name: `Coatcheck (${place})`, place },
  open: (at) => open(place, at, false),
}));

/** Where a session has to be fetched before the handlers run, unless they say that they want it. */
export const lazyCoatcheck: readonly NodeContender[] = (
  ['redis', 'postgresql', 'mariadb', 'cached-db'] as const
).map((place) => ({
  ...{ ...ours, name: `Coatcheck (${place}), lazy`, place, scenarios: ['untouched'] },
  open: (at) => open(place, at, true),
}));
