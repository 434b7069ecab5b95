import { seededRandom } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeSites, type Handler, KEY, startSite } from './test-site.ts';

afterEach(closeSites);

/** Pages that have nothing to keep, by path. */
const pages: Record<string, Handler> = {
  nothing: () => undefined,
  read: (ctx) => void ctx.session.get('a'),
  load: (ctx) => ctx.session.load(),
  logout: (ctx) => ctx.session.flush(),
  clear: (ctx) => ctx.session.clear(),
  remove: (ctx) => {
    ctx.session.delete('a');
    ctx.session.pop('b', 1);
  },
  'set and removed': (ctx) => {
    ctx.session.set('a', 1);
    ctx.session.delete('a');
  },
  change: (ctx) => void ctx.session.change('a', () => undefined),
  modified: (ctx) => {
    ctx.session.modified = true;
  },
  expiry: (ctx) => {
    ctx.session.getExpiryAge();
    ctx.session.setExpiry(null);
  },
};
/** A request that came with a key must not become a session by this alone: its login may have moved to another key. */
const cycle: Handler = (ctx) => ctx.session.cycleKey();

const visitors: Record<string, (random: (most: number) => number) => string | undefined> = {
  'without a cookie': () => undefined,
  'with an empty cookie': () => 'sessionid=',
  'with a malformed key': (random) => `sessionid=${'x'.repeat(random(31))}`,
  'with an unknown key': (random) =>
    `sessionid=${Array.from({ length: 32 }, () => random(36).toString(36)).join('')}`,
  'with two different keys': () => `sessionid=${KEY}; sessionid=${'b'.repeat(32)}`,
};

describe.each<[string, object]>([
  ['by default', {}],
  ['with saveEveryRequest', { saveEveryRequest: true }],
  ['with an idle timeout', { idleTimeout: 600 }],
])('visitors who leave nothing, %s', (_, settings) => {
  it.each(Object.keys(visitors))('%s get no session and no cookie', async (visitor) => {
    const site = await startSite((ctx) => pages[decodeURI(ctx.path.slice(1))]?.(ctx), { settings });
    const random = seededRandom(6);
    const answers = await Promise.all(
      Object.keys(pages).flatMap((page) =>
        Array.from({ length: 10 }, () => {
          const cookie = visitors[visitor]?.(random);
          const headers = cookie === undefined ? {} : { cookie };
          return site.request({ path: `/${encodeURI(page)}`, headers });
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.flatMap(({ setCookie }) => setCookie)).toEqual([]);
    expect(site.texts()).toEqual({});
  });

  it('with an unknown key get none from cycleKey either', async () => {
    const site = await startSite(cycle, { settings });
    const random = seededRandom(6);
    for (let i = 0; i < 20; i += 1) {
      const cookie = visitors['with an unknown key']?.(random);
      const answer = await site.request({ headers: { cookie } });
      expect([answer.status, answer.setCookie]).toEqual([200, []]);
    }
    expect(site.texts()).toEqual({});
  });
});
