import * as flash from '@coatcheck/contrib/flash';
import type { Sessions } from '@coatcheck/core';
import { EventLog } from '../event-log.ts';
import { SessionPage } from '../pages/session-page.tsx';
import { factsOf } from '../session-facts.ts';
import {
  formField,
  type ShopContext,
  type ShopRouter,
  type ShopSession,
  seeOther,
} from '../shop-context.ts';
import { showPage } from '../visitor.ts';
import { STREAM_PATH, sessionStream } from './session-stream.ts';

/** What a visitor may choose: until the browser closes, five minutes, or the default again. */
const expiries: ReadonlyMap<string, number | null> = new Map([
  ['browser', 0],
  ['minutes', 300],
  ['default', null],
]);

/** The session as the server sees it. */
export function addSessionRoutes(router: ShopRouter, sessions: Sessions<ShopSession>): void {
  const log = new EventLog(sessions);
  // A session that lives in its cookie has another key after each change: nothing to follow.
  const { encoding } = sessions.backend;
  const isLive = typeof encoding === 'string' || !encoding.inCookie;

  router.get('/session', async (ctx: ShopContext) => {
    await showPage(ctx, (visitor) => {
      const facts = factsOf(ctx.session, sessions, log);
      return SessionPage({ visitor, facts, isLive });
    });
  });

  if (isLive) router.get(STREAM_PATH, sessionStream(sessions, log));

  router.post('/session/expiry', (ctx: ShopContext) => {
    const { texts } = ctx.state.look.locale;
    const expiry = expiries.get(formField(ctx, 'expiry'));
    ctx.assert(expiry !== undefined, 400, texts.session.noExpiry);
    ctx.session.setExpiry(expiry);
    flash.success(ctx.session, texts.session.kept);
    seeOther(ctx, '/session');
  });
}
