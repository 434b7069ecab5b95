import type { JSX } from 'preact';
import type { Order } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { Ticket } from './parts.tsx';

/** What was ordered. */
export function OrderedPage({ visitor, order }: { visitor: Visitor; order: Order }): JSX.Element {
  const { texts, price } = visitor.locale;
  const { checkout } = texts;
  return (
    <Layout title={checkout.thanks} current="/cart" look={visitor} visitor={visitor}>
      <div class="centred">
        <Ticket label="No" number={order.number} />
        <h1>{checkout.thanks}</h1>
        <p class="lead">
          {checkout.methods[order.delivery]} · {price(order.totalInCents)}
        </p>
        <p>
          <a class="button" href="/">
            {checkout.keepLooking}
          </a>
        </p>
      </div>
    </Layout>
  );
}
