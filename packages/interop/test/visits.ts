import { expect } from '@jest/globals';
import { Browser } from './browser.ts';
import type { Credentials, Half, Site, Sites } from './sites.ts';

/** Somebody, a new user by default, who has just logged in on this half. */
export async function loggedIn(
  sites: Sites,
  half: Half,
  known?: Credentials,
  browser: Browser = new Browser(),
): Promise<{ browser: Browser; user: Credentials }> {
  const user = known ?? (await sites.addUser());
  const page = await browser.post(sites[half], '/login', user);
  expect(page.json()).toEqual({ user: user.username });
  return { browser, user };
}

/** The name that the site greets; null for nobody. */
export async function userOn(browser: Browser, site: Site): Promise<string | null> {
  return (await browser.get(site, '/user')).json().user;
}

export async function cartOn(browser: Browser, site: Site): Promise<string[]> {
  return (await browser.get(site, '/cart')).json().cart;
}

/** Who and what both halves take the browser for. Reads with copies, so that no answer changes the next. */
export async function seenBy(browser: Browser, sites: Sites): Promise<object> {
  const seen = async (site: Site): Promise<object> => ({
    user: await userOn(browser.copy(), site),
    cart: await cartOn(browser.copy(), site),
  });
  return { Django: await seen(sites.Django), Koa: await seen(sites.Koa) };
}

/** What `seenBy` finds where there is no session. */
export const nobody = {
  Django: { user: null, cart: [] },
  Koa: { user: null, cart: [] },
};
