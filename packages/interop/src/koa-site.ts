import { authenticate } from '@coatcheck/contrib/koa';
import type { Sessions } from '@coatcheck/core';
import { sessions as sessionMiddleware } from '@coatcheck/koa';
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import type { Gate } from './gate.ts';
import { addCartRoutes } from './routes/cart.ts';
import { addExpiryRoutes } from './routes/expiry.ts';
import { addFormRoutes } from './routes/form.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addSessionRoutes } from './routes/session.ts';
import { addSlowRoutes } from './routes/slow.ts';
import type { SiteRouter, SiteState } from './site-context.ts';
import type { Users } from './users.ts';

/** What the site works with. */
export interface KoaSiteParts {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly gate: Gate;
}

/** The Koa half of a site whose other half is Django, on the sessions that both share. */
export function createKoaSite({ sessions, users, gate }: KoaSiteParts): Koa<SiteState> {
  const router: SiteRouter = new Router();
  addLoginRoutes(router, users);
  addCartRoutes(router);
  addSessionRoutes(router);
  addExpiryRoutes(router);
  addFormRoutes(router);
  addMessageRoutes(router);
  addSlowRoutes(router, gate);

  const app = new Koa<SiteState>();
  // JSON as text, since the parser refuses the name __proto__, which sessions may have.
  app.use(bodyParser({ enableTypes: ['form', 'text'], extendTypes: { text: ['json'] } }));
  app.use(sessionMiddleware(sessions));
  app.use(authenticate((id) => users.find(id)));
  app.use(router.routes());
  return app;
}
