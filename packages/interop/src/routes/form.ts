import { getToken } from '@coatcheck/contrib/csrf';
import { csrfProtection } from '@coatcheck/contrib/koa';
import type { SiteContext, SiteRouter } from '../site-context.ts';

/** A form that only this site's own pages can send. */
export function addFormRoutes(router: SiteRouter): void {
  router.use('/form', csrfProtection());

  router.get('/form', (ctx: SiteContext) => {
    ctx.body = { token: getToken(ctx.session) };
  });

  router.post('/form', (ctx: SiteContext) => {
    ctx.body = { sent: true };
  });
}
