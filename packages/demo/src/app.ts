import { authenticate } from '@coatcheck/contrib/koa';
import type { Sessions } from '@coatcheck/core';
import { sessions as sessionMiddleware } from '@coatcheck/koa';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import { csrfGuard } from './csrf-guard.ts';
import { errorPages } from './error-pages.ts';
import { chooseLook } from './look.ts';
import { addCartRoutes } from './routes/cart.ts';
import { addCheckoutRoutes } from './routes/checkout.ts';
import { addDeviceRoutes, listsDevices } from './routes/devices.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addPreferenceRoutes } from './routes/preferences.ts';
import { addProductRoutes } from './routes/products.ts';
import { addSessionRoutes } from './routes/session.ts';
import { STREAM_PATH } from './routes/session-stream.ts';
import { staticFiles } from './routes/static.ts';
import type { SessionContext, ShopRouter, ShopSession, ShopState } from './shop-context.ts';
import { loadUser } from './users.ts';

const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

/** The shop, on the sessions it is given. */
export function createApp(sessions: Sessions<ShopSession>): Koa<ShopState, SessionContext> {
  const router: ShopRouter = new Router();
  addProductRoutes(router);
  addCartRoutes(router);
  addCheckoutRoutes(router);
  addLoginRoutes(router);
  addPreferenceRoutes(router);
  addSessionRoutes(router, sessions);
  const hasDevices = listsDevices(sessions);
  if (hasDevices) addDeviceRoutes(router, sessions);

  const app = new Koa<ShopState, SessionContext>();
  app.use((ctx, next) => {
    ctx.set(securityHeaders);
    ctx.state.listsDevices = hasDevices;
    return next();
  });
  app.use(errorPages());
  app.use(staticFiles());
  app.use(bodyParser({ enableTypes: ['form'], formLimit: '16kb' }));
  app.use(sessionMiddleware(sessions, { readOnly: isStream, touch: (ctx) => !isStream(ctx) }));
  app.use(chooseLook());
  app.use(csrfGuard());
  app.use(authenticate(loadUser));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** A page that only watches is no activity of its visitor. */
function isStream({ path }: { readonly path: string }): boolean {
  return path === STREAM_PATH;
}
