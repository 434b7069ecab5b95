import type { JSX } from 'preact';
import { formatPrice, products } from '../products.ts';
import type { Visitor } from '../shop-context.ts';
import { Layout } from './layout.tsx';
import { Picture } from './picture.tsx';

/** What there is to buy. */
export function ProductsPage({ visitor }: { visitor: Visitor }): JSX.Element {
  return (
    <Layout title="Everything that hangs" current="/" visitor={visitor}>
      <p class="lead">
        Looking around leaves no trace. Your first item opens a session: one row on the server, one
        cookie in your browser.
      </p>
      <ul class="products">
        {[...products.values()].map(({ id, name, description, priceInCents, picture }) => (
          <li key={id} class="card">
            <Picture of={picture} />
            <h2>{name}</h2>
            <p>{description}</p>
            <form method="post" action="/cart/add">
              <span class="price">{formatPrice(priceInCents)}</span>
              <button type="submit" name="product" value={id} aria-label={`Add ${name} to cart`}>
                Add to cart
              </button>
            </form>
          </li>
        ))}
      </ul>
    </Layout>
  );
}
