import type { Sessions } from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ShopSession } from '../src/shop-context.ts';
import { type ShopInMemory, serveShopInMemory } from './served-shop.ts';
import { fieldsIn, Visitor } from './visitor.ts';

let shop: ShopInMemory;
let sessions: Sessions<ShopSession>;
let origin: string;

beforeEach(async () => {
  shop = await serveShopInMemory();
  ({ sessions, origin } = shop);
});

afterEach(() => shop.close());

const steps: Readonly<Record<string, Record<string, string>>> = {
  address: {
    name: 'Ada Lovelace',
    street: '12 St James’s Square',
    postcode: 'SW1Y 4LB',
    city: 'London',
    country: 'GB',
  },
  delivery: { method: 'post', note: '' },
  payment: { method: 'cash', terms: 'yes' },
};

async function customer(): Promise<Visitor> {
  const visitor = new Visitor(origin);
  await visitor.post('/cart/add', { product: 'wool-coat' });
  await visitor.logIn();
  return visitor;
}

/** Somebody who has come to the review. */
async function reviewer(): Promise<Visitor> {
  const visitor = await customer();
  await enterSteps(visitor);
  return visitor;
}

async function enterSteps(visitor: Visitor): Promise<void> {
  for (const [step, fields] of Object.entries(steps)) {
    await visitor.post(`/checkout/${step}`, fields);
  }
}

