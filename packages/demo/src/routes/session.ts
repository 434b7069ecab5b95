import { SessionPage } from '../pages/session-page.tsx';
import {
  formField,
  renderPage,
  type ShopContext,
  type ShopRouter,
  seeOther,
  visitorOf,
} from '../shop-context.ts';

/** What a visitor may choose: until the browser closes, five minutes, or the default again. */
const expiries: ReadonlyMap<string, number | null> = new Map([
  ['browser', 0],
  ['minutes', 300],
  ['default', null],
]);

/** The session as the server sees it. */
export function addSessionRoutes(router: ShopRouter): void {
  router.get('/session', (ctx: ShopContext) => {
    const { session } = ctx;
    // Only a loaded session tells whether there is one under the cookie's key.
    const visitor = visitorOf(ctx);
    const { sessionKey } = session;
    const facts = sessionKey
      ? {
          maskedKey: `${sessionKey.slice(0, 4)}${'•'.repeat(sessionKey.length - 4)}`,
          data: Object.fromEntries(session.entries()),
          ageInSeconds: session.getExpiryAge(),
          expiresAt: session.getExpiryDate(),
          endsWithBrowser: session.getExpireAtBrowserClose(),
        }
      : undefined;
    renderPage(ctx, SessionPage({ visitor, facts }));
  });

  router.post('/session/expiry', async (ctx: ShopContext) => {
    const expiry = expiries.get(formField(ctx, 'expiry'));
    ctx.assert(expiry !== undefined, 400, 'There is no such expiry.');
    await ctx.session.load();
    // Nobody needs an expiry who has no session.
    if (ctx.session.sessionKey) ctx.session.setExpiry(expiry);
    seeOther(ctx, '/session');
  });
}
