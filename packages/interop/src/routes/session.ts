import { bodyOf, type SiteContext, type SiteRouter } from '../site-context.ts';

/** Every entry; POST sets those that it is given. */
export function addSessionRoutes(router: SiteRouter): void {
  router.get('/session', (ctx: SiteContext) => {
    ctx.body = Object.fromEntries(ctx.session.entries());
  });

  router.post('/session', (ctx: SiteContext) => {
    ctx.session.update(bodyOf<object>(ctx));
    ctx.body = Object.fromEntries(ctx.session.entries());
  });
}
