import { redisBackend } from '@coatcheck/cache';
import { sqliteBackend } from '@coatcheck/db';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeWithRedis } from '../../../cache/test/redis.ts';
import { describeInChromium } from './chromium.ts';
import {
  addToCart,
  fillAddress,
  fillLogin,
  fillPayment,
  heading,
  RunningShop,
  type ShopSettings,
  sessionCookie,
} from './running-shop.ts';

const ROUNDS = 50;

describeInChromium('in Chromium', (browser) => {
  const onSqlite = () => ({ backend: sqliteBackend({ path: ':memory:' }), account: true }) as const;
  describeShop('on SQLite', browser, onSqlite, {
    variants: [
      ['', true],
      [' without JavaScript', false],
    ],
  });
  describeWithRedis('with a server', (place) => {
    describeShop('on Redis', browser, () => ({
      backend: redisBackend({ url: place.url, keyPrefix: place.keyPrefix }),
      account: true,
    }));
  });
  describeShop('on signed cookies', browser, () => ({ backend: signedCookiesBackend() }), {
    isInCookie: true,
  });
});

function describeShop(
  name: string,
  browser: () => Browser,
  settings: () => ShopSettings,
  { isInCookie = false, variants = [['', true]] as [string, boolean][] } = {},
): void {
  describe(`the shop ${name}`, () => {
    let shop: RunningShop;
    beforeEach(async () => {
      shop = await RunningShop.start(settings());
    });
    afterEach(() => shop.stop());

    it.each(variants)(
      'is visited from the first look to the logout%s',
      async (_, javaScriptEnabled) => {
        const visitor = await shop.visitor(browser(), { javaScriptEnabled });
        const page = await visitor.newPage();
        const lines = page.getByRole('list', { name: 'Products in your cart' });

        await page.goto('/');
        expect(await visitor.cookies()).toEqual([]);
        await addToCart(page, 'Wool coat');
        expect(await page.getByRole('status').textContent()).toBe(
          'Hung up in your cart: Wool coat.',
        );
        const anonymous = await sessionCookie(visitor);
        expect(anonymous).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
        await page.reload();
        expect(await page.getByText('Hung up in your cart').count()).toBe(0);

        const tab = await visitor.newPage();
        await addToCart(tab, 'Red scarf');
        await tab.close();
        await page.reload();
        expect(await lines.getByRole('listitem').count()).toBe(2);
        await page.getByRole('spinbutton', { name: 'Quantity of Red scarf' }).fill('3');
        await page.getByRole('button', { name: 'Change quantity of Red scarf' }).click();
        await page.getByText('The quantity of Red scarf was changed.').waitFor();
        expect(await page.getByText('€366.00').count()).toBe(1);

        await page.getByRole('link', { name: 'Go to checkout' }).click();
        expect(page.url()).toBe(`${shop.origin}/login?next=/checkout`);
        await fillLogin(page);
        expect(page.url()).toBe(`${shop.origin}/checkout/address`);
        expect((await sessionCookie(visitor))?.value).not.toBe(anonymous?.value);

        await fillAddress(page, { postcode: '?!?!' });
        expect(await page.getByRole('alert').textContent()).toContain(
          'A postcode has 3 to 10 letters',
        );
        expect(await page.getByLabel('Full name').inputValue()).toBe('Ada Lovelace');
        await fillAddress(page);
        await page.getByLabel('By courier').check();
        await page.goto('/cart');
        await page.getByRole('link', { name: 'Continue the checkout' }).click();
        expect(page.url()).toBe(`${shop.origin}/checkout/delivery`);
        expect(await page.getByText('what you entered is still here').count()).toBe(1);
        await page.getByLabel('By courier').check();
        await page.getByRole('button', { name: 'Continue' }).click();
        await fillPayment(page);
        expect(await page.getByText('€375.90').count()).toBe(1);
        await page.getByRole('button', { name: 'Place the order' }).click();
        await page.getByText(/Order \d{4} was placed\./).waitFor();
        await page.goto('/cart');
        expect(await page.getByText('Your cart is empty.').count()).toBe(1);

        await choosePreferences(page);
        await lookAtSession(page, isInCookie || !javaScriptEnabled);
        await checkDevicesLink(page);
        await logOut(page);
      },
    );

    async function lookAtSession(page: Page, isStill: boolean): Promise<void> {
      await page.goto('/session');
      const data = page.locator('pre');
      expect(await data.textContent()).not.toContain('gloves');
      if (!isStill) await page.getByText('Live', { exact: true }).waitFor();
      await data.focus();
      const tab = await page.context().newPage();
      await addToCart(tab, 'Leather gloves');
      await tab.close();
      if (isStill) await page.goto('/session');
      await data.getByText('"gloves": 1').waitFor();
      if (!isStill) expect(await page.evaluate('document.activeElement.tagName')).toBe('PRE');
      const { value = '' } = (await sessionCookie(page.context())) ?? {};
      expect(await page.content()).not.toContain(value);
    }

    async function checkDevicesLink(page: Page): Promise<void> {
      const link = page.getByRole('link', { name: 'Devices' });
      expect(await link.count()).toBe(isInCookie ? 0 : 1);
      const response = await page.goto('/devices');
      expect(response?.status()).toBe(isInCookie ? 404 : 200);
      if (!isInCookie) expect(await page.getByText('This device').count()).toBe(1);
      await page.goto('/cart');
    }

    async function logOut(page: Page): Promise<void> {
      expect(await page.getByText('Ada Lovelace').count()).toBe(1);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByText('You are logged out').waitFor();
      expect(await page.context().cookies()).toEqual([]);
      await page.goBack();
      expect(page.url()).toBe(`${shop.origin}/cart`);
      expect(await page.getByText('Your cart is empty.').count()).toBe(1);
      expect(await page.getByText('Ada Lovelace').count()).toBe(0);
    }

    // Each tab has a copy of the session, and the last one that is answered stays.
    const itShares = isInCookie ? it.skip : it;
    const because = isInCookie
      ? ' (the session is the cookie, of which each tab sends its own)'
      : '';

    itShares(`loses nothing that two tabs add at the same moment${because}`, async () => {
      const visitor = await shop.visitor(browser());
      const tabs = [await visitor.newPage(), await visitor.newPage()] as const;
      await addToCart(tabs[0], 'Rain boots');
      await Promise.all([tabs[0].goto('/'), tabs[1].goto('/?page=2')]);
      const products = [
        ['wool-coat', 'red-scarf', 'felt-hat', 'umbrella', 'gloves'],
        ['satchel', 'bow-tie', 'beanie', 'sunglasses', 'wool-socks'],
      ] as const;
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(
          tabs.map((tab, side) => sendForm(tab, products[side]?.[round % 5] as string)),
        );
      }
      const { value } = (await sessionCookie(visitor)) ?? {};
      const session = shop.sessions.open(value);
      await session.load();
      const each = ROUNDS / 5;
      expect(session.get('cart')).toEqual({
        'rain-boots': 1,
        ...Object.fromEntries(products.flat().map((id) => [id, each])),
      });

      // A message for each, which pages that are loaded at once do not show twice.
      const pages = [...tabs, await visitor.newPage(), await visitor.newPage()];
      await Promise.all(pages.map((page) => page.goto('/cart')));
      const shown = await Promise.all(
        pages.map((page) => page.locator('.message').allTextContents()),
      );
      expect(shown.flat()).toHaveLength(2 * ROUNDS);
      expect(
        shown.flat().filter((text) => text === 'Hung up in your cart: Wool coat.'),
      ).toHaveLength(each);
      await tabs[0].reload();
      expect(await tabs[0].locator('.message').count()).toBe(0);
    });
  });
}

