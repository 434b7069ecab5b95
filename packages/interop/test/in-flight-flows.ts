import { describe, expect } from '@jest/globals';
import { type Answer, Browser } from './browser.ts';
import { type Limits, unless } from './limits.ts';
import { bothWays, type Half, type Site, type Sites } from './sites.ts';
import { loggedIn, nobody, seenBy, userOn } from './visits.ts';

const allPairs: readonly (readonly [Half, Half])[] = [
  ...bothWays,
  ['Django', 'Django'],
  ['Koa', 'Koa'],
];

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

    itRevokes(`on Koa cannot undo a login on Django, and is answered 400${because}`, async () => {
      const { browser, stranger, late, key, username } = await loginDuring('Django', 'Koa');
      expect([late.status, late.setCookie, browser.key]).toEqual([400, undefined, key]);
      expect(await userOn(browser, sites().Koa)).toBe(username);
      expect(await seenBy(stranger, sites())).toEqual(nobody);
    });

    // Django writes what it read over the marker that tells late requests of a cycled key.
    itRevokes(
      `on Django brings back the key that a login on Koa cycled, as it was before${because}`,
      async () => {
        const { stranger, late, key, username } = await loginDuring('Koa', 'Django');
        expect(late.status).toBe(200);
        const before = { user: null, cart: ['coat'] };
        expect(await seenBy(stranger, sites())).toEqual({ Django: before, Koa: before });
        expect(await userOn(new Browser(key), sites().Django)).toBe(username);
      },
    );

    itRevokes(`on Koa keeps what Django stored meanwhile${because}`, async () => {
      const { browser } = await loggedIn(sites(), 'Django');
      const late = await during(sites().Koa, browser, () =>
        browser.post(sites().Django, '/cart', { item: 'coat' }),
      );
      expect(late.status).toBe(200);
      const entries = (await browser.get(sites().Django, '/session')).json();
      expect(entries).toMatchObject({ cart: ['coat'], late: 'change' });
    });

    async function loginDuring(first: Half, second: Half): Promise<Login> {
      const browser = new Browser();
      await browser.post(sites()[second], '/cart', { item: 'coat' });
      const stranger = browser.copy();
      const user = await sites().addUser();
      let key: string | undefined;
      const late = await during(sites()[second], browser, async () => {
        await loggedIn(sites(), first, user, browser);
        key = browser.key;
      });
      return { browser, stranger, late, key, username: user.username };
    }
  });

  describe('a late request with the key from before a login', () => {
    itRevokes.each(bothWays)(
      `on %s reads nothing on %s and leaves the new cookie alone${because}`,
      async (first, second) => {
        const browser = new Browser();
        await browser.post(sites()[second], '/cart', { item: 'coat' });
        const late = browser.copy();
        await loggedIn(sites(), first, undefined, browser);
        const page = await late.get(sites()[second], '/cart');
        expect([page.json(), page.setCookie]).toEqual([{ cart: [] }, undefined]);
      },
    );

    itRevokes.each(allPairs)(
      `logs in on %s, after a login on %s, for both halves and as long as any${because}`,
      async (second, first) => {
        const browser = new Browser();
        await browser.post(sites().Koa, '/cart', { item: 'coat' });
        const late = browser.copy();
        const { user: other } = await loggedIn(sites(), first, undefined, browser);
        const user = await sites().addUser();
        const page = await late.post(sites()[second], '/login', user);
        expect(page.setCookie).toContain('Max-Age=1209600;');
        const seen = { user: user.username, cart: [] };
        expect(await seenBy(late, sites())).toEqual({ Django: seen, Koa: seen });
        expect(await userOn(browser, sites().Koa)).toBe(other.username);
      },
    );
  });
}

/** A login while a request with the session from before was under way. */
interface Login {
  readonly browser: Browser;
  /** Has the session key from before. */
  readonly stranger: Browser;
  readonly late: Answer;
  /** The session key that the login gave. */
  readonly key: string | undefined;
  readonly username: string;
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
