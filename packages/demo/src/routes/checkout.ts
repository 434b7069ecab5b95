import { randomInt } from 'node:crypto';
import * as flash from '@coatcheck/contrib/flash';
import { WizardStepError } from '@coatcheck/contrib/form-wizard';
import { loginRequired } from '@coatcheck/contrib/koa';
import { type CartLine, cartLines, sumInCents, withoutOrdered } from '../cart.ts';
import { type CheckoutStep, checkout, deliveryCosts, digestOfReview } from '../checkout.ts';
import { OrderedPage } from '../pages/ordered-page.tsx';
import { ReviewPage } from '../pages/review-page.tsx';
import { StepPage } from '../pages/step-page.tsx';
import {
  formField,
  formFields,
  type ShopContext,
  type ShopRouter,
  seeOther,
} from '../shop-context.ts';
import { showPage } from '../visitor.ts';

/** The checkout: three steps, a review, and the order. */
export function addCheckoutRoutes(router: ShopRouter): void {
  router.use('/checkout', loginRequired());

  router.get('/checkout', (ctx: ShopContext) => {
    if (filledCart(ctx) === undefined) return;
    const { current, isComplete, updatedAt } = checkout.state(ctx.session);
    if (updatedAt) flash.info(ctx.session, ctx.state.look.locale.texts.checkout.resumed);
    seeOther(ctx, `/checkout/${isComplete ? 'review' : current}`);
  });

  router.get('/checkout/review', async (ctx: ShopContext) => {
    const lines = filledCart(ctx);
    if (lines === undefined) return;
    const { data, isComplete } = checkout.state(ctx.session);
    const { address, delivery, payment } = data;
    ctx.assert(isComplete && address && delivery && payment, 400, outOfOrder(ctx));
    const digest = digestOfReview(lines, data, ctx.session.get('lastOrder'));
    const shown = { lines, address, delivery, payment, digest };
    await showPage(ctx, (visitor) => ReviewPage({ visitor, ...shown }));
  });

  router.get('/checkout/done', async (ctx: ShopContext) => {
    const order = ctx.session.get('lastOrder');
    ctx.assert(order, 400, outOfOrder(ctx));
    await showPage(ctx, (visitor) => OrderedPage({ visitor, order }));
  });

  router.post('/checkout/clear', (ctx: ShopContext) => {
    checkout.clear(ctx.session);
    flash.info(ctx.session, ctx.state.look.locale.texts.checkout.cleared);
    seeOther(ctx, '/cart');
  });

  router.post('/checkout/order', async (ctx: ShopContext) => {
    const { session } = ctx;
    const { data, isComplete } = checkout.state(session);
    const last = session.get('lastOrder');
    const reviewed = formField(ctx, 'reviewed');
    // The second of two clicks: the visitor is to see the order.
    if (last?.reviewed === reviewed) return seeOther(ctx, '/checkout/done');
    const lines = filledCart(ctx);
    if (lines === undefined) return;
    if (isComplete && reviewed !== digestOfReview(lines, data, last)) {
      flash.warning(session, ctx.state.look.locale.texts.checkout.changedMeanwhile);
      return seeOther(ctx, '/checkout/review');
    }
    try {
      await placeOrder(ctx, lines, reviewed);
    } catch (error) {
      // Or another one finishes it at the same moment.
      if (!(isComplete && error instanceof WizardStepError)) throw error;
    }
    seeOther(ctx, '/checkout/done');
  });

  router.get('/checkout/:step', async (ctx: ShopContext) => {
    const step = stepOf(ctx);
    const lines = filledCart(ctx);
    if (lines === undefined) return;
    const state = checkout.state(ctx.session);
    ctx.assert(state.reachable.includes(step), 400, outOfOrder(ctx));
    const values = (state.data[step] ?? {}) as Record<string, string>; // every field is text
    await showPage(ctx, (visitor) => StepPage({ visitor, step, lines, state, values, issues: [] }));
  });

  router.post('/checkout/:step', async (ctx: ShopContext) => {
    const step = stepOf(ctx);
    const values = formFields(ctx);
    const result = await checkout.submit(ctx.session, step, values);
    if (result.ok) return seeOther(ctx, `/checkout/${nextOf(step)}`);
    const state = checkout.state(ctx.session);
    const lines = cartLines(ctx.session.get('cart'));
    const { issues } = result;
    await showPage(ctx, (visitor) => StepPage({ visitor, step, lines, state, values, issues }));
    ctx.status = 422;
  });
}

/**
 * Stores the order, takes it out of the cart and ends the form, all at once. What comes into the cart while this is
 * stored stays there.
 *
 * @throws {WizardStepError} as `finish`
 */
async function placeOrder(
  ctx: ShopContext,
  lines: readonly CartLine[],
  reviewed: string,
): Promise<void> {
  const { session, state } = ctx;
  const number = String(randomInt(1000, 10_000));
  await checkout.finish(session, ({ delivery: { method } }) => {
    const totalInCents = sumInCents(lines) + deliveryCosts[method];
    session.change('cart', (cart) => withoutOrdered(cart, lines));
    session.set('lastOrder', { number, totalInCents, delivery: method, reviewed });
    flash.success(session, state.look.locale.texts.checkout.ordered(number));
  });
}

/** What is in the cart; an empty one is shown instead of the checkout. */
function filledCart(ctx: ShopContext): readonly CartLine[] | undefined {
  const lines = cartLines(ctx.session.get('cart'));
  if (lines.length > 0) return lines;
  flash.warning(ctx.session, ctx.state.look.locale.texts.checkout.emptyCart);
  seeOther(ctx, '/cart');
  return undefined;
}

function stepOf(ctx: ShopContext): CheckoutStep {
  const step = checkout.steps.find((name) => name === ctx.params.step);
  ctx.assert(step, 404, ctx.state.look.locale.texts.checkout.noStep);
  return step;
}

function nextOf(step: CheckoutStep): string {
  return checkout.steps[checkout.steps.indexOf(step) + 1] ?? 'review';
}

function outOfOrder(ctx: ShopContext): string {
  return ctx.state.look.locale.texts.checkout.outOfOrder;
}
