import { bodyOf, type SiteContext, type SiteRouter } from '../site-context.ts';

/** When the session ends; POST says so, by `seconds` or a `date`. */
export function addExpiryRoutes(router: SiteRouter): void {
  router.get('/expiry', show);

  router.post('/expiry', (ctx: SiteContext) => {
    const { date, seconds } = bodyOf<{ date?: string; seconds: number | null }>(ctx);
    ctx.session.setExpiry(date === undefined ? seconds : new Date(date));
    // An expiry alone is no session.
    ctx.session.setDefault('cart', []);
    show(ctx);
  });
}

function show(ctx: SiteContext): void {
  ctx.body = {
    age: ctx.session.getExpiryAge(),
    browserClose: ctx.session.getExpireAtBrowserClose(),
  };
}
