import { cycleKeyAtLogin, ImproperlyConfigured, type SessionStore } from '@coatcheck/core';
import type { Context, Middleware } from 'koa';

/** What passport calls back with. */
type Done = (error?: unknown) => void;

/** The session as passport knows it, from express-session: entries as properties, and two methods. */
export interface PassportSession {
  [entry: string]: unknown;
  /**
   * At a login: moves an anonymous session to a new key and keeps its entries, as Django does; ends the session of
   * somebody who was logged in. At a logout: ends the session.
   */
  regenerate(done: Done): void;
  /** Stores what changed; nothing for a visitor without a session. */
  save(done: Done): void;
}

/** Settings of `passportSession`. */
export interface PassportSessionOptions {
  /** The entry under which passport keeps its user; passport's option of the same name. @default 'passport' */
  readonly key?: string | undefined;
}

/**
 * Lets koa-passport work with Coatcheck: mount it after `sessions()` and before `passport.initialize()`. What passport
 * takes for the session, `ctx.req.session`, is then a view of `ctx.session`.
 *
 * @throws {ImproperlyConfigured} at the first request, when `sessions()` is not mounted before it.
 */
export function passportSession({ key = 'passport' }: PassportSessionOptions = {}): Middleware {
  return async function passportSessionMiddleware(ctx, next) {
    const { session } = ctx as Context & { session?: SessionStore<Record<string, unknown>> };
    if (typeof session?.cycleKey !== 'function') {
      throw new ImproperlyConfigured(
        'passportSession() needs a session: mount sessions() of @coatcheck/koa before it.',
      );
    }
    // Passport reads without waiting.
    await session.load();
    mount(ctx, session, key);
    await next();
  };
}

/** koa-passport looks into the request before it looks into the context. */
function mount(ctx: Context, session: SessionStore<Record<string, unknown>>, key: string): void {
  let entries: object = session.data;
  let isSaving = false;
  const methods = {
    regenerate(done: Done): void {
      // From within the callback of `save`, it is passport's logout.
      const ends = isSaving || hasUser(session.get(key));
      if (!ends) {
        settle(cycleKeyAtLogin(session), done);
        return;
      }
      // Passport copies from the view it knew, where it is told to keep what was in it.
      entries = { ...session.data };
      const ended = session.flush();
      mount(ctx, session, key);
      settle(ended, done);
    },
    save(done: Done): void {
      const isNothing = session.sessionKey === null && session.size === 0;
      settle(isNothing ? Promise.resolve() : session.save(), (error) => {
        isSaving = true;
        try {
          done(error);
        } finally {
          isSaving = false;
        }
      });
    },
  };
  const view = viewOf(() => entries, methods);
  Object.defineProperty(ctx.req, 'session', { value: view, configurable: true });
}

function viewOf(entries: () => object, methods: object): object {
  return new Proxy(Object.create(null), {
    get: (_, name) => Reflect.get(name in methods ? methods : entries(), name),
    has: (_, name) => name in methods || name in entries(),
    set: (_, name, value) => Reflect.set(entries(), name, value),
    deleteProperty: (_, name) => Reflect.deleteProperty(entries(), name),
    ownKeys: () => Reflect.ownKeys(entries()),
    getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(entries(), name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(entries(), name, descriptor),
  });
}

function hasUser(entry: unknown): boolean {
  const { user } = (entry ?? {}) as { user?: unknown };
  return user !== undefined;
}

/** Calls back when the promise is settled. */
function settle(promise: Promise<void>, done: Done): void {
  promise.then(() => done()).catch(done);
}