describe('the checkout', () => {
  it('begins with a login, and comes back', async () => {
    const visitor = new Visitor(origin);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const response = await visitor.get('/checkout/address');
    expect(response.headers.get('location')).toBe('/login?next=/checkout/address');
    const next = '/checkout/address';
    const login = await visitor.post('/login', {
      username: 'ada',
      password: 'analytical-engine',
      next,
    });
    expect(login.headers.get('location')).toBe(next);
  });

  it.each([
    ['GET', '/checkout/payment', 400, 'This step comes later.'],
    ['GET', '/checkout/review', 400, 'This step comes later.'],
    ['POST', '/checkout/delivery', 400, 'This step comes later.'],
    ['GET', '/checkout/done', 400, 'This step comes later.'],
    ['GET', '/checkout/constructor', 404, 'no such step'],
    ['POST', '/checkout/toString', 404, 'no such step'],
  ])(
    'answers %s %s out of order with a message, and changes nothing',
    async (method, path, status, message) => {
      const visitor = await customer();
      await visitor.page('/cart');
      const before = [...sessions.open(visitor.cookie).entries()];
      const response =
        method === 'GET' ? await visitor.get(path) : await visitor.post(path, steps.delivery);
      expect(response.status).toBe(status);
      expect(await response.text()).toContain(message);
      expect([...sessions.open(visitor.cookie).entries()]).toEqual(before);
    },
  );

  it.each([
    ['address', 'country', 'XX', 'Please choose one.'],
    ['address', 'name', '   ', 'Please fill this in.'],
    ['address', 'city', 'x'.repeat(61), 'This is too long.'],
    ['address', 'postcode', '<b>', 'A postcode has 3 to 10 letters and digits.'],
  ])('says what is wrong in the step %s where %s is %j', async (step, field, value, message) => {
    const visitor = await customer();
    const response = await visitor.post(`/checkout/${step}`, { ...steps[step], [field]: value });
    expect(response.status).toBe(422);
    const page = await response.text();
    expect(page).toContain(message);
    expect(page).toContain('aria-invalid="true"');
    expect(sessions.open(visitor.cookie).keys()).not.toContain('wizard_checkout');
  });

  it('places one order however often the button is pressed, and shows it', async () => {
    const visitor = await reviewer();
    const review = fieldsIn(await visitor.page('/checkout/review'));
    const presses = await Promise.all([
      visitor.postRaw('/checkout/order', review),
      visitor.postRaw('/checkout/order', review),
    ]);
    expect(presses.map(({ headers }) => headers.get('location'))).toEqual(
      Array(2).fill('/checkout/done'),
    );
    expect(sessions.open(visitor.cookie).has('cart')).toBe(false);
    const order = sessions.open(visitor.cookie).get('lastOrder');
    expect(order).toMatchObject({ totalInCents: 25_390, delivery: 'post' });

    const again = await visitor.postRaw('/checkout/order', review);
    expect(again.headers.get('location')).toBe('/checkout/done');
    expect(sessions.open(visitor.cookie).get('lastOrder')).toEqual(order);
    const page = await visitor.page('/checkout/done');
    expect(page).toContain(`>${order?.number}<`);
    expect(page.match(/Order \d{4} was placed/g)).toHaveLength(1);
    expect(page).not.toContain('Put something into the cart first.');
  });

  it('orders what the review said, and nothing that comes into the cart at that moment', async () => {
    const visitor = await reviewer();
    const review = fieldsIn(await visitor.page('/checkout/review'));
    const add = { csrfmiddlewaretoken: review.csrfmiddlewaretoken ?? '', product: 'gloves' };
    const [press] = await Promise.all([
      visitor.postRaw('/checkout/order', review),
      visitor.postRaw('/cart/add', add),
    ]);
    // Which of the two comes first is open.
    const isPlaced = press.headers.get('location') === '/checkout/done';
    const session = sessions.open(visitor.cookie);
    expect({ cart: session.get('cart'), total: session.get('lastOrder')?.totalInCents }).toEqual(
      isPlaced
        ? { cart: { gloves: 1 }, total: 25_390 }
        : { cart: { gloves: 1, 'wool-coat': 1 }, total: undefined },
    );
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['has come into the cart', '/cart/add', { product: 'gloves' }, '€305.90'],
    ['was changed there', '/cart/quantity', { product: 'wool-coat', quantity: '2' }, '€502.90'],
    ['costs more to deliver', '/checkout/delivery', { method: 'courier', note: '' }, '€258.90'],
    ['goes elsewhere', '/checkout/address', { ...steps.address, city: 'Paris' }, 'Paris'],
  ])('asks again where something %s since the review', async (_, path, fields, shown) => {
    const visitor = await reviewer();
    const review = fieldsIn(await visitor.page('/checkout/review'));
    await visitor.post(path, fields);
    const press = await visitor.postRaw('/checkout/order', review);
    expect(press.headers.get('location')).toBe('/checkout/review');
    expect(sessions.open(visitor.cookie).has('lastOrder')).toBe(false);
    expect(sessions.open(visitor.cookie).get('cart')).toBeDefined();

    const page = await visitor.page('/checkout/review');
    expect(page).toContain('Nothing is ordered yet: please look again.');
    expect(page).toContain(shown);
    const order = await visitor.postRaw('/checkout/order', fieldsIn(page));
    expect(order.headers.get('location')).toBe('/checkout/done');
    expect(sessions.open(visitor.cookie).has('cart')).toBe(false);
  });

  it('takes the same order again, and does not mistake it for the first', async () => {
    const visitor = await reviewer();
    const review = fieldsIn(await visitor.page('/checkout/review'));
    await visitor.postRaw('/checkout/order', review);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    await enterSteps(visitor);
    const again = fieldsIn(await visitor.page('/checkout/review'));
    await visitor.postRaw('/checkout/order', again);
    expect(sessions.open(visitor.cookie).has('cart')).toBe(false);
    expect(sessions.open(visitor.cookie).get('lastOrder')?.reviewed).toBe(again.reviewed);
  });

  it('does not say that an order was placed whose form another tab has cleared', async () => {
    const visitor = await reviewer();
    await visitor.postRaw('/checkout/order', fieldsIn(await visitor.page('/checkout/review')));
    await visitor.post('/cart/add', { product: 'gloves' });
    await enterSteps(visitor);
    const review = fieldsIn(await visitor.page('/checkout/review'));
    await visitor.post('/checkout/clear');
    const press = await visitor.postRaw('/checkout/order', review);
    expect(press.status).toBe(400);
    expect(await press.text()).toContain('This step comes later.');
    expect(sessions.open(visitor.cookie).get('cart')).toEqual({ gloves: 1 });
  });

  it.each([{}, { reviewed: '' }, { reviewed: 'x'.repeat(43) }])(
    'orders nothing with %j, which no review says',
    async (fields) => {
      const visitor = await reviewer();
      const press = await visitor.post('/checkout/order', fields as Record<string, string>);
      expect(press.headers.get('location')).toBe('/checkout/review');
      expect(sessions.open(visitor.cookie).get('cart')).toEqual({ 'wool-coat': 1 });
    },
  );

  it('shows what was entered as text, on its pages and in what is sent to the page of the session', async () => {
    const visitor = await customer();
    const name = '<img src=x onerror=alert(1)>';
    await visitor.post('/checkout/address', { ...steps.address, name });
    const response = await visitor.get('/session/events');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let sent = '';
    while (!sent.includes('onerror')) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) throw new Error('The stream ended without the name.');
      sent += value;
    }
    await reader?.cancel();
    const wrong = await visitor.post('/checkout/address', { name });
    for (const text of [sent, await visitor.page('/checkout/address'), await wrong.text()]) {
      expect(text).toContain('&lt;img');
      expect(text).not.toContain('<img');
    }
  });

  it('takes no order while a step is missing', async () => {
    const visitor = await customer();
    await visitor.post('/checkout/address', steps.address);
    const response = await visitor.post('/checkout/order');
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('This step comes later.');
    expect(sessions.open(visitor.cookie).get('cart')).toEqual({ 'wool-coat': 1 });
    expect(await visitor.page('/checkout/delivery')).toContain('How it gets to you');
  });

  it('has nothing to do for an empty cart', async () => {
    const visitor = new Visitor(origin);
    await visitor.logIn();
    for (const path of ['/checkout', '/checkout/address', '/checkout/review']) {
      expect((await visitor.get(path)).headers.get('location')).toBe('/cart');
    }
    expect(await visitor.page('/cart')).toContain('Put something into the cart first.');
  });
});
