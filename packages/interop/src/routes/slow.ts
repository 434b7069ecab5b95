import type { Gate } from '../gate.ts';
import type { SiteContext, SiteRouter } from '../site-context.ts';

/** Reads the session, waits until the test says so, and changes it. */
export function addSlowRoutes(router: SiteRouter, gate: Gate): void {
  router.post('/slow', async (ctx: SiteContext) => {
    ctx.session.get('cart');
    await gate.wait();
    ctx.session.set('late', 'change');
    ctx.body = { late: ctx.session.get('late') };
  });
}
