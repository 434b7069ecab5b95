import {
  type FormWizard,
  formWizard,
  WizardStepError,
  type WizardSteps,
} from '@coatcheck/contrib/form-wizard';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { z } from 'zod';

const address = z.object({ street: z.string().min(1, 'Enter a street.'), city: z.string() });
const delivery = v.object({ by: v.picklist(['post', 'drone'], 'Choose post or drone.') });
const payment = z.object({ card: z.string().regex(/^\d+$/) });
const checkout = formWizard('checkout', { address, delivery, payment });

let now = new Date('2026-01-02T03:04:05Z');

function shop() {
  now = new Date('2026-01-02T03:04:05Z');
  const backend = sqliteBackend({ path: ':memory:', now: () => now });
  return createSessions<Record<string, unknown>>({
    backend,
    secretKey: 'test-only:3kq8Zr!mP0vXy7Lw2Nc9Td5Hb',
    now: () => now,
  });
}

const home = { street: 'Main 1', city: 'Bern' };

describe('formWizard', () => {
  it('goes from step to step, with schemas of zod and valibot, and hands over typed data', async () => {
    const session = shop().open();
    expect(checkout.state(session)).toEqual({
      current: 'address',
      completed: [],
      reachable: ['address'],
      isComplete: false,
      data: {},
      updatedAt: undefined,
    });
    await checkout.submit(session, 'address', home);
    await checkout.submit(session, 'delivery', { by: 'drone' });
    const last = await checkout.submit(session, 'payment', { card: '4111' });
    expect(last).toEqual({
      ok: true,
      state: expect.objectContaining({
        current: 'payment',
        completed: ['address', 'delivery', 'payment'],
        isComplete: true,
        updatedAt: now,
      }),
    });
    const data = await checkout.finish(session);
    const by: 'post' | 'drone' = data.delivery.by;
    expect([by, data.address.city, data.payment.card]).toEqual(['drone', 'Bern', '4111']);
    expect(checkout.state(session).current).toBe('address');
    expect(session.keys()).toEqual([]);
  });

  it('takes a schema that is a function, and issues that are no plain array, as those of arktype', async () => {
    class Issues extends Array<{ readonly message: string; readonly path: readonly string[] }> {}
    const validate = (value: unknown) =>
      typeof value === 'string'
        ? { value: value.trim() }
        : { issues: Issues.of({ message: 'must be a string', path: ['name'] }) };
    const schema = Object.assign(validate, { '~standard': { version: 1, validate } as const });
    const wizard = formWizard('name', { name: schema });
    const session = shop().open();
    const refused = await wizard.submit(session, 'name', 7);
    expect(refused).toMatchObject({ ok: false, issues: [{ message: 'must be a string' }] });
    expect(session.modified).toBe(false);
    await wizard.submit(session, 'name', ' Ada ');
    const { name }: { name: string } = await wizard.finish(session);
    expect(name).toBe('Ada');
  });

  it('keeps what was entered when a step is not valid, and says what is wrong with it', async () => {
    const session = shop().open();
    await checkout.submit(session, 'address', home);
    const wrong = await checkout.submit(session, 'address', { street: '', city: 'Bern' });
    expect(wrong).toEqual({
      ok: false,
      issues: [expect.objectContaining({ message: 'Enter a street.', path: ['street'] })],
    });
    const other = await checkout.submit(session, 'delivery', { by: 'cat' });
    expect(other).toMatchObject({ ok: false, issues: [{ message: 'Choose post or drone.' }] });
    expect(await checkout.submit(session, 'delivery', undefined)).toMatchObject({ ok: false });
    expect(checkout.state(session)).toMatchObject({ current: 'delivery', data: { address: home } });
  });

  it('resumes in another request, where it was left', async () => {
    const sessions = shop();
    const session = sessions.open();
    await checkout.submit(session, 'address', home);
    await session.save();
    now = new Date('2026-01-03T00:00:00Z');
    const later = sessions.open(session.sessionKey);
    await later.load();
    expect(checkout.state(later)).toMatchObject({
      current: 'delivery',
      data: { address: home },
      updatedAt: new Date('2026-01-02T03:04:05Z'),
    });
    expect(later.modified).toBe(false);
  });

  it('goes back to a completed step, and on from there', async () => {
    const session = shop().open();
    await checkout.submit(session, 'address', home);
    await checkout.submit(session, 'delivery', { by: 'post' });
    expect(checkout.goTo(session, 'address').current).toBe('address');
    const moved = await checkout.submit(session, 'address', { ...home, city: 'Basel' });
    expect(moved).toMatchObject({ ok: true, state: { current: 'payment' } });
    expect(checkout.state(session).data.address?.city).toBe('Basel');
  });

  it.each(['payment', 'delivery', 'summary', '__proto__', 'constructor', ''])(
    'refuses the step %j out of its order, and changes nothing',
    async (step) => {
      const session = shop().open();
      await expect(checkout.submit(session, step, {})).rejects.toThrow(WizardStepError);
      expect(() => checkout.goTo(session, step)).toThrow(WizardStepError);
      await expect(checkout.finish(session)).rejects.toThrow(
        'The step "address" is not complete; submit it first.',
      );
      expect(session.modified).toBe(false);
    },
  );

  it('tells the visitor which step comes first, as a bad request', async () => {
    const error = await checkout.submit(shop().open(), 'payment', {}).catch((e: unknown) => e);
    expect(error).toMatchObject({
      status: 400,
      expose: true,
      message: 'The step "payment" comes after "address"; complete that first.',
    });
  });

  it('lets several wizards live side by side', async () => {
    const session = shop().open();
    const survey = formWizard('survey', { address });
    await survey.submit(session, 'address', home);
    expect(checkout.state(session).completed).toEqual([]);
    survey.clear(session);
    expect(session.isEmpty()).toBe(true);
  });

  it('keeps the steps of two tabs that are submitted at the same moment', async () => {
    const sessions = shop();
    const first = sessions.open();
    await checkout.submit(first, 'address', home);
    await first.save();
    const [one, two] = [sessions.open(first.sessionKey), sessions.open(first.sessionKey)];
    await Promise.all([one.load(), two.load()]);
    await checkout.submit(one, 'delivery', { by: 'post' });
    await checkout.submit(two, 'address', { ...home, city: 'Basel' });
    await Promise.all([one.save(), two.save()]);
    const after = sessions.open(first.sessionKey);
    expect(checkout.state(after).data).toEqual({
      address: { ...home, city: 'Basel' },
      delivery: { by: 'post' },
    });
  });

  it('is finished once, however often the last button is pressed', async () => {
    const sessions = shop();
    const session = sessions.open();
    await checkout.submit(session, 'address', home);
    await checkout.submit(session, 'delivery', { by: 'post' });
    await checkout.submit(session, 'payment', { card: '1' });
    await session.save();
    const tabs = Array.from({ length: 10 }, () => sessions.open(session.sessionKey));
    await Promise.all(tabs.map((tab) => tab.load()));
    const ends = await Promise.allSettled(tabs.map((tab) => checkout.finish(tab)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(WizardStepError);
    }
  });

  it('stores with its end what is changed together with it, or nothing', async () => {
    const sessions = shop();
    const session = sessions.open();
    await checkout.submit(session, 'address', home);
    await checkout.submit(session, 'delivery', { by: 'post' });
    await session.save();
    const tabs = Array.from({ length: 10 }, () => sessions.open(session.sessionKey));
    await Promise.all(tabs.map((tab) => tab.load()));
    const ends = await Promise.allSettled(
      tabs.map(async (tab) => {
        await checkout.submit(tab, 'payment', { card: '1' });
        await checkout.finish(tab, ({ address: { city } }) => {
          tab.change('orders', (orders) => [...((orders as string[]) ?? []), city]);
        });
      }),
    );
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    // So that the end of the request does not try again.
    for (const [i, { status }] of ends.entries()) {
      if (status === 'rejected') expect(tabs[i]?.modified).toBe(false);
    }
    const after = sessions.open(session.sessionKey);
    await after.load();
    expect([...after.entries()]).toEqual([['orders', ['Bern']]]);
  });

  it('stays as it is where what is to change with its end fails', async () => {
    const sessions = shop();
    const session = sessions.open();
    const short = formWizard('short', { address });
    await short.submit(session, 'address', home);
    await session.save();
    const tab = sessions.open(session.sessionKey);
    const end = short.finish(tab, () => {
      tab.set('orders', ['Bern']);
      throw new Error('Sold out.');
    });
    await expect(end).rejects.toThrow('Sold out.');
    expect(tab.modified).toBe(false);
    expect(sessions.open(session.sessionKey).keys()).toEqual(['wizard_short']);
  });

  it.each([
    'text',
    7,
    null,
    [],
    { data: 'text', updatedAt: 1 },
    { data: null, updatedAt: 1 },
    { step: 7, data: { unknown: 1 }, updatedAt: 1 },
  ])('begins anew where the session holds %j', (stored) => {
    const session = shop().open();
    session.set('wizard_checkout', stored);
    expect(checkout.state(session)).toMatchObject({ current: 'address', completed: [], data: {} });
  });

  it.each<[string, WizardSteps, RegExp]>([
    ['two words', { address }, /made of letters, digits/],
    ['empty', {}, /needs at least one step/],
    ['order', { b: address, 1: address }, /"1" cannot be the name of a step/],
    ['schema', { address: {} as typeof address }, /needs a schema of Standard Schema 1/],
  ])('refuses the declaration %j', (name, steps, message) => {
    expect((): FormWizard<WizardSteps> => formWizard(name, steps)).toThrow(message);
  });
});
