import { describe, expect } from '@jest/globals';
import { type Answer, Browser } from './browser.ts';
import { type Limits, unless } from './limits.ts';
import { bothWays, type Site, type Sites } from './sites.ts';
import { loggedIn, nobody, seenBy, userOn } from './visits.ts';

/** What ends a session while the other half has a request for it under way. */
export function describeInFlight(sites: () => Sites, { revokesNothing }: Limits = {}): void {
  const [itRevokes, because] = unless(revokesNothing);

  describe('a request under way', () => {
    itRevokes.each(bothWays)(
      `cannot undo a logout on %s from %s, and is answered 400${because}`,
      async (first, second) => {
        const { browser } = await loggedIn(sites(), second);
        const stranger = browser.copy();
        const late = await during(sites()[second], browser, async () => {
          (await browser.post(sites()[first], '/logout')).json();
        });
        expect([late.status, late.setCookie, browser.key]).toEqual([400, undefined, undefined]);
        expect(await seenBy(stranger, sites())).toEqual(nobody);
      },
    );

    // Django would overwrite the marker that Koa leaves under the old key.
    itRevokes.each(bothWays.slice(0, 1))(
      `cannot undo a login on %s from %s, and is answered 400${because}`,
      async (first, second) => {
        const browser = new Browser();
        await browser.post(sites()[second], '/cart', { item: 'coat' });
        const stranger = browser.copy();
        const user = await sites().addUser();
        const late = await during(sites()[second], browser, async () => {
          await loggedIn(sites(), first, user, browser);
        });
        expect([late.status, late.setCookie]).toEqual([400, undefined]);
        expect(await userOn(browser, sites()[second])).toBe(user.username);
        expect(await seenBy(stranger, sites())).toEqual(nobody);
      },
    );
  });
}

/** Answers the page `/slow` after something else has happened. */
async function during(
  site: Site,
  browser: Browser,
  meanwhile: () => Promise<unknown>,
): Promise<Answer> {
  const slow = browser.post(site, '/slow');
  await site.slowArrived();
  try {
    await meanwhile();
  } finally {
    await site.slowOpen();
  }
  return slow;
}
