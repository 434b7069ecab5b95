import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createSessions,
  type SessionEvents,
  type Sessions,
  type SessionsOptions,
} from '@coatcheck/core';
import { type SessionContext, sessions } from '@coatcheck/koa';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import Koa, { type DefaultState, type ParameterizedContext } from 'koa';

/** A key that passes for strong; of no use anywhere else. */
export const SECRET_KEY = 'test-only:pT4w!9nQe7Vr2Zx6Lk1Yd8Gc3';
/** The instant at which Django's fixtures were made, in seconds. */
export const THEN = 1_700_000_000;

/** Any entries, for tests that are not about types. */
export type Data = Record<string, unknown>;
export type Handler = (ctx: ParameterizedContext<DefaultState, SessionContext<Data>>) => unknown;
export type Settings = Partial<Omit<SessionsOptions, 'backend' | 'now'>>;

/** Sessions in cookies under a clock that the test moves. */
export interface CookieSessions {
  readonly sessions: Sessions<Data>;
  /** In seconds. */
  readonly clock: { now: number };
  /** What was rejected, in order. */
  readonly rejected: string[];
  /** A new cookie with these entries. */
  readonly cookieOf: (entries: Data) => Promise<string>;
  /** The entries that a cookie gives. */
  readonly read: (cookie: string) => Data;
}

export interface Options extends Settings {
  readonly encrypt?: boolean;
}

export function cookieSessions({ encrypt = false, ...settings }: Options = {}): CookieSessions {
  const clock = { now: THEN };
  const opener = createSessions<Data>({
    backend: signedCookiesBackend({ encrypt }),
    secretKey: SECRET_KEY,
    now: () => new Date(clock.now * 1000),
    ...settings,
  });
  const rejected: string[] = [];
  opener.events.on('rejected', ({ reason }) => rejected.push(reason));
  return {
    ...{ sessions: opener, clock, rejected },
    cookieOf: async (entries) => {
      const session = opener.open();
      session.update(entries);
      await session.save();
      return String(session.sessionKey);
    },
    read: (cookie) => Object.fromEntries(opener.open(cookie).entries()),
  };
}

/** What a visitor got. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly setCookie: readonly string[];
  /** The value of the session's cookie in it, if there is one. */
  readonly cookie: string | undefined;
  readonly vary: string | null;
}

/** A Koa application whose sessions are in cookies, served on a free port. */
export interface CookieSite extends CookieSessions {
  readonly errors: unknown[];
  readonly events: (keyof SessionEvents)[];
  visit(cookie?: string, path?: string): Promise<Answer>;
}

const open: http.Server[] = [];

/** To be called after each test: ends what `startCookieSite` started. */
export async function closeCookieSites(): Promise<void> {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

export async function startCookieSite(handler: Handler, options?: Options): Promise<CookieSite> {
  const place = cookieSessions(options);
  const name = place.sessions.settings.cookie.name;
  const app = new Koa();
  const errors: unknown[] = [];
  app.on('error', (error) => errors.push(error));
  app.use(sessions(place.sessions)).use(async (ctx) => {
    await handler(ctx);
    ctx.body ??= 'ok';
  });
  const events: (keyof SessionEvents)[] = [];
  for (const event of ['created', 'saved', 'unavailable', 'error'] as const) {
    place.sessions.events.on(event, () => events.push(event));
  }
  const server = http.createServer({ maxHeaderSize: 65_536 }, app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  const { port } = server.address() as AddressInfo;
  return {
    ...place,
    ...{ errors, events },
    async visit(cookie, path = '/') {
      const headers = cookie === undefined ? {} : { cookie: `${name}=${cookie}` };
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
      const setCookie = answer.headers.getSetCookie();
      const own = setCookie.find((text) => text.startsWith(`${name}=`));
      return {
        ...{ status: answer.status, body: await answer.text(), setCookie },
        cookie: own?.slice(name.length + 1).split(';')[0],
        vary: answer.headers.get('vary'),
      };
    },
  };
}
