import { describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { bothWays, type Site, type Sites } from './sites.ts';
import { loggedIn } from './visits.ts';

/** Forms that one half renders and the other receives. */
export function describeForms(sites: () => Sites): void {
  describe('a form', () => {
    it.each(bothWays)('rendered by %s is taken by %s', async (first, second) => {
      for (const browser of [new Browser(), (await loggedIn(sites(), second)).browser]) {
        const token = await tokenOf(browser, sites()[first]);
        expect(await send(browser, sites()[second], token)).toBe(200);
        expect(await send(browser, sites()[first], token)).toBe(200);
        const header = await browser.post(sites()[second], '/form', {}, { 'X-CSRFToken': token });
        expect(header.json()).toEqual({ sent: true });
      }
    });

    it.each(bothWays)(
      'rendered by %s and again by %s is taken in both versions',
      async (first, second) => {
        const browser = new Browser();
        const tokens = [];
        for (const half of [first, second]) tokens.push(await tokenOf(browser, sites()[half]));
        for (const token of tokens) {
          expect(await send(browser, sites()[first], token)).toBe(200);
          expect(await send(browser, sites()[second], token)).toBe(200);
        }
      },
    );

    it.each(bothWays)(
      'rendered by %s for somebody else is refused by %s',
      async (first, second) => {
        const browser = new Browser();
        await tokenOf(browser, sites()[first]);
        const token = await tokenOf(new Browser(), sites()[first]);
        expect(await send(browser, sites()[second], token)).toBe(403);
        expect(await send(browser, sites()[second], '')).toBe(403);
      },
    );

    it.each(bothWays)('rendered before a login on %s is refused by %s', async (first, second) => {
      const browser = new Browser();
      const token = await tokenOf(browser, sites()[second]);
      await loggedIn(sites(), first, undefined, browser);
      expect(await send(browser, sites()[second], token)).toBe(403);
      const fresh = await tokenOf(browser, sites()[first]);
      expect(await send(browser, sites()[second], fresh)).toBe(200);
    });
  });
}

async function tokenOf(browser: Browser, site: Site): Promise<string> {
  return (await browser.get(site, '/form')).json().token;
}

async function send(browser: Browser, site: Site, csrfmiddlewaretoken: string): Promise<number> {
  return (await browser.submit(site, '/form', { csrfmiddlewaretoken })).status;
}
