import { ProductsPage } from '../pages/products-page.tsx';
import { preferences } from '../preferences.ts';
import { products } from '../products.ts';
import { queryField, type ShopContext, type ShopRouter } from '../shop-context.ts';
import { showPage } from '../visitor.ts';

/** What there is to buy. */
export function addProductRoutes(router: ShopRouter): void {
  router.get('/', async (ctx: ShopContext) => {
    const size = preferences.get(ctx.session, 'list.itemsPerPage');
    const count = Math.ceil(products.size / size);
    const number = Number(queryField(ctx, 'page') || 1);
    ctx.assert(Number.isInteger(number) && number >= 1 && number <= count, 404);
    const shown = [...products.values()].slice((number - 1) * size, number * size);
    const hasLeft = ctx.query.goodbye !== undefined && !ctx.state.user;
    await showPage(ctx, (visitor) => ProductsPage({ visitor, shown, number, count, hasLeft }));
  });
}
