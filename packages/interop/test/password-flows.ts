import { describe, expect, it } from '@jest/globals';
import { bothWays, type Sites } from './sites.ts';
import { cartOn, loggedIn, nobody, seenBy, userOn } from './visits.ts';

/** A new password ends the logins made with the old one. */
export function describePasswords(sites: () => Sites): void {
  describe('a password', () => {
    it.each(bothWays)(
      'that was changed elsewhere in Django ends the login made on %s at the first visit of %s',
      async (first, second) => {
        const { browser, user } = await loggedIn(sites(), first);
        await browser.post(sites()[first], '/cart', { item: 'coat' });
        await sites().changePassword(user);
        expect(await userOn(browser, sites()[second])).toBeNull();
        expect(browser.key).toBeUndefined();
        expect(await seenBy(browser, sites())).toEqual(nobody);
      },
    );

    it('that was changed elsewhere in Django ends the login made on Koa at the next visit there', async () => {
      const { browser, user } = await loggedIn(sites(), 'Koa');
      await sites().changePassword(user);
      expect(await userOn(browser, sites().Koa)).toBeNull();
      expect(browser.key).toBeUndefined();
    });

    it.each(bothWays)(
      'that the user changed on %s keeps that login on %s and ends the others',
      async (first, second) => {
        const { browser, user } = await loggedIn(sites(), first);
        await browser.post(sites()[first], '/cart', { item: 'coat' });
        const others = [];
        for (const half of [first, second]) {
          const { browser: other } = await loggedIn(sites(), half, user);
          others.push(other);
        }
        const changed = await browser.post(sites()[first], '/password', { password: 'engine' });
        expect(changed.json()).toEqual({ user: user.username });
        expect(await userOn(browser, sites()[second])).toBe(user.username);
        expect(await cartOn(browser, sites()[second])).toEqual(['coat']);
        for (const other of others) expect(await userOn(other, sites()[second])).toBeNull();
        await loggedIn(sites(), second, { ...user, password: 'engine' });
      },
    );
  });
}
