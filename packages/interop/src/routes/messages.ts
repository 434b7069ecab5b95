import { add, take } from '@coatcheck/contrib/flash';
import { bodyOf, type SiteContext, type SiteRouter } from '../site-context.ts';

interface Given {
  readonly level: number;
  readonly text: string;
  readonly tags?: string;
}

/** Shows the messages and so removes them; POST leaves one. */
export function addMessageRoutes(router: SiteRouter): void {
  router.get('/messages', async (ctx: SiteContext) => {
    const messages = await take(ctx.session);
    ctx.body = { messages: messages.map(({ level, text, tags }) => ({ level, text, tags })) };
  });

  router.post('/messages', (ctx: SiteContext) => {
    const { level, text, tags } = bodyOf<Given>(ctx);
    add(ctx.session, level, text, { extraTags: tags });
    ctx.body = {};
  });
}
