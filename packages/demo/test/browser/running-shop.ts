import { createSessions, type Sessions, type SessionsOptions } from '@coatcheck/core';
import { expect } from '@jest/globals';
import type { Browser, BrowserContext, BrowserContextOptions, Cookie, Page } from 'playwright-core';
import type { ShopSession } from '../../src/shop-context.ts';
import { type ServedShop, serveShop } from '../served-shop.ts';

/** What a shop of these tests runs on. */
export type ShopSettings = Omit<SessionsOptions, 'secretKey'>;

/** The shop on a port of its own, and the browsers that visit it. */
export class RunningShop {
  readonly origin: string;
  readonly sessions: Sessions<ShopSession>;
  readonly #shop: ServedShop;
  readonly #errors: readonly unknown[];
  readonly #contexts: BrowserContext[] = [];
  readonly #requests: string[] = [];

  private constructor(shop: ServedShop, errors: readonly unknown[]) {
    this.origin = shop.origin;
    this.sessions = shop.sessions;
    this.#shop = shop;
    this.#errors = errors;
  }

  static async start(settings: ShopSettings): Promise<RunningShop> {
    const sessions = createSessions<ShopSession>({
      // Chromium has the machine too.
      operationTimeoutMs: 30_000,
      ...settings,
      secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    });
    const errors: unknown[] = [];
    const shop = await serveShop(sessions, (error) => errors.push(error));
    return new RunningShop(shop, errors);
  }

  /** Somebody with a browser of their own. */
  async visitor(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await browser.newContext({
      baseURL: this.origin,
      locale: 'en-GB',
      ...options,
    });
    this.watch(context);
    return context;
  }

  /** Notes what the browser asks for. */
  watch(context: BrowserContext): void {
    // A page that does not come fails there, where the line is known.
    context.setDefaultTimeout(30_000);
    context.on('request', (request) => this.#requests.push(request.url()));
    this.#contexts.push(context);
  }

  /** Ends the visits and the shop; nothing may have been asked of another host, and nothing have failed. */
  async stop(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()));
    await this.#shop.close();
    expect(this.#requests.filter((url) => !url.startsWith(`${this.origin}/`))).toEqual([]);
    expect(this.#errors).toEqual([]);
  }
}

/** The session's cookie; undefined: there is none. */
export async function sessionCookie(context: BrowserContext): Promise<Cookie | undefined> {
  return (await context.cookies()).find(({ name }) => name === 'sessionid');
}

/** Puts a product into the cart by the button of the first page. */
export async function addToCart(page: Page, name: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('button', { name: `Add to cart: ${name}` }).click();
  await page.getByRole('heading', { name: 'Your cart' }).waitFor();
}

/** Logs in by the form that the browser shows, and is welcomed on the next page. */
export async function fillLogin(page: Page, options: { remember?: boolean } = {}): Promise<void> {
  await sendLogin(page, options);
  await page.getByText('Welcome, Ada Lovelace.').waitFor();
}

/** Sends the form that the browser shows. */
export async function sendLogin(
  page: Page,
  { remember = false, password = 'analytical-engine' } = {},
): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill('ada');
  await page.getByLabel('Password').fill(password);
  if (remember) await page.getByLabel('Keep me logged in').check();
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
}

/** Fills the first step of the checkout. */
export async function fillAddress(page: Page, { postcode = 'SW1Y 4LB' } = {}): Promise<void> {
  await page.getByLabel('Full name').fill('Ada Lovelace');
  await page.getByLabel('Street and number').fill('12 St James’s Square');
  await page.getByLabel('Postcode').fill(postcode);
  await page.getByLabel('City').fill('London');
  await page.getByLabel('Country').selectOption('GB');
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** Fills the last step of the checkout. */
export async function fillPayment(page: Page): Promise<void> {
  await page.getByLabel('By invoice').check();
  await page.getByLabel('I know that').check();
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** The title on the page. */
export function heading(page: Page): Promise<string | null> {
  return page.getByRole('heading', { level: 1 }).textContent();
}
