import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeDjangos } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isBefore } from './limits.ts';
import { cookiePlace, filePlace, sqlitePlace } from './places.ts';
import { bothWays, type SharedPlace, type Sites, startSites } from './sites.ts';
import { cartOn, loggedIn, nobody, seenBy, userOn } from './visits.ts';

const FIRST_KEY = 'a6Hd9fKs4jGp2wQe8rTy5uIo1zXc7vBn-the-first-key-of-both-3mL0';
const NEXT_KEY = 'n4Wc7pXe2rTy9uVb5mLk1jHg6fDs3aQz-the-next-key-of-both-8kP0';

const places = { SQLite: sqlitePlace, files: filePlace, 'signed cookies': cookiePlace };

describeDjangos({ describe, it }, 'a new secret key on both halves', (django) => {
  const isOld = isBefore(django, 4, 1);
  const title = isOld
    ? '(SECRET_KEY_FALLBACKS came with Django 4.1)'
    : 'with the former one as fallback';
  (isOld ? describe.skip : describe)(title, () => {
    let directory: string;
    let running: Sites | undefined;
    beforeEach(() => {
      directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-interop-'));
    });
    afterEach(async () => {
      await running?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    it.each(Object.keys(places) as (keyof typeof places)[])(
      'keeps the logins of both, %s, and renews them before the fallback goes',
      async (place) => {
        const restart = async (...keys: Keys): Promise<Sites> => {
          await running?.stop();
          running = await startSites(django, withKeys(places[place](directory), keys), directory);
          return running;
        };

        const before = await restart(FIRST_KEY);
        const visits = [];
        for (const [made, visited] of [...bothWays, ...eachAlone]) {
          const { browser, user } = await loggedIn(before, made);
          await browser.post(before[made], '/cart', { item: 'coat' });
          visits.push({ browser, visited, username: user.username });
        }
        const { browser: absent } = await loggedIn(before, 'Koa');

        const during = await restart(NEXT_KEY, FIRST_KEY);
        for (const { browser, visited, username } of visits) {
          const { key } = browser;
          expect(await userOn(browser, during[visited])).toBe(username);
          expect(browser.key).not.toBe(key);
        }

        const after = await restart(NEXT_KEY);
        for (const { browser, username } of visits) {
          for (const half of ['Django', 'Koa'] as const) {
            expect(await userOn(browser, after[half])).toBe(username);
            expect(await cartOn(browser, after[half])).toEqual(['coat']);
          }
        }
        expect(await seenBy(absent, after)).toEqual(nobody);
      },
    );
  });
});

const eachAlone = [
  ['Django', 'Django'],
  ['Koa', 'Koa'],
] as const;

/** The secret key, and those that it replaced. */
type Keys = readonly [string, ...string[]];

function withKeys(place: SharedPlace, [key, ...fallbacks]: Keys): SharedPlace {
  return {
    django: { ...place.django, SECRET_KEY: key, SECRET_KEY_FALLBACKS: fallbacks },
    coatcheck: { ...place.coatcheck, secretKey: key, secretKeyFallbacks: fallbacks },
  };
}
