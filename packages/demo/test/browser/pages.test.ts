import { sqliteBackend } from '@coatcheck/db';
import { FrozenClock } from '@coatcheck/koa/testing';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describeInChromium } from './chromium.ts';
import {
  addToCart,
  fillAddress,
  fillLogin,
  fillPayment,
  RunningShop,
  sendLogin,
  sessionCookie,
} from './running-shop.ts';

describeInChromium('the pages in Chromium', (browser) => {
  let shop: RunningShop;
  let clock: FrozenClock;
  beforeEach(async () => {
    clock = new FrozenClock();
    shop = await RunningShop.start({
      backend: sqliteBackend({ path: ':memory:', now: clock.now }),
      now: clock.now,
      account: true,
    });
  });
  afterEach(() => shop.stop());

  it('have no serious finding of axe, in light and in dark', async () => {
    const visitor = await shop.visitor(browser());
    const page = await visitor.newPage();
    const check = async (path?: string): Promise<void> => {
      if (path !== undefined) await page.goto(path);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect({ at: page.url(), colorScheme, findings: await seriousFindings(page) }).toEqual({
          at: page.url(),
          colorScheme,
          findings: [],
        });
      }
    };
    for (const path of ['/', '/cart', '/session', '/nowhere', '/preferences']) await check(path);
    await addToCart(page, 'Wool coat');
    await check();
    await page.goto('/login?next=/checkout');
    await sendLogin(page, { password: 'wrong' });
    await page.getByRole('alert').waitFor();
    await check();
    await fillLogin(page);
    await check();
    await fillAddress(page, { postcode: '?!?!' });
    await check();
    await fillAddress(page);
    await check();
    await page.getByLabel('By post').check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await check();
    await fillPayment(page);
    await check();
    await page.getByRole('button', { name: 'Place the order' }).click();
    await check();
    await fillLogin(await secondDevice(shop, browser()));
    await check('/devices');
    await page.goto('/session');
    await page.getByText('Live', { exact: true }).waitFor();
    await check();
  });

  it('can be used by keyboard, beginning with a link to the content', async () => {
    const page = await (await shop.visitor(browser())).newPage();
    await page.goto('/');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Add to cart');
    await page.keyboard.press('Enter');
    await page.getByText('Hung up in your cart: Wool coat.').waitFor();
  });

  it('fit a narrow screen', async () => {
    const viewport = { width: 390, height: 844 };
    const page = await (await shop.visitor(browser(), { viewport })).newPage();
    const check = async (paths: readonly string[]): Promise<void> => {
      for (const path of paths) {
        await page.goto(path);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect({ path, width }).toEqual({ path, width: viewport.width });
      }
    };
    await addToCart(page, 'Wool coat');
    await check(['/', '/cart', '/preferences', '/session', '/nowhere', '/login']);
    await fillLogin(page);
    await check(['/', '/cart', '/preferences', '/session', '/devices', '/checkout/address']);
  });

  it('show that a session is over when its time has come', async () => {
    const visitor = await shop.visitor(browser());
    const page = await visitor.newPage();
    await addToCart(page, 'Wool coat');
    clock.advance(1_209_599);
    await page.reload();
    expect(await page.getByText('Wool coat').count()).toBe(1);
    clock.advance(1);
    await page.reload();
    expect(await page.getByText('Your cart is empty.').count()).toBe(1);
    await page.goto('/session');
    expect(await page.getByText('You have none.').count()).toBe(1);
  });

  it('let one device end another, and all others', async () => {
    const first = await (await shop.visitor(browser())).newPage();
    await first.goto('/login');
    await fillLogin(first);
    const second = await secondDevice(shop, browser());
    await fillLogin(second);

    await first.goto('/devices');
    const phone = first.getByRole('listitem').filter({ hasText: 'Safari · iPhone' });
    expect(await first.getByRole('listitem').count()).toBe(2);
    expect(await phone.textContent()).toContain('127.0.0.1');
    await phone.getByRole('button', { name: 'End the session on Safari · iPhone' }).click();
    await first.getByText('that device is logged out').waitFor();
    expect(await first.getByRole('listitem').filter({ hasText: 'Safari' }).count()).toBe(0);
    await second.goto('/devices');
    expect(second.url()).toBe(`${shop.origin}/login?next=/devices`);

    await fillLogin(second);
    expect(second.url()).toBe(`${shop.origin}/devices`);
    await first.goto('/devices');
    await first.getByRole('button', { name: 'End all others' }).click();
    await first.getByText('One other session was ended.').waitFor();
    await second.reload();
    expect(second.url()).toBe(`${shop.origin}/login?next=/devices`);
    await first.reload();
    expect(await first.getByText('This device').count()).toBe(1);
  });

  it('refuse forged forms, and change nothing', async () => {
    const visitor = await shop.visitor(browser());
    const page = await visitor.newPage();
    await addToCart(page, 'Wool coat');
    const before = await sessionCookie(visitor);
    await page.evaluate(
      "document.querySelector('.remove [name=csrfmiddlewaretoken]').value = 'a'.repeat(64)",
    );
    const [response] = await Promise.all([
      page.waitForResponse((one) => one.request().method() === 'POST'),
      page.getByRole('button', { name: 'Remove Wool coat' }).click(),
    ]);
    expect(response.status()).toBe(403);
    await page.getByText('was not sent by a page of this shop').waitFor();
    await page.goto('/cart');
    expect(await page.getByText('Wool coat').count()).toBe(1);

    // Another site: it has no token, and its address is not the shop's.
    const stranger = await visitor.newPage();
    await stranger.setContent(
      `<form method="post" action="${shop.origin}/cart/add"><button name="product" value="gloves">Win</button></form>`,
    );
    await stranger.getByRole('button', { name: 'Win' }).click();
    await stranger.getByText('was not sent by a page of this shop').waitFor();
    expect(await sessionCookie(visitor)).toEqual(before);
    await page.reload();
    expect(await page.getByText('Leather gloves').count()).toBe(0);
  });

  it('say what is wrong with an address that was made up', async () => {
    const page = await (await shop.visitor(browser())).newPage();
    await addToCart(page, 'Wool coat');
    for (const next of [
      '//evil.example/',
      'https://evil.example',
      '/\\evil.example',
      'javascript:1',
    ]) {
      const response = await page.goto(`/login?next=${encodeURIComponent(next)}`);
      expect(response?.status()).toBe(400);
      expect(await page.getByText('is not one of this shop').count()).toBe(1);
    }
    await page.goto('/login?next=/checkout/payment');
    await sendLogin(page);
    await page.getByText('This step comes later.').waitFor();
    await page.goto('/checkout');
    expect(page.url()).toBe(`${shop.origin}/checkout/address`);

    await page.goto('/preferences');
    await page.evaluate("document.querySelector('[value=theme]').value = 'colour.of.hat'");
    await page.getByRole('button', { name: 'Dark' }).click();
    await page.getByText('There is no such preference').waitFor();
    await page.goto('/preferences');
    expect(await page.getByRole('button', { pressed: true }).allTextContents()).toEqual([
      'As the system',
      'As the browser',
      '6',
    ]);
  });
});

/** Another browser of the same account's owner, at the form. */
async function secondDevice(
  shop: RunningShop,
  browser: Parameters<RunningShop['visitor']>[0],
): Promise<Page> {
  const userAgent =
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';
  const page = await (await shop.visitor(browser, { userAgent })).newPage();
  await page.goto('/login');
  return page;
}

async function seriousFindings(page: Page): Promise<string[]> {
  // Contrast is that of the styles.
  await page.waitForLoadState('load');
  // Evaluated, not added as a script: the pages allow no script but their own.
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] })",
  )) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent.trim()');
}
