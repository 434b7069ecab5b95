import { describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { bothWays, type Site, type Sites } from './sites.ts';
import { loggedIn } from './visits.ts';

const SAVED = { level: 25, text: 'Gespeichert 🧥 "so"', tags: 'big' };
const WARNED = { level: 30, text: 'Only one is left.' };

/** Messages that one half leaves and the other shows. */
export function describeMessages(sites: () => Sites): void {
  describe('a message', () => {
    it.each(bothWays)('left on %s is shown on %s, once', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[first], '/messages', SAVED);
      expect(await shownOn(browser, sites()[second])).toEqual([{ ...SAVED, tags: 'big success' }]);
      for (const half of [second, first]) expect(await shownOn(browser, sites()[half])).toEqual([]);
    });

    it.each(bothWays)('left on %s comes before one left on %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[first], '/messages', SAVED);
      await browser.post(sites()[second], '/messages', WARNED);
      const messages = await shownOn(browser, sites()[first]);
      expect(messages).toEqual([
        { ...SAVED, tags: 'big success' },
        { ...WARNED, tags: 'warning' },
      ]);
      expect(await shownOn(browser, sites()[second])).toEqual([]);
    });

    it.each(bothWays)('left before a login on %s is shown on %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[second], '/messages', WARNED);
      await loggedIn(sites(), first, undefined, browser);
      expect(await shownOn(browser, sites()[second])).toEqual([{ ...WARNED, tags: 'warning' }]);
    });
  });
}

async function shownOn(browser: Browser, site: Site): Promise<object[]> {
  return (await browser.get(site, '/messages')).json().messages;
}
