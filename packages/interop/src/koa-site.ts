import type { Sessions } from '@coatcheck/core';
import { sessions as sessionMiddleware } from '@coatcheck/koa';
import Koa from 'koa';

/** The Koa half of a site whose other half is Django, on the sessions that both share. */
export function createKoaSite(sessions: Sessions): Koa {
  const app = new Koa();
  app.use(sessionMiddleware(sessions));
  return app;
}
