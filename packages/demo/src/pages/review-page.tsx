import type { WizardData } from '@coatcheck/contrib/form-wizard';
import type { ComponentChildren, JSX } from 'preact';
import type { CartLine } from '../cart.ts';
import { type CheckoutStep, type CheckoutSteps, checkout } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';
import { CheckoutProgress } from './checkout-progress.tsx';
import { Layout } from './layout.tsx';
import { OrderSummary } from './order-summary.tsx';
import { PostForm } from './parts.tsx';

type Entered = WizardData<CheckoutSteps>;

const completed = {
  completed: checkout.steps,
  reachable: checkout.steps,
  isComplete: true,
};

/** Everything that was entered, before the order is placed. */
export function ReviewPage(props: {
  visitor: Visitor;
  lines: readonly CartLine[];
  address: Entered['address'];
  delivery: Entered['delivery'];
  payment: Entered['payment'];
  digest: string;
}): JSX.Element {
  const { visitor, lines, address, delivery, payment, digest } = props;
  const { texts, country } = visitor.locale;
  const { checkout: words } = texts;
  return (
    <Layout
      title={`${words.steps.review} · ${words.title}`}
      current="/cart"
      look={visitor}
      visitor={visitor}
    >
      <h1>{words.title}</h1>
      <CheckoutProgress visitor={visitor} current="review" state={completed} />
      <div class="with-aside">
        <div class="card entered">
          <Entry visitor={visitor} step="address">
            {address.name}
            <br />
            {address.street}
            <br />
            {address.postcode} {address.city}, {country(address.country)}
          </Entry>
          <Entry visitor={visitor} step="delivery">
            {words.methods[delivery.method]}
            {delivery.note ? (
              <>
                <br />
                {delivery.note}
              </>
            ) : null}
          </Entry>
          <Entry visitor={visitor} step="payment">
            {words.payments[payment.method]}
          </Entry>
        </div>
        <OrderSummary visitor={visitor} lines={lines} delivery={delivery}>
          <PostForm visitor={visitor} action="/checkout/order">
            <input type="hidden" name="reviewed" value={digest} />
            <button type="submit" class="wide">
              {words.order}
            </button>
          </PostForm>
          <PostForm visitor={visitor} action="/checkout/clear">
            <button type="submit" class="link">
              {words.clear}
            </button>
          </PostForm>
        </OrderSummary>
      </div>
    </Layout>
  );
}

function Entry(props: {
  visitor: Visitor;
  step: CheckoutStep;
  children: ComponentChildren;
}): JSX.Element {
  const { checkout: words } = props.visitor.locale.texts;
  const name = words.steps[props.step];
  return (
    <section class="entry">
      <h2>{name}</h2>
      <p>{props.children}</p>
      <a href={`/checkout/${props.step}`} aria-label={words.changeNamed(name)}>
        {words.change}
      </a>
    </section>
  );
}
