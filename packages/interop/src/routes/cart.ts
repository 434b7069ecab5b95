import { bodyOf, type SiteContext, type SiteRouter } from '../site-context.ts';

/** What is in the cart; POST adds an item. */
export function addCartRoutes(router: SiteRouter): void {
  const cartOf = ({ session }: SiteContext): string[] => session.get('cart', []) as string[];

  router.get('/cart', (ctx: SiteContext) => {
    ctx.body = { cart: cartOf(ctx) };
  });

  router.post('/cart', (ctx: SiteContext) => {
    ctx.session.set('cart', [...cartOf(ctx), bodyOf<{ item: string }>(ctx).item]);
    ctx.body = { cart: cartOf(ctx) };
  });
}
