// Takes a picture of each page of the built shop, for docs/screenshots. Usage: npm run screenshots [directory], after npm run build
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { chromium } from 'playwright-core';
import { createApp } from '../dist/app.js';
import { smallPng } from './small-png.mjs';

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const PHONE_AGENT =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';

const directory =
  process.argv[2] ?? fileURLToPath(new URL('../../../docs/screenshots', import.meta.url));
mkdirSync(directory, { recursive: true });

// The same times in every run.
let now = new Date('2026-03-14T19:00:00Z');
const clock = () => now;
const sessions = createSessions({
  backend: sqliteBackend({ path: ':memory:', now: clock }),
  secretKey: 'a-secret-for-pictures-only-0123456789',
  account: true,
  now: clock,
});
const server = createServer(createApp(sessions).callback());
await once(server.listen(0, '127.0.0.1'), 'listening');
const baseURL = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
});

try {
  const page = await open(DESKTOP);
  await page.goto('/');
  await take(page, 'products');
  await page.goto('/cart');
  await take(page, 'cart-empty');
  for (const name of ['Wool coat', 'Red scarf', 'Red scarf', 'Umbrella']) {
    await page.goto('/');
    await page.getByRole('button', { name: `Add to cart: ${name}` }).click();
  }
  await take(page, 'cart');
  await page.goto('/login?next=/checkout');
  await take(page, 'login');
  await logIn(page);
  await take(page, 'checkout-address');
  const address = ['Ada Lovelace', '12 St James’s Square', 'SW1Y 4LB', 'London'];
  const labels = ['Full name', 'Street and number', 'Postcode', 'City'];
  for (const [index, label] of labels.entries()) await page.getByLabel(label).fill(address[index]);
  await page.getByLabel('Country').selectOption('GB');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('By courier').check();
  await take(page, 'checkout-delivery');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('By invoice').check();
  await page.getByLabel('I know that').check();
  await take(page, 'checkout-payment');
  await page.getByRole('button', { name: 'Continue' }).click();
  await take(page, 'checkout-review');

  now = new Date('2026-03-14T20:15:00Z');
  const phone = await open(PHONE, { userAgent: PHONE_AGENT });
  await phone.goto('/login');
  await logIn(phone);
  await page.goto('/devices');
  await take(page, 'devices');
  await page.goto('/session');
  await page.getByText('Live', { exact: true }).waitFor();
  // The digest of the key differs from run to run.
  await page.evaluate("document.querySelector('.stub code').textContent = '3c0a7c4e'");
  await take(page, 'session');
  await page.goto('/preferences');
  await take(page, 'preferences');
  await page.goto('/checkout/review');
  await page.getByRole('button', { name: 'Place the order' }).click();
  // As does the number of the order.
  await page.evaluate(`for (const element of document.querySelectorAll('.ticket-large strong, .message'))
    element.textContent = element.textContent.replace(/\\d{4}/, '1815');`);
  await take(page, 'ordered');
  await page.goto('/nowhere');
  await take(page, 'error');

  await phone.getByRole('button', { name: 'Log out' }).click();
  await phone.goto('/');
  await take(phone, 'phone-products');
  await phone.getByRole('button', { name: 'Add to cart: Wool coat' }).click();
  await take(phone, 'phone-cart');

  const dark = await open(DESKTOP, { colorScheme: 'dark', locale: 'de-DE' });
  await dark.goto('/');
  await take(dark, 'products-dark-german');
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
  await sessions.close();
}

async function open(viewport, options = {}) {
  const context = await browser.newContext({ baseURL, viewport, locale: 'en-GB', ...options });
  return context.newPage();
}

async function logIn(page) {
  await page.getByLabel('Name', { exact: true }).fill('ada');
  await page.getByLabel('Password').fill('analytical-engine');
  await page.getByRole('button', { name: 'Log in' }).click();
}

async function take(page, name) {
  const png = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  const small = smallPng(png);
  writeFileSync(`${directory}/${name}.png`, small);
  console.log(`${name}.png ${Math.round(small.length / 1000)} kB`);
}
