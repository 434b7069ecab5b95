import { createHash } from 'node:crypto';
import {
  type FormWizard,
  formWizard,
  type StandardSchema,
  type WizardData,
} from '@coatcheck/contrib/form-wizard';
import * as v from 'valibot';
import type { CartLine } from './cart.ts';

/** Where the shop delivers to. */
export const countries = ['AT', 'BE', 'CH', 'DE', 'ES', 'FR', 'GB', 'IT', 'NL', 'SE'] as const;

/** What each way of delivery costs, in cents. */
export const deliveryCosts = { pickup: 0, post: 490, courier: 990 } as const;

/** How an order can be paid. */
export const payments = ['invoice', 'cash'] as const;

/** How an order can be delivered. */
export type DeliveryMethod = keyof typeof deliveryCosts;

/** Where the order goes. */
export interface Address {
  readonly name: string;
  readonly street: string;
  readonly postcode: string;
  readonly city: string;
  readonly country: (typeof countries)[number];
}

/** How it gets there. */
export interface Delivery {
  readonly method: DeliveryMethod;
  readonly note: string;
}

/** How it is paid. */
export interface Payment {
  readonly method: (typeof payments)[number];
  readonly terms: 'yes';
}

// The messages are names of texts: what is stored and what is shown are in no language yet.
const line = (most: number): v.GenericSchema<unknown, string> =>
  v.pipe(v.string('required'), v.trim(), v.minLength(1, 'required'), v.maxLength(most, 'tooLong'));

const address: StandardSchema<Address> = v.object({
  name: line(80),
  street: line(80),
  postcode: v.pipe(line(10), v.regex(/^[\dA-Za-z][\dA-Za-z -]{1,8}[\dA-Za-z]$/, 'postcode')),
  city: line(60),
  country: v.picklist(countries, 'choice'),
});

const delivery: StandardSchema<Delivery> = v.object({
  method: v.picklist(['pickup', 'post', 'courier'], 'choice'),
  note: v.optional(v.pipe(v.string('required'), v.trim(), v.maxLength(200, 'tooLong')), ''),
});

const payment: StandardSchema<Payment> = v.object({
  method: v.picklist(payments, 'choice'),
  terms: v.literal('yes', 'terms'),
});

/** The steps of the checkout. */
export type CheckoutSteps = {
  readonly address: StandardSchema<Address>;
  readonly delivery: StandardSchema<Delivery>;
  readonly payment: StandardSchema<Payment>;
};

/** The checkout: three steps, which the session keeps until the order is placed. */
export const checkout: FormWizard<CheckoutSteps> = formWizard('checkout', {
  address,
  delivery,
  payment,
});

/** A step of the checkout. */
export type CheckoutStep = keyof CheckoutSteps;

/**
 * Stands for everything that a review says. It goes with the order, so that what another tab has put into the cart or
 * entered since is not ordered unseen, and that the second of two clicks is told from another order of the same.
 */
export function digestOfReview(
  lines: readonly CartLine[],
  { address, delivery, payment }: Partial<WizardData<CheckoutSteps>>,
  before: Order | undefined,
): string {
  const goods = lines.map(({ product, quantity }) => [product.id, product.priceInCents, quantity]);
  const shown = JSON.stringify([goods, address, delivery, payment, before?.reviewed]);
  return createHash('sha256').update(shown).digest('base64url');
}

/** What was ordered last, as the session keeps it for the page that says so. */
export interface Order {
  readonly number: string;
  readonly totalInCents: number;
  readonly delivery: DeliveryMethod;
  /** The review that it was placed from; see {@link digestOfReview}. */
  readonly reviewed: string;
}
