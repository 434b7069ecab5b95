import type { SessionContext as ContextWithSession } from '@coatcheck/koa';
import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import type { User } from './users.ts';

/** What the session middleware adds to Koa's context. */
export type SessionContext = ContextWithSession;

/** Who is logged in; `undefined` for nobody. */
export interface SiteState {
  user: User | undefined;
}

/** The router that the site's routes are added to. */
export type SiteRouter = Router<SiteState, SessionContext>;

/** The context of the site's routes. */
export type SiteContext = RouterContext<SiteState, SessionContext>;

/** The JSON that was sent. */
export function bodyOf<Body>(ctx: SiteContext): Body {
  return JSON.parse(String(ctx.request.body));
}