/** As a click does, but the tab stays where it is. */
async function sendForm(page: Page, id: string): Promise<void> {
  // As text: this project does not have the types of the page.
  const type = await page.evaluate(`(async (button) => {
    const body = new URLSearchParams(new FormData(button.form, button));
    return (await fetch(button.form.action, { method: 'POST', body, redirect: 'manual' })).type;
  })(document.querySelector('button[value="${id}"]'))`);
  expect(type).toBe('opaqueredirect');
}

const COLOUR = 'getComputedStyle(document.body).color';

async function choosePreferences(page: Page): Promise<void> {
  await page.goto('/preferences');
  await page.getByRole('button', { name: 'Dark' }).click();
  await page.getByText('Your choice is in effect.').waitFor();
  const dark = await page.evaluate(COLOUR);
  await page.getByRole('button', { name: 'Light' }).click();
  await page.locator('[data-theme=light]').waitFor();
  expect(await page.evaluate(COLOUR)).not.toBe(dark);
  await page.getByRole('button', { name: 'Deutsch' }).click();
  await page.getByText('Ihre Wahl gilt.').waitFor();
  expect(await heading(page)).toBe('Einstellungen');
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: '3', exact: true }).click();
  await page.getByText('Your choice is in effect.').waitFor();
  await page.goto('/');
  expect(await page.getByRole('button', { name: /^Add to cart: / }).count()).toBe(3);
  expect(await page.getByText('Page 1 of 4').count()).toBe(1);
  await page.goto('/preferences');
  await page.getByRole('button', { name: 'Back to the defaults' }).click();
  await page.getByText('Everything is as it was at first.').waitFor();
}
