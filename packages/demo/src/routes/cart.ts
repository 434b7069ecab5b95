import { getToken } from '@coatcheck/contrib/csrf';
import * as flash from '@coatcheck/contrib/flash';
import { addOne, cartLines, MAX_QUANTITY, setQuantity } from '../cart.ts';
import { checkout } from '../checkout.ts';
import { CartPage } from '../pages/cart-page.tsx';
import { products } from '../products.ts';
import { formField, type ShopContext, type ShopRouter, seeOther } from '../shop-context.ts';
import { showPage } from '../visitor.ts';

/** The cart: everybody has one, and it lives in the session alone. */
export function addCartRoutes(router: ShopRouter): void {
  router.get('/cart', async (ctx: ShopContext) => {
    const lines = cartLines(ctx.session.get('cart'));
    const hasBegun = checkout.state(ctx.session).updatedAt !== undefined;
    await showPage(ctx, (visitor) => CartPage({ visitor, lines, hasBegun }));
  });

  // `change` runs again on whatever another tab has stored meanwhile, so that both keep their items.
  router.post('/cart/add', (ctx: ShopContext) => {
    const { session } = ctx;
    const { id, name, texts } = productOf(ctx);
    session.change('cart', (cart) => addOne(cart, id));
    flash.success(session, texts.products.added(name));
    // The forms of the next page need a secret; with it here, looking at that page writes nothing.
    getToken(session);
    seeOther(ctx, '/cart');
  });

  router.post('/cart/quantity', (ctx: ShopContext) => {
    const { id, name, texts } = productOf(ctx);
    const quantity = Number(formField(ctx, 'quantity') || Number.NaN);
    ctx.assert(
      Number.isInteger(quantity) && quantity >= 0 && quantity <= MAX_QUANTITY,
      400,
      texts.cart.badQuantity(MAX_QUANTITY),
    );
    ctx.session.change('cart', (cart) => setQuantity(cart, id, quantity));
    const { changed, removed } = texts.cart;
    flash.success(ctx.session, quantity > 0 ? changed(name) : removed(name));
    seeOther(ctx, '/cart');
  });

  router.post('/cart/remove', (ctx: ShopContext) => {
    const { id, name, texts } = productOf(ctx);
    ctx.session.change('cart', (cart) => setQuantity(cart, id, 0));
    flash.success(ctx.session, texts.cart.removed(name));
    seeOther(ctx, '/cart');
  });
}

function productOf(ctx: ShopContext) {
  const { texts } = ctx.state.look.locale;
  const id = formField(ctx, 'product');
  ctx.assert(products.has(id), 400, texts.cart.noProduct);
  return { id, name: texts.products.names[id]?.[0] ?? id, texts };
}
