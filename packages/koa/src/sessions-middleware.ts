import { STATUS_CODES } from 'node:http';
import {
  type ClientFacts,
  type HttpSessionOptions,
  ImproperlyConfigured,
  type SessionData,
  type SessionStore,
  type Sessions,
  type Settings,
} from '@coatcheck/core';
import type { BaseContext, Context, DefaultState, Middleware, ParameterizedContext } from 'koa';
import onHeaders from 'on-headers';

/** What the middleware adds to a context. */
export interface SessionContext<Data extends object = SessionData> {
  /** The visitor's session. Cannot be assigned: `await ctx.session.flush()` ends it. */
  readonly session: SessionStore<Data>;
}

type PerRequest<Value> = Value | ((ctx: Context) => Value);

/** What routes may choose; each a value, or a function of the context that returns one. */
export type SessionsMiddlewareOptions = {
  readonly [Name in keyof HttpSessionOptions]?: PerRequest<HttpSessionOptions[Name]>;
} & {
  /** The request has no session at all: `ctx.session` is undefined. @default false */
  readonly skip?: PerRequest<boolean>;
};

const SESSION = Symbol('coatcheck.session');
const OPENER = Symbol('coatcheck.opener');
const prepared = new WeakSet<object>();
/** The sessions that each of our middlewares opens, for tests of applications. */
const openers = new WeakMap<object, Sessions>();

interface WithSession {
  [SESSION]?: { readonly session: unknown; writeHeaders(): void };
  [OPENER]?: unknown;
}

/**
 * `ctx.session` for everything that comes after: loaded before the handlers run, stored before Koa writes the
 * response. Django: `SessionMiddleware`. An error of the commit replaces the response, so that a 2xx is never sent
 * for a session that was not stored.
 */
export function sessions<Data extends object = SessionData>(
  opener: Sessions<Data>,
  options: SessionsMiddlewareOptions = {},
): Middleware<DefaultState, SessionContext<Data>> {
  const hasChoices = opener.settings.account !== undefined || Object.keys(options).length > 0;
  const middleware: Middleware<DefaultState, SessionContext<Data>> = async (ctx, next) => {
    const context = ctx as unknown as Context & WithSession;
    if (chosen(options.skip, context)) return next();
    if (context[SESSION]) {
      if (context[OPENER] !== opener) throw second();
      // Mounted twice: the outer one commits, and both see the same session.
      return next();
    }
    prepare(ctx.app.context);
    if (Object.hasOwn(ctx, 'session')) throw taken();
    const http = opener.openForRequest(
      ctx.req.headers.cookie,
      ctx.res,
      hasChoices ? choicesOf(options, context, opener.settings) : undefined,
    );
    context[SESSION] = http;
    context[OPENER] = opener;
    const beginning = http.begin();
    if (beginning !== undefined) await beginning;
    try {
      await next();
    } catch (error) {
      try {
        await http.finish(statusOf(error), hasBegun(ctx));
      } catch (cause) {
        // The first error is the one that is answered.
        opener.events.tell('error', undefined, { cause });
      }
      keepHeaders(ctx, http);
      throw error;
    }
    const finishing = http.finish(ctx.status, hasBegun(ctx));
    if (finishing !== undefined) await finishing;
    // After the outermost one there is nobody who could change them or look at the session; an error that Koa meets is
    // seen to below.
    if (ctx.app.middleware[0] !== middleware) keepHeaders(ctx, http);
  };
  openers.set(middleware, opener as unknown as Sessions);
  return middleware;
}

/** The sessions that a middleware opens, where it was made by `sessions()`. */
export function sessionsOf(middleware: object): Sessions | undefined {
  return openers.get(middleware);
}

function choicesOf(
  options: SessionsMiddlewareOptions,
  ctx: Context,
  { account }: Settings,
): HttpSessionOptions {
  return {
    client: account && (chosen(options.client, ctx) ?? clientOf(ctx)),
    lazy: chosen(options.lazy, ctx),
    touch: chosen(options.touch, ctx),
    readOnly: chosen(options.readOnly, ctx),
    importing: chosen(options.importing, ctx),
    onInterrupted: chosen(options.onInterrupted, ctx),
    onUnavailable: chosen(options.onUnavailable, ctx),
  };
}

/** What the request says of the visitor; `ctx.ip` follows `app.proxy`. */
function clientOf(ctx: Pick<Context, 'ip' | 'get'>): ClientFacts {
  return { address: ctx.ip, userAgent: ctx.get('user-agent') };
}

/** Writes the headers again with the head of the response, whatever has become of them until then. */
function keepHeaders(ctx: Pick<Context, 'res'>, http: { writeHeaders(): void }): void {
  if (!ctx.res.headersSent) onHeaders(ctx.res, () => http.writeHeaders());
}

function hasBegun(ctx: ParameterizedContext): boolean {
  return ctx.res.headersSent || ctx.respond === false;
}

/** The status with which Koa answers an error (`ctx.onerror`). */
function statusOf(error: unknown): number {
  if (!isError(error)) return 500;
  const { status, statusCode } = error as { status?: unknown; statusCode?: unknown };
  const claimed = status || statusCode;
  return typeof claimed === 'number' && claimed in STATUS_CODES ? claimed : 500;
}

// As Koa does it: an error of another realm is one, although it is no instance of ours.
function isError(error: unknown): boolean {
  return error instanceof Error || Object.prototype.toString.call(error) === '[object Error]';
}

function chosen<Value>(option: PerRequest<Value> | undefined, ctx: Context): Value | undefined {
  return typeof option === 'function' ? (option as (ctx: Context) => Value)(ctx) : option;
}

/** Gives the application's contexts their `session` once; an own property per request would cost every request. */
function prepare(prototype: BaseContext): void {
  if (prepared.has(prototype)) return;
  if ('session' in prototype) throw taken();
  Object.defineProperty(prototype, 'session', {
    configurable: true,
    get(this: WithSession) {
      return this[SESSION]?.session;
    },
    set() {
      throw new TypeError(
        'ctx.session cannot be assigned; to end the session call await ctx.session.flush().',
      );
    },
  });
  keepHeadersOfErrors(prototype);
  prepared.add(prototype);
}

function taken(): ImproperlyConfigured {
  return new ImproperlyConfigured(
    'ctx.session is taken already; remove the other session middleware (such as koa-session).',
  );
}

function second(): ImproperlyConfigured {
  return new ImproperlyConfigured(
    'A request can have one session: sessions() is mounted twice, with different Sessions; use skip to choose one per route.',
  );
}

/** Koa removes every header when it answers an error, of ours or of a middleware around us: put them back. */
function keepHeadersOfErrors(prototype: BaseContext): void {
  const { onerror } = prototype;
  prototype.onerror = function (this: Context & WithSession, error) {
    const http = this[SESSION];
    // Koa calls this without an error at the end of every response.
    if (http && error != null) keepHeaders(this, http);
    onerror.call(this, error);
  };
}
