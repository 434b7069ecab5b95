import type { JSX } from 'preact';
import { type CartLine, MAX_QUANTITY, sumInCents } from '../cart.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { Empty, PostForm } from './parts.tsx';
import { Picture } from './picture.tsx';

/** What the visitor wants to buy. */
export function CartPage(props: {
  visitor: Visitor;
  lines: readonly CartLine[];
  /** Whether the checkout was begun and left. */
  hasBegun: boolean;
}): JSX.Element {
  const { visitor, lines, hasBegun } = props;
  const { texts, price } = visitor.locale;
  const { cart } = texts;
  return (
    <Layout title={cart.title} current="/cart" look={visitor} visitor={visitor}>
      <h1>{cart.title}</h1>
      {lines.length === 0 ? (
        <Empty title={cart.empty} hint={cart.emptyHint} href="/" action={cart.lookAround} />
      ) : (
        <div class="with-aside">
          <ul class="card lines" aria-label={cart.caption}>
            {lines.map((line) => (
              <Line key={line.product.id} line={line} visitor={visitor} />
            ))}
          </ul>
          <aside class="card summary" aria-label={cart.total}>
            <p class="sum">
              <span>{cart.total}</span>
              <strong>{price(sumInCents(lines))}</strong>
            </p>
            <a class="button wide" href="/checkout">
              {hasBegun ? cart.resume : cart.checkout}
            </a>
            {visitor.user ? null : <p class="hint">{cart.loginNote}</p>}
          </aside>
        </div>
      )}
    </Layout>
  );
}

function Line(props: { line: CartLine; visitor: Visitor }): JSX.Element {
  const { line, visitor } = props;
  const { product, quantity } = line;
  const { texts, price } = visitor.locale;
  const { cart } = texts;
  const name = texts.products.names[product.id]?.[0] ?? product.id;
  return (
    <li class="line">
      <Picture of={product.picture} />
      <div class="line-name">
        <h2>{name}</h2>
        <p class="hint">{cart.each(price(product.priceInCents))}</p>
      </div>
      <PostForm class="quantity" visitor={visitor} action="/cart/quantity">
        <input type="hidden" name="product" value={product.id} />
        <input
          type="number"
          name="quantity"
          value={quantity}
          min={0}
          max={MAX_QUANTITY}
          required
          aria-label={cart.quantityOf(name)}
        />
        <button type="submit" class="quiet small" aria-label={cart.changeNamed(name)}>
          {cart.change}
        </button>
      </PostForm>
      <p class="amount">{price(product.priceInCents * quantity)}</p>
      <PostForm class="remove" visitor={visitor} action="/cart/remove">
        <button
          type="submit"
          class="link"
          name="product"
          value={product.id}
          aria-label={cart.removeNamed(name)}
        >
          {cart.remove}
        </button>
      </PostForm>
    </li>
  );
}
