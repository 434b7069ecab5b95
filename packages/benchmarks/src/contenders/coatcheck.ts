import path from 'node:path';
import type { SessionBackend } from '@coatcheck/core';
import type { SessionPort } from '../application.ts';
import type { NodeContender } from '../contender.ts';
import type { Place, Whereabouts } from '../places.ts';
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

export const coatcheck: readonly NodeContender[] = Object.entries(backends).map(
  ([place, createBackend]) => ({
    name: `Coatcheck (${place})`,
    role: 'ours',
    framework: 'koa',
    place: place as Place,
    packages: [],
    open: async (at) => {
      const { createSessions } = await import('@coatcheck/core');
      const { sessions } = await import('@coatcheck/koa');
      const opener = createSessions<Record<string, unknown>>({
        backend: await createBackend(at),
        secretKey: SECRET,
        // A busy machine may make a benchmark slow, but must not end it.
        operationTimeoutMs: 10_000,
      });
      const listener = await koaApplication(
        (app) => app.use(sessions(opener)),
        // The types of koa-session, which is here too, give every context one of theirs.
        (ctx) => ctx.session as unknown as SessionPort,
      );
      if (!at.stored) return listener;
      return { listener, cookies: await fill(opener, at.stored) };
    },
  }),
);
