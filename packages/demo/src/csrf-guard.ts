import type { CsrfRejected } from '@coatcheck/contrib/csrf';
import { csrfProtection } from '@coatcheck/contrib/koa';
import type { Middleware } from 'koa';
import type { SessionContext, ShopState } from './shop-context.ts';

/**
 * Refuses forms that no page of this shop sent. One form needs no token: the first item of a visitor without a session,
 * so that looking around begins none. Nothing there is the visitor's yet, and where the form comes from is checked.
 */
export function csrfGuard(): Middleware<ShopState, SessionContext> {
  const protect = csrfProtection();
  return async (ctx, next) => {
    try {
      await protect(ctx, async () => {});
    } catch (error) {
      const { reason } = error as CsrfRejected; // what the guard throws
      if (reason !== 'NO_CSRF_COOKIE' || !isFirstItem(ctx)) throw error;
    }
    await next();
  };
}

function isFirstItem(ctx: SessionContext & { readonly path: string }): boolean {
  return ctx.path === '/cart/add' && ctx.session.sessionKey === null;
}
