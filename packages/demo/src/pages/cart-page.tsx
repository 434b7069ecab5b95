import type { JSX } from 'preact';
import { type CartLine, MAX_QUANTITY } from '../cart.ts';
import { formatPrice } from '../products.ts';
import type { Visitor } from '../shop-context.ts';
import { Layout } from './layout.tsx';

/** What the visitor wants to buy. */
export function CartPage(props: { visitor: Visitor; lines: readonly CartLine[] }): JSX.Element {
  const { visitor, lines } = props;
  return (
    <Layout title="Your cart" current="/cart" visitor={visitor}>
      {lines.length === 0 ? (
        <p class="lead">
          The cart is empty. <a href="/">Have a look around.</a>
        </p>
      ) : (
        <>
          <Lines lines={lines} />
          {visitor.user ? null : (
            <p class="note">
              <a href="/login">Log in</a>: the session gets a new key and the cart comes along.
            </p>
          )}
        </>
      )}
    </Layout>
  );
}

function Lines({ lines }: { lines: readonly CartLine[] }): JSX.Element {
  const total = lines.reduce(
    (sum, { product, quantity }) => sum + product.priceInCents * quantity,
    0,
  );
  return (
    <table class="card cart">
      <caption class="visually-hidden">Products in your cart</caption>
      <thead>
        <tr>
          <th scope="col">Product</th>
          <th scope="col">Quantity</th>
          <th scope="col" class="amount">
            Price
          </th>
          <td />
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <Line key={line.product.id} line={line} />
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" colSpan={2}>
            Total
          </th>
          <td class="amount total">{formatPrice(total)}</td>
          <td />
        </tr>
      </tfoot>
    </table>
  );
}

function Line({ line: { product, quantity } }: { line: CartLine }): JSX.Element {
  return (
    <tr>
      <th scope="row">{product.name}</th>
      <td>
        <form class="inline" method="post" action="/cart/quantity">
          <input type="hidden" name="product" value={product.id} />
          <input
            type="number"
            name="quantity"
            value={quantity}
            min={0}
            max={MAX_QUANTITY}
            required
            aria-label={`Quantity of ${product.name}`}
          />
          <button type="submit" class="quiet" aria-label={`Change quantity of ${product.name}`}>
            Change
          </button>
        </form>
      </td>
      <td class="amount">{formatPrice(product.priceInCents * quantity)}</td>
      <td class="amount">
        <form method="post" action="/cart/remove">
          <button
            type="submit"
            class="quiet"
            name="product"
            value={product.id}
            aria-label={`Remove ${product.name}`}
          >
            Remove
          </button>
        </form>
      </td>
    </tr>
  );
}
