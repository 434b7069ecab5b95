import type { ComponentChildren, JSX } from 'preact';
import { type CartLine, sumInCents } from '../cart.ts';
import { type Delivery, deliveryCosts } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';

/** What is being ordered, and what it costs as far as that is known. */
export function OrderSummary(props: {
  visitor: Visitor;
  lines: readonly CartLine[];
  delivery: Delivery | undefined;
  children?: ComponentChildren;
}): JSX.Element {
  const { visitor, lines, delivery, children } = props;
  const { texts, price } = visitor.locale;
  const { checkout } = texts;
  const costs = delivery && deliveryCosts[delivery.method];
  return (
    <aside class="card summary" aria-label={checkout.summary}>
      <h2>{checkout.summary}</h2>
      <ul>
        {lines.map(({ product, quantity }) => (
          <li key={product.id}>
            <span>
              {quantity} × {texts.products.names[product.id]?.[0] ?? product.id}
            </span>
            <span>{price(product.priceInCents * quantity)}</span>
          </li>
        ))}
        {costs === undefined ? null : (
          <li>
            <span>{checkout.deliveryCosts}</span>
            <span>{costs === 0 ? checkout.free : price(costs)}</span>
          </li>
        )}
      </ul>
      <p class="sum">
        <span>{checkout.total}</span>
        <strong>{price(sumInCents(lines) + (costs ?? 0))}</strong>
      </p>
      {children}
    </aside>
  );
}
