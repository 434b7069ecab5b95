import type { JSX } from 'preact';
import { countries, deliveryCosts, payments } from '../checkout.ts';
import type { Visitor } from '../visitor.ts';
import { CheckField, type FieldContext, RadioField, SelectField, TextField } from './fields.tsx';

interface StepFieldsProps {
  readonly visitor: Visitor;
  readonly fields: FieldContext;
}

/** Where it goes. */
export function AddressFields({ visitor, fields }: StepFieldsProps): JSX.Element {
  const { texts, country } = visitor.locale;
  const { checkout } = texts;
  const named = countries.map((code) => [code, country(code)] as const);
  return (
    <>
      <TextField
        name="name"
        label={checkout.name}
        fields={fields}
        autocomplete="name"
        maxLength={80}
      />
      <TextField
        name="street"
        label={checkout.street}
        fields={fields}
        autocomplete="street-address"
        maxLength={80}
      />
      <div class="field-row">
        <TextField
          name="postcode"
          label={checkout.postcode}
          fields={fields}
          autocomplete="postal-code"
          maxLength={10}
        />
        <TextField
          name="city"
          label={checkout.city}
          fields={fields}
          autocomplete="address-level2"
          maxLength={60}
        />
      </div>
      <SelectField
        name="country"
        label={checkout.country}
        fields={fields}
        autocomplete="country"
        empty={checkout.choose}
        options={named.toSorted(([, a], [, b]) => a.localeCompare(b, visitor.locale.language))}
      />
    </>
  );
}

/** How it gets there. */
export function DeliveryFields({ visitor, fields }: StepFieldsProps): JSX.Element {
  const { texts, price } = visitor.locale;
  const { checkout } = texts;
  const methods = ['pickup', 'post', 'courier'] as const;
  return (
    <>
      <RadioField
        name="method"
        label={checkout.method}
        fields={fields}
        options={methods.map((method) => [
          method,
          <>
            {checkout.methods[method]}
            <span class="costs">
              {deliveryCosts[method] === 0 ? checkout.free : price(deliveryCosts[method])}
            </span>
          </>,
        ])}
      />
      <TextField name="note" label={checkout.note} fields={fields} maxLength={200} isOptional />
    </>
  );
}

/** How it is paid. */
export function PaymentFields({ visitor, fields }: StepFieldsProps): JSX.Element {
  const { checkout } = visitor.locale.texts;
  return (
    <>
      <RadioField
        name="method"
        label={checkout.payBy}
        fields={fields}
        options={payments.map((method) => [method, checkout.payments[method]])}
      />
      <CheckField name="terms" label={checkout.terms} fields={fields} />
    </>
  );
}
