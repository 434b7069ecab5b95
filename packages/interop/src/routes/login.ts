import { login, logout, updateSessionAuthHash } from '@coatcheck/contrib/auth';
import { bodyOf, type SiteContext, type SiteRouter } from '../site-context.ts';
import type { Users } from '../users.ts';

/** Logging in and out, who is logged in, and the change of the password. */
export function addLoginRoutes(router: SiteRouter, users: Users): void {
  router.post('/login', async (ctx: SiteContext) => {
    const { username, password } = bodyOf<{ username: string; password: string }>(ctx);
    const user = await users.authenticate(username, password);
    if (!user) ctx.throw(401, 'wrong name or password');
    await login(ctx.session, user);
    ctx.body = { user: user.username };
  });

  router.post('/logout', async (ctx: SiteContext) => {
    await logout(ctx.session);
    ctx.body = { user: null };
  });

  router.get('/user', (ctx: SiteContext) => {
    ctx.body = { user: ctx.state.user?.username ?? null };
  });

  router.post('/password', async (ctx: SiteContext) => {
    const { user } = ctx.state;
    if (!user) ctx.throw(401, 'nobody is logged in');
    const changed = await users.changePassword(user, bodyOf<{ password: string }>(ctx).password);
    await updateSessionAuthHash(ctx.session, changed);
    ctx.body = { user: changed.username };
  });
}
