import type { Sessions } from '@coatcheck/core';
import { sessions as sessionMiddleware } from '@coatcheck/koa';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import { errorPages } from './error-pages.ts';
import { addCartRoutes } from './routes/cart.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addProductRoutes } from './routes/products.ts';
import { addSessionRoutes } from './routes/session.ts';
import { staticFiles } from './routes/static.ts';
import type { ShopRouter, ShopSession } from './shop-context.ts';

const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

/** The shop, on the sessions it is given. */
export function createApp(sessions: Sessions<ShopSession>): Koa {
  const router: ShopRouter = new Router();
  addProductRoutes(router);
  addCartRoutes(router);
  addLoginRoutes(router);
  addSessionRoutes(router);

  const app = new Koa();
  app.use((ctx, next) => {
    ctx.set(securityHeaders);
    return next();
  });
  app.use(errorPages());
  app.use(staticFiles());
  app.use(bodyParser({ enableTypes: ['form'], formLimit: '16kb' }));
  app.use(sessionMiddleware(sessions));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}
