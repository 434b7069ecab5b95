import { addOne, cartLines, MAX_QUANTITY, setQuantity } from '../cart.ts';
import { CartPage } from '../pages/cart-page.tsx';
import { products } from '../products.ts';
import {
  formField,
  renderPage,
  type ShopContext,
  type ShopRouter,
  seeOther,
  visitorOf,
} from '../shop-context.ts';

/** The cart: everybody has one, and it lives in the session alone. */
export function addCartRoutes(router: ShopRouter): void {
  router.get('/cart', (ctx: ShopContext) => {
    const lines = cartLines(ctx.session.get('cart'));
    renderPage(ctx, CartPage({ visitor: visitorOf(ctx), lines }));
  });

  // `change` runs again on whatever another tab has stored meanwhile, so that both keep their items.
  router.post('/cart/add', (ctx: ShopContext) => {
    const id = productId(ctx);
    ctx.session.change('cart', (cart) => addOne(cart, id));
    seeOther(ctx, '/cart');
  });

  router.post('/cart/quantity', (ctx: ShopContext) => {
    const id = productId(ctx);
    const quantity = Number(formField(ctx, 'quantity') || Number.NaN);
    ctx.assert(
      Number.isInteger(quantity) && quantity >= 0 && quantity <= MAX_QUANTITY,
      400,
      `The quantity must be a whole number from 0 to ${MAX_QUANTITY}.`,
    );
    ctx.session.change('cart', (cart) => setQuantity(cart, id, quantity));
    seeOther(ctx, '/cart');
  });

  router.post('/cart/remove', (ctx: ShopContext) => {
    const id = productId(ctx);
    ctx.session.change('cart', (cart) => setQuantity(cart, id, 0));
    seeOther(ctx, '/cart');
  });
}

function productId(ctx: ShopContext): string {
  const id = formField(ctx, 'product');
  ctx.assert(products.has(id), 400, 'There is no such product.');
  return id;
}
