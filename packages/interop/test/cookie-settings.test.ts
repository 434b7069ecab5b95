import { describeDjangos } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { Browser, wordsOf } from './browser.ts';
import { sqlitePlace } from './places.ts';
import { bothWays, describeSites, type SharedPlace, type Site } from './sites.ts';

type Settings = Pick<SharedPlace, 'django' | 'coatcheck'>;

const variants: Readonly<Record<string, Settings>> = {
  'of another name and age': {
    django: { SESSION_COOKIE_NAME: 'shop.sid', SESSION_COOKIE_AGE: 3600 },
    coatcheck: { cookie: { name: 'shop.sid', age: 3600 } },
  },
  'for other sites': {
    django: {
      SESSION_COOKIE_SECURE: true,
      SESSION_COOKIE_SAMESITE: 'None',
      SESSION_COOKIE_HTTPONLY: false,
      SESSION_COOKIE_DOMAIN: '127.0.0.1',
    },
    coatcheck: {
      cookie: { secure: true, sameSite: 'None', httpOnly: false, domain: '127.0.0.1' },
    },
  },
  'for this host alone': {
    django: { SESSION_COOKIE_NAME: '__Host-sid', SESSION_COOKIE_SECURE: true },
    coatcheck: { cookie: { name: '__Host-sid', secure: true } },
  },
  'until the browser closes': {
    django: { SESSION_EXPIRE_AT_BROWSER_CLOSE: true, SESSION_COOKIE_SAMESITE: 'Strict' },
    coatcheck: { expireAtBrowserClose: true, cookie: { sameSite: 'Strict' } },
  },
  'without SameSite': {
    django: { SESSION_COOKIE_SAMESITE: false },
    coatcheck: { cookie: { sameSite: false } },
  },
  'sent with every answer': {
    django: { SESSION_SAVE_EVERY_REQUEST: true },
    coatcheck: { saveEveryRequest: true },
  },
};

describeDjangos({ describe, it }, 'a cookie', (django) => {
  for (const [title, settings] of Object.entries(variants)) {
    const open = (directory: string): SharedPlace => {
      const place = sqlitePlace(directory);
      return {
        django: { ...place.django, ...settings.django },
        coatcheck: { ...place.coatcheck, ...settings.coatcheck },
      };
    };
    describeSites(title, django, open, (sites) => {
      it('is set and deleted in the same words by both halves', async () => {
        const visit = async (site: Site): Promise<string[]> => {
          const browser = new Browser();
          const pages = [
            await browser.post(site, '/cart', { item: 'coat' }),
            await browser.get(site, '/cart'),
            await browser.post(site, '/logout'),
          ];
          return pages.map(wordsOf);
        };
        const [set, , deleted] = await visit(sites().Koa);
        expect([set, deleted]).not.toContain('');
        expect(await visit(sites().Koa)).toEqual(await visit(sites().Django));
      });

      it.each(bothWays)('that %s set is known to %s', async (first, second) => {
        const browser = new Browser();
        await browser.post(sites()[first], '/cart', { item: 'coat' });
        expect((await browser.get(sites()[second], '/cart')).json()).toEqual({ cart: ['coat'] });
        await browser.post(sites()[second], '/logout');
        expect((await browser.get(sites()[first], '/cart')).json()).toEqual({ cart: [] });
      });
    });
  }
});
