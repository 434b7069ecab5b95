import type Koa from 'koa';
import { isUntouched, type SessionPort } from '../application.ts';
import type { NodeContender } from '../contender.ts';
import type { Place } from '../places.ts';
import { AGE, koaApplication } from './koa-application.ts';
import { type RawStore, rawStores } from './raw-stores.ts';

const COOKIE = /(?:^|; )sessionid=([^;]*)/;

/**
 * A session made by hand on the raw driver: JSON, no change tracking, no signatures beyond the cookie's own, no merging,
 * no deadlines. What it costs is the least that sessions in this place can cost with this driver; durability and the
 * headers of the response are those of Coatcheck.
 */
function rawSessions(store: RawStore): Koa.Middleware {
  return async (ctx, next) => {
    const cookie = COOKIE.exec(ctx.headers.cookie ?? '')?.[1];
    if (isUntouched(ctx.url)) return next();
    const loading = cookie === undefined ? undefined : store.load(cookie);
    const text = loading instanceof Promise ? await loading : loading;
    const session = new RawSession(text);
    ctx.state.session = session;
    await next();
    ctx.set('Vary', 'Cookie');
    if (!session.isChanged) return;
    const data = JSON.stringify(session.entries);
    const writing =
      cookie === undefined || text === undefined ? store.create(data) : store.update(cookie, data);
    const value = writing instanceof Promise ? await writing : writing;
    const expires = new Date(Date.now() + AGE * 1000).toUTCString();
    ctx.set(
      'Set-Cookie',
      `sessionid=${value}; expires=${expires}; HttpOnly; Max-Age=${AGE}; Path=/; SameSite=Lax`,
    );
    ctx.set('Cache-Control', 'no-store');
  };
}

class RawSession implements SessionPort {
  readonly entries: Record<string, unknown>;
  isChanged = false;

  constructor(text: string | undefined) {
    this.entries = text === undefined ? {} : JSON.parse(text);
  }

  get(name: string): unknown {
    return this.entries[name];
  }

  set(name: string, value: unknown): void {
    this.entries[name] = value;
    this.isChanged = true;
  }
}

/** Koa and the raw driver, one for each place. */
export const limits: readonly NodeContender[] = Object.entries(rawStores).map(
  ([place, { driver, packages = [], open }]) => ({
    name: `limit: Koa + ${driver}`,
    role: 'limit',
    framework: 'koa',
    place: place as Place,
    packages,
    open: async (at) => {
      const store = await open(at);
      return koaApplication(
        (app) => app.use(rawSessions(store)),
        (ctx) => ctx.state.session,
      );
    },
  }),
);
