import { type Product, products } from './products.ts';

/** Quantities by product id, as the session keeps them. */
export type Cart = Readonly<Record<string, number>>;

/** A line of the cart as the pages show it. */
export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

/** The most of one product that a cart takes. */
export const MAX_QUANTITY = 99;

/** The cart with one more of the product. */
export function addOne(cart: Cart | undefined, id: string): Cart {
  return { ...cart, [id]: Math.min((cart?.[id] ?? 0) + 1, MAX_QUANTITY) };
}

/** The cart with that many of the product; `undefined` when nothing is left in it. */
export function setQuantity(
  cart: Cart | undefined,
  id: string,
  quantity: number,
): Cart | undefined {
  const { [id]: _, ...others } = cart ?? {};
  if (quantity > 0) return { ...cart, [id]: quantity };
  return Object.keys(others).length > 0 ? others : undefined;
}

/** The cart without what was ordered: what another tab has added meanwhile stays. */
export function withoutOrdered(
  cart: Cart | undefined,
  ordered: readonly CartLine[],
): Cart | undefined {
  let rest = cart;
  for (const { product, quantity } of ordered) {
    rest = setQuantity(rest, product.id, (rest?.[product.id] ?? 0) - quantity);
  }
  return rest;
}

/** The lines of the cart; products that the shop no longer sells are left out. */
export function cartLines(cart: Cart | undefined): CartLine[] {
  return Object.entries(cart ?? {}).flatMap(([id, quantity]) => {
    const product = products.get(id);
    return product ? [{ product, quantity }] : [];
  });
}

/** How many pieces the cart holds. */
export function countPieces(cart: Cart | undefined): number {
  return cartLines(cart).reduce((sum, { quantity }) => sum + quantity, 0);
}

/** What the lines cost together. */
export function sumInCents(lines: readonly CartLine[]): number {
  return lines.reduce((sum, { product, quantity }) => sum + product.priceInCents * quantity, 0);
}
