import { afterEach, describe, expect, it } from '@jest/globals';
import { type Answer, Browser, wordsOf } from './browser.ts';
import { halves } from './cookie-jar.ts';
import { type Limits, unless } from './limits.ts';
import { bothWays, type Half, type Sites } from './sites.ts';
import { cartOn } from './visits.ts';

const TWO_WEEKS = 1_209_600;

/** An expiry of its own, set by one half and honoured by the other. */
export function describeExpiries(sites: () => Sites, limits: Limits = {}): void {
  const waysForDates = limits.djangoStoresNoDates ? bothWays.slice(1) : bothWays;

  describe('an expiry', () => {
    afterEach(() => {
      sites().koaClock.aheadBySeconds = 0;
    });

    it.each(bothWays)('in seconds, set on %s, is that of %s', async (first, second) => {
      const browser = new Browser();
      const set = await browser.post(sites()[first], '/expiry', { seconds: 60 });
      expect(maxAge(set)).toBe(60);
      const page = await browser.get(sites()[second], '/expiry');
      expect(page.json()).toEqual({ age: 60, browserClose: false });
      expect(maxAge(await browser.post(sites()[second], '/cart', { item: 'coat' }))).toBe(60);
    });

    it.each(waysForDates)('as a date, set on %s, is that of %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[first], '/expiry', { date: inSeconds(3600) });
      const { age, browserClose } = (await browser.get(sites()[second], '/expiry')).json();
      expect(age).toBeGreaterThan(3500);
      expect(age).toBeLessThanOrEqual(3600);
      expect(browserClose).toBe(false);
      const page = await browser.post(sites()[second], '/cart', { item: 'coat' });
      expect(maxAge(page)).toBeGreaterThan(3500);
      expect(maxAge(page)).toBeLessThanOrEqual(3600);
    });

    it.each(bothWays)('with the browser, set on %s, is that of %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[first], '/expiry', { seconds: 0 });
      const page = await browser.get(sites()[second], '/expiry');
      expect(page.json()).toEqual({ age: TWO_WEEKS, browserClose: true });
      const { setCookie } = await browser.post(sites()[second], '/cart', { item: 'coat' });
      expect(setCookie).toMatch(/^sessionid=[^;]+; HttpOnly; Path=\/; SameSite=Lax$/);
      expect(await cartOn(browser, sites()[first])).toEqual(['coat']);
      browser.close();
      expect(await cartOn(browser, sites()[first])).toEqual([]);
    });

    it.each(bothWays)('set on %s can be taken back on %s', async (first, second) => {
      const browser = new Browser();
      await browser.post(sites()[first], '/expiry', { seconds: 60 });
      expect(maxAge(await browser.post(sites()[second], '/expiry', { seconds: null }))).toBe(
        TWO_WEEKS,
      );
      const page = await browser.get(sites()[first], '/expiry');
      expect(page.json()).toEqual({ age: TWO_WEEKS, browserClose: false });
    });

    it('gives the cookie of both halves the same words', async () => {
      for (const seconds of [60, 0, null]) {
        const [onDjango, onKoa] = [
          await new Browser().post(sites().Django, '/expiry', { seconds }),
          await new Browser().post(sites().Koa, '/expiry', { seconds }),
        ];
        expect(wordsOf(onKoa)).toMatch(/^sessionid=…;/);
        expect(wordsOf(onKoa)).toBe(wordsOf(onDjango));
      }
    });

    const [itEndsOnKoa, onKoa] = unless(limits.ownClock);
    itEndsOnKoa(`in seconds, set on Django, ends the session on Koa${onKoa}`, async () => {
      const browser = await withCart('Django', 'Koa');
      await browser.post(sites().Django, '/expiry', { seconds: 60 });
      sites().koaClock.aheadBySeconds = 61;
      expect(await cartOn(browser.copy(), sites().Koa)).toEqual([]);
    });

    const [itEndsOnDjango, onDjango] = unless(limits.djangoForgetsSeconds ?? limits.ownClock);
    itEndsOnDjango(`in seconds, set on Koa, ends the session on Django${onDjango}`, async () => {
      const browser = await withCart('Koa', 'Django');
      // Over by now, so that nobody has to wait.
      sites().koaClock.aheadBySeconds = -61;
      await browser.post(sites().Koa, '/expiry', { seconds: 60 });
      expect(browser.key).toBeDefined();
      expect(await cartOn(browser.copy(), sites().Django)).toEqual([]);
    });

    const [itEndsAtOnKoa, atOnKoa] = unless(limits.djangoStoresNoDates);
    itEndsAtOnKoa(`as a date, set on Django, ends the session on Koa${atOnKoa}`, async () => {
      const browser = await withCart('Django', 'Koa');
      const page = await browser.post(sites().Django, '/expiry', { date: inSeconds(-1) });
      expect(browser.key).toBeUndefined();
      expect(await cartOn(new Browser(keyIn(page)), sites().Koa)).toEqual([]);
    });

    const [itEndsAtOnDjango, atOnDjango] = unless(limits.djangoForgetsDates);
    itEndsAtOnDjango(`as a date, set on Koa, ends the session on Django${atOnDjango}`, async () => {
      const browser = await withCart('Koa', 'Django');
      const page = await browser.post(sites().Koa, '/expiry', { date: inSeconds(-1) });
      expect(browser.key).toBeUndefined();
      expect(await cartOn(new Browser(keyIn(page)), sites().Django)).toEqual([]);
    });

    /** Somebody whose cart, filled on one half, is there on the other. */
    async function withCart(first: Half, second: Half): Promise<Browser> {
      const browser = new Browser();
      await browser.post(sites()[first], '/cart', { item: 'coat' });
      expect(await cartOn(browser, sites()[second])).toEqual(['coat']);
      return browser;
    }
  });
}

function keyIn({ setCookie = '' }: Answer): string {
  return halves(setCookie.slice(0, setCookie.indexOf(';')))[1];
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString().replace('Z', '+00:00');
}

function maxAge({ setCookie }: Answer): number {
  return Number(/; Max-Age=(-?\d+)/.exec(String(setCookie))?.[1]);
}
