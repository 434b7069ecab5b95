import { getToken, verifyCsrf } from '@coatcheck/contrib/csrf';
import type { SiteContext, SiteRouter } from '../site-context.ts';

/** A form that only this site's own pages can send. */
export function addFormRoutes(router: SiteRouter): void {
  router.get('/form', (ctx: SiteContext) => {
    ctx.body = { token: getToken(ctx.session) };
  });

  router.post('/form', (ctx: SiteContext) => {
    const { csrfmiddlewaretoken: formToken } = Object(ctx.request.body);
    const { method, headers, secure, host } = ctx;
    verifyCsrf(ctx.session, { method, headers, secure, host, formToken });
    ctx.body = { sent: true };
  });
}
