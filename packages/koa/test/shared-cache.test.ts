import { seededRandom } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SharedCache } from './shared-cache.ts';
import {
  type Answer,
  closeSites,
  type Handler,
  keyOf,
  type SiteContext,
  startSite,
} from './test-site.ts';

afterEach(closeSites);

const show = (ctx: SiteContext): void => {
  ctx.body = `user ${String(ctx.session.get('user', 'nobody'))}`;
};

/** Pages by path; what each does with the session. */
const pages: Record<string, Handler> = {
  read: show,
  write(ctx) {
    ctx.session.set('at', String(ctx.query.n));
    show(ctx);
  },
  async refresh(ctx) {
    ctx.session.modified = true;
    await ctx.session.save();
    show(ctx);
  },
  async cycle(ctx) {
    await ctx.session.cycleKey();
    show(ctx);
  },
  async flush(ctx) {
    await ctx.session.flush();
    ctx.body = 'user nobody';
  },
  error(ctx) {
    ctx.throw(403, `user ${String(ctx.session.get('user', 'nobody'))}`);
  },
  redirect(ctx) {
    const user = String(ctx.session.get('user', 'nobody'));
    ctx.redirect(`/home/${user}`);
    ctx.body = `user ${user}`;
  },
  unchanged(ctx) {
    show(ctx);
    ctx.set('ETag', '"same"');
  },
  plain(ctx) {
    ctx.body = 'for everybody';
  },
};

const controls: Record<string, string | undefined> = {
  none: undefined,
  public: 'public, max-age=600',
  shared: 's-maxage=600',
};

const handler: Handler = async (ctx) => {
  const [, page = '', control = ''] = ctx.path.split('/');
  if (page === 'login') {
    ctx.session.set('user', String(ctx.query.user));
    return;
  }
  const value = controls[control];
  // Before or after the page has looked at its session: both must do.
  if (value && ctx.query.late === undefined) ctx.set('Cache-Control', value);
  await pages[page]?.(ctx);
  if (value && ctx.query.late !== undefined) ctx.set('Cache-Control', value);
};

describe('a shared cache in front of a site', () => {
  it.each([
    ['', {}],
    [' that renews each session', { saveEveryRequest: true }],
    [' with an idle timeout', { idleTimeout: 600, touchEvery: 1 }],
  ])('%s serves nobody the page or the cookie of somebody else', async (_, settings) => {
    const site = await startSite(handler, { settings, sqlite: { synchronous: 'NORMAL' } });
    const cache = new SharedCache(site);
    const random = seededRandom(15);
    const users = ['alice', 'bob'];
    const keys: Record<string, string | undefined> = {};
    const owners = new Map<string, string>();
    const wrong: string[] = [];
    const paths = Object.keys(pages).flatMap((page) =>
      Object.keys(controls).flatMap((control) => [
        `/${page}/${control}`,
        `/${page}/${control}?late`,
      ]),
    );

    /** Takes the answer as a browser does, and notes whose it is. */
    const take = (user: string, what: string, answer: Answer): void => {
      for (const key of keysIn(answer)) {
        const owner = owners.get(key) ?? user;
        if (owner !== user) wrong.push(`${what}: ${user} got the cookie of ${owner}`);
        keys[user] = key === '""' ? undefined : key;
        if (key !== '""') owners.set(key, owner);
      }
      const [, shown] = /^user (\w+)$/.exec(answer.body) ?? [];
      if (shown !== undefined && shown !== 'nobody' && shown !== user) {
        wrong.push(`${what}: ${user} saw the page of ${shown}`);
      }
    };
    for (let i = 0; i < 1000; i += 1) {
      site.clock.now = new Date(site.clock.now.getTime() + 2000);
      const user = users[random(2)] as string;
      if (!keys[user]) {
        take(user, 'login', await site.request({ path: `/login?user=${user}` }));
        if (random(10) > 0) continue;
      }
      const path = paths[random(paths.length)] as string;
      // Now and then without the cookie, as another browser.
      const key = random(10) === 0 ? undefined : keys[user];
      const answer = await cache.request({ path, ...(key !== undefined && { key }) });
      if (key === undefined) {
        const isNobodys = !/alice|bob/.test(answer.body + (answer.headers.location ?? ''));
        const isNew = keysIn(answer).every((each) => !owners.has(each));
        if (!isNobodys || !isNew) wrong.push(`${path}: a stranger saw somebody`);
      } else take(user, path, answer);
    }
    expect(wrong).toEqual([]);
    expect(cache.hits).toBeGreaterThan(50);
  });

  it('serves them if it does not look at Vary, so that this test can fail', async () => {
    const site = await startSite(handler);
    const cache = new SharedCache(site, true);
    const key = keyOf(await site.request({ path: '/login?user=alice' })) ?? '';
    await cache.request({ path: '/read/public', key });
    expect((await cache.request({ path: '/read/public' })).body).toBe('user alice');
  });
});

/** The keys that the answer sets, deletions among them. */
function keysIn({ setCookie }: Answer): string[] {
  return setCookie.map((text) => /^sessionid=([^;]*)/.exec(text)?.[1] ?? '');
}
