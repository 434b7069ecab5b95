import type { Sessions } from '@coatcheck/core';
import { renderToString } from 'preact-render-to-string';
import type { EventLog } from '../event-log.ts';
import { LiveSession } from '../pages/live-session.tsx';
import { factsOf } from '../session-facts.ts';
import type { ShopContext, ShopSession } from '../shop-context.ts';

/** Where the page of the session gets its news from. */
export const STREAM_PATH = '/session/events';

/** How often the session is looked at although nothing was heard: it may expire, or be ended by another process. */
const LOOK_EVERY_MS = 15_000;

/** Server-sent events: `session`, the page's part anew after each change, and `ended`. */
export function sessionStream(
  sessions: Sessions<ShopSession>,
  log: EventLog,
): (ctx: ShopContext) => void {
  return (ctx: ShopContext) => {
    const { sessionKey } = ctx.session;
    const { locale } = ctx.state.look;
    // An anonymous visitor's page has no stream.
    if (sessionKey === null) return ctx.throw(404);
    const stream = ctx.res;
    // Somebody who has left already would be followed for ever.
    if (stream.destroyed) return;
    ctx.type = 'text/event-stream';
    ctx.set('Cache-Control', 'no-store');
    ctx.status = 200;
    // Koa takes a visitor who leaves before the end of a stream for an error, and here everybody does.
    ctx.respond = false;
    stream.flushHeaders();

    const tell = async (): Promise<void> => {
      const session = sessions.open(sessionKey);
      await session.load();
      const facts = factsOf(session, sessions, log);
      if (stream.writableEnded) return;
      if (facts) {
        const html = renderToString(LiveSession({ locale, facts }));
        stream.write(`event: session\ndata: ${JSON.stringify({ html })}\n\n`);
      } else {
        stream.end('event: ended\ndata: {}\n\n');
      }
    };
    const look = oneAtATime(tell, (error) => {
      // The browser connects again by itself.
      stream.end();
      ctx.app.emit('error', error, ctx);
    });
    const forget = log.follow(sessions.events.digest(sessionKey), look);
    const timer = setInterval(look, LOOK_EVERY_MS).unref();
    stream.once('close', () => {
      clearInterval(timer);
      forget();
    });
    look();
  };
}

/** Runs it again after it is done where it was asked for meanwhile, however often; not after it failed. */
function oneAtATime(run: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let isRunning = false;
  let isWanted = false;
  const runWhileWanted = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false;
      await run();
    }
  };
  return () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    runWhileWanted()
      .catch(failed)
      .finally(() => {
        isRunning = false;
      });
  };
}
