import { describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { type Limits, unless } from './limits.ts';
import { bothWays, type Half, type Sites } from './sites.ts';
import { cartOn, loggedIn, nobody, seenBy, userOn } from './visits.ts';

/** One login for both halves. */
export function describeLogins(sites: () => Sites, { revokesNothing }: Limits = {}): void {
  const [itRevokes, because] = unless(revokesNothing);

  describe('a login', () => {
    it.each(bothWays)('on %s is one on %s', async (first, second) => {
      const { browser, user } = await loggedIn(sites(), first);
      const { key } = browser;
      const page = await browser.get(sites()[second], '/user');
      expect(page.json()).toEqual({ user: user.username });
      expect([page.setCookie, browser.key]).toEqual([undefined, key]);
    });

    it.each(bothWays)('with a wrong password on %s is none on %s', async (first, second) => {
      const user = await sites().addUser();
      const browser = new Browser();
      const refused = await browser.post(sites()[first], '/login', { ...user, password: 'no' });
      expect([refused.status, browser.key]).toEqual([401, undefined]);
      expect(await userOn(browser, sites()[second])).toBeNull();
    });

    it('is stored alike by both halves', async () => {
      const user = await sites().addUser();
      const stored = async (half: Half): Promise<[string, unknown][]> => {
        const { browser } = await loggedIn(sites(), half, user);
        const entries = (await browser.get(sites().Django, '/session')).json();
        // Django makes a CSRF secret at each login, Koa with the first form.
        return Object.entries(entries).filter(([name]) => name !== '_csrftoken');
      };
      const byDjango = await stored('Django');
      expect(byDjango.map(([name]) => name)).toContain('_auth_user_hash');
      expect((await stored('Koa')).sort()).toEqual(byDjango.sort());
    });

    it.each(bothWays)('on %s keeps the cart that was filled on %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      await browser.post(sites()[first], '/login', await sites().addUser());
      expect(await cartOn(browser, sites()[first])).toEqual(['coat']);
      expect(await cartOn(browser, sites()[second])).toEqual(['coat']);
    });

    itRevokes.each(bothWays)(`on %s ends the key that %s gave${because}`, async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      const stranger = browser.copy();
      await browser.post(sites()[first], '/login', await sites().addUser());
      expect(browser.key).not.toBe(stranger.key);
      expect(await seenBy(stranger, sites())).toEqual(nobody);
    });

    it.each(bothWays)('on %s by the user of %s keeps key and cart', async (first, second) => {
      const { browser, user } = await loggedIn(sites(), second);
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      const { key } = browser;
      (await browser.post(sites()[first], '/login', user)).json();
      if (!revokesNothing) expect(browser.key).toBe(key);
      expect(await cartOn(browser, sites()[second])).toEqual(['coat']);
      expect(await userOn(browser, sites()[second])).toBe(user.username);
    });

    it.each(bothWays)(
      'on %s by another user than that of %s drops the cart',
      async (first, second) => {
        const { browser } = await loggedIn(sites(), second);
        await browser.post(sites()[second], '/cart', { item: 'coat' });
        const stranger = browser.copy();
        const other = await sites().addUser();
        (await browser.post(sites()[first], '/login', other)).json();
        expect(browser.key).not.toBe(stranger.key);
        expect(await userOn(browser, sites()[second])).toBe(other.username);
        expect(await cartOn(browser, sites()[second])).toEqual([]);
        if (!revokesNothing) expect(await seenBy(stranger, sites())).toEqual(nobody);
      },
    );
  });

  describe('a logout', () => {
    it.each(bothWays)('on %s is one on %s', async (first, second) => {
      const { browser } = await loggedIn(sites(), second);
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      (await browser.post(sites()[first], '/logout')).json();
      expect(browser.key).toBeUndefined();
      expect(await seenBy(browser, sites())).toEqual(nobody);
    });

    itRevokes.each(bothWays)(`on %s ends the key that %s gave${because}`, async (first, second) => {
      const { browser } = await loggedIn(sites(), second);
      const stranger = browser.copy();
      (await browser.post(sites()[first], '/logout')).json();
      expect(await seenBy(stranger, sites())).toEqual(nobody);
    });
  });

  describe('a cart', () => {
    it.each(bothWays)('filled on %s is filled further on %s', async (first, second) => {
      const { browser } = await loggedIn(sites(), first);
      for (const [site, item] of [
        [sites()[first], 'coat'],
        [sites()[second], 'scarf'],
        [sites()[first], 'hat'],
      ] as const) {
        await browser.post(site, '/cart', { item });
      }
      const { key } = browser;
      expect(await cartOn(browser, sites()[second])).toEqual(['coat', 'scarf', 'hat']);
      expect(await cartOn(browser, sites()[first])).toEqual(['coat', 'scarf', 'hat']);
      expect(browser.key).toBe(key);
    });
  });
}
