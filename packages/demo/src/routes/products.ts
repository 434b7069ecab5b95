import { ProductsPage } from '../pages/products-page.tsx';
import { renderPage, type ShopContext, type ShopRouter, visitorOf } from '../shop-context.ts';

/** What there is to buy. */
export function addProductRoutes(router: ShopRouter): void {
  router.get('/', (ctx: ShopContext) => {
    renderPage(ctx, ProductsPage({ visitor: visitorOf(ctx) }));
  });
}
