import type { SchemaIssue, WizardState } from '@coatcheck/contrib/form-wizard';
import type { JSX } from 'preact';
import type { CartLine } from '../cart.ts';
import { type CheckoutStep, type CheckoutSteps, checkout } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';
import { CheckoutProgress } from './checkout-progress.tsx';
import type { FieldContext } from './fields.tsx';
import { Layout } from './layout.tsx';
import { OrderSummary } from './order-summary.tsx';
import { PostForm } from './parts.tsx';
import { AddressFields, DeliveryFields, PaymentFields } from './step-fields.tsx';

const fieldsOf = { address: AddressFields, delivery: DeliveryFields, payment: PaymentFields };

/** One step of the checkout. */
export function StepPage(props: {
  visitor: Visitor;
  step: CheckoutStep;
  lines: readonly CartLine[];
  state: WizardState<CheckoutSteps>;
  /** What was entered, right or wrong. */
  values: Readonly<Record<string, string>>;
  issues: readonly SchemaIssue[];
}): JSX.Element {
  const { visitor, step, lines, state, values, issues } = props;
  const { checkout: texts, problems } = visitor.locale.texts;
  const Fields = fieldsOf[step];
  const fields: FieldContext = { values, problems: problemsOf(issues, problems) };
  const before = checkout.steps[checkout.steps.indexOf(step) - 1];
  return (
    <Layout
      title={`${texts.steps[step]} · ${texts.title}`}
      current="/cart"
      look={visitor}
      visitor={visitor}
    >
      <h1>{texts.title}</h1>
      <CheckoutProgress visitor={visitor} current={step} state={state} />
      <div class="with-aside">
        <PostForm visitor={visitor} class="card stacked step" action={`/checkout/${step}`}>
          <h2>{texts.steps[step]}</h2>
          {issues.length > 0 ? <Problems visitor={visitor} fields={fields} /> : null}
          <Fields visitor={visitor} fields={fields} />
          <div class="buttons">
            <button type="submit">{texts.next}</button>
            {before ? (
              <a class="button quiet" href={`/checkout/${before}`}>
                {texts.back}
              </a>
            ) : (
              <a class="button quiet" href="/cart">
                {texts.toCart}
              </a>
            )}
          </div>
        </PostForm>
        <OrderSummary visitor={visitor} lines={lines} delivery={state.data.delivery} />
      </div>
    </Layout>
  );
}

function Problems(props: { visitor: Visitor; fields: FieldContext }): JSX.Element {
  const { visitor, fields } = props;
  return (
    <div class="message error" role="alert">
      <p>{visitor.locale.texts.checkout.problems}</p>
      <ul>
        {[...fields.problems].map(([name, problem]) => (
          <li key={name}>
            <a href={`#${name}`}>{labelOf(name, visitor)}</a>: {problem}
          </li>
        ))}
      </ul>
    </div>
  );
}

function labelOf(name: string, { locale }: Visitor): string {
  const labels: Readonly<Record<string, unknown>> = locale.texts.checkout;
  return String(labels[name] ?? name);
}

/** The first problem of each field, in words. */
function problemsOf(
  issues: readonly SchemaIssue[],
  texts: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path, message } of issues) {
    const [first] = path ?? [];
    const name = String(typeof first === 'object' ? first.key : first);
    if (!found.has(name)) found.set(name, texts[message] ?? texts.required ?? message);
  }
  return found;
}
