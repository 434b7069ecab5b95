import { LoginPage } from '../pages/login-page.tsx';
import {
  formField,
  renderPage,
  type ShopContext,
  type ShopRouter,
  seeOther,
  visitorOf,
} from '../shop-context.ts';
import { authenticate } from '../users.ts';

/** Logging in and out: where the session changes hands. */
export function addLoginRoutes(router: ShopRouter): void {
  router.get('/login', (ctx: ShopContext) => {
    const failed = ctx.query.failed !== undefined;
    renderPage(ctx, LoginPage({ visitor: visitorOf(ctx), failed }));
  });

  router.post('/login', async (ctx: ShopContext) => {
    const user = await authenticate(formField(ctx, 'username'), formField(ctx, 'password'));
    if (!user) return seeOther(ctx, '/login?failed');

    const { session } = ctx;
    const before = session.get('username');
    // Somebody else's session must not become this user's.
    if (before !== undefined && before !== user.username) await session.flush();
    // A new key: whoever knew the old one does not get the account. The cart comes along.
    else await session.cycleKey();
    session.set('username', user.username);
    return seeOther(ctx, visitorOf(ctx).pieces > 0 ? '/cart' : '/');
  });

  router.post('/logout', async (ctx: ShopContext) => {
    await ctx.session.flush();
    seeOther(ctx, '/');
  });
}
