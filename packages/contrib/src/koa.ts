import {
  type Awaitable,
  ImproperlyConfigured,
  type SessionData,
  type SessionStore,
} from '@coatcheck/core';
import { type AuthUser, type GetUserOptions, getUser, urlOfLogin } from './auth.ts';
import { type CsrfOptions, type CsrfRequest, verifyCsrf } from './csrf.ts';
import { isSafeMethod } from './csrf-origin.ts';

/** What these functions use of a Koa context; `sessions()` of `@coatcheck/koa` comes before them. */
export interface KoaContext {
  readonly method: string;
  readonly originalUrl: string;
  readonly headers: CsrfRequest['headers'];
  readonly secure: boolean;
  readonly host: string;
  readonly request: object;
  readonly state: object;
  redirect(url: string): void;
}

/** A Koa middleware. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

/** Where visitors log in. */
export interface LoginRequiredOptions {
  /** Django: `LOGIN_URL`. @default '/login' */
  readonly loginUrl?: string | undefined;
  /** The parameter with the page to come back to. Django: `REDIRECT_FIELD_NAME`. @default 'next' */
  readonly field?: string | undefined;
}

/**
 * `ctx.state.user` for everything that comes after: who is logged in, after one call of `loadUser`; `undefined` for
 * nobody, without a call, and for requests without a session. Django: `AuthenticationMiddleware`
 */
export function authenticate<User extends AuthUser>(
  loadUser: (id: string, backend: string) => Awaitable<User | null | undefined>,
  options: GetUserOptions = {},
): KoaMiddleware {
  return async function authenticateMiddleware(ctx, next) {
    const session = sessionOf(ctx);
    const user = session && (await getUser(session, loadUser, options));
    Object.assign(ctx.state, { user });
    await next();
  };
}

/**
 * Lets users through, as `authenticate` found them, and sends everybody else to log in; they come back to a page they
 * asked for, not to a form they sent. Django: `login_required`
 */
export function loginRequired({
  loginUrl = '/login',
  field = 'next',
}: LoginRequiredOptions = {}): KoaMiddleware {
  return async function loginRequiredMiddleware(ctx, next) {
    const { user } = ctx.state as { readonly user?: unknown };
    if (user !== undefined && user !== null) {
      await next();
      return;
    }
    const isPage = ctx.method === 'GET' || ctx.method === 'HEAD';
    ctx.redirect(isPage ? urlOfLogin(ctx.originalUrl, loginUrl, field) : loginUrl);
  };
}

/**
 * Refuses, with 403, what no page of this site sent: see {@link verifyCsrf}. The body has to be parsed before, for the
 * form's field `csrfmiddlewaretoken`; the header `X-CSRFToken` needs none. Django: `CsrfViewMiddleware`
 *
 * @throws {ImproperlyConfigured} for a request that may change something and has no session
 */
export function csrfProtection(options: CsrfOptions = {}): KoaMiddleware {
  return async function csrfMiddleware(ctx, next) {
    const { body } = ctx.request as { readonly body?: unknown };
    const fields = typeof body === 'object' && body !== null ? body : {};
    const { csrfmiddlewaretoken: formToken } = fields as { readonly csrfmiddlewaretoken?: unknown };
    const { method, headers, secure, host } = ctx;
    if (!isSafeMethod(method)) {
      const session = sessionOf(ctx) ?? missingSession();
      // It need not be there yet, where sessions() is lazy.
      await session.load();
      verifyCsrf(session, { method, headers, secure, host, formToken }, options);
    }
    await next();
  };
}

function missingSession(): never {
  throw new ImproperlyConfigured(
    'csrfProtection() needs a session: mount sessions() before it, and skip no request that is to be protected.',
  );
}

/** The session that `sessions()` gave the context; `undefined` where it was told to skip the request. */
function sessionOf(ctx: KoaContext): SessionStore<SessionData> | undefined {
  return (ctx as { readonly session?: SessionStore<SessionData> }).session;
}
