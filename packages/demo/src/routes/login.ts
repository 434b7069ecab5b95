import { isSafeRedirect, login, logout } from '@coatcheck/contrib/auth';
import * as flash from '@coatcheck/contrib/flash';
import { countPieces } from '../cart.ts';
import { LoginPage } from '../pages/login-page.tsx';
import {
  formField,
  queryField,
  type ShopContext,
  type ShopRouter,
  seeOther,
} from '../shop-context.ts';
import { findByPassword } from '../users.ts';
import { showPage } from '../visitor.ts';

/** Logging in and out: where the session changes hands. */
export function addLoginRoutes(router: ShopRouter): void {
  router.get('/login', async (ctx: ShopContext) => {
    const next = checkedNext(ctx, queryField(ctx, 'next'));
    await showPage(ctx, (visitor) => LoginPage({ visitor, next }));
  });

  router.post('/login', async (ctx: ShopContext) => {
    const { session, state } = ctx;
    const next = checkedNext(ctx, formField(ctx, 'next'));
    const username = formField(ctx, 'username');
    const user = await findByPassword(username, formField(ctx, 'password'));
    if (!user) {
      await showPage(ctx, (visitor) => LoginPage({ visitor, next, failed: username }));
      ctx.status = 422;
      return;
    }
    // A new key: whoever knew the old one does not get the account. The cart comes along.
    await login(session, user);
    session.setExpiry(formField(ctx, 'remember') === 'yes' ? null : 0);
    flash.success(session, state.look.locale.texts.login.welcome(user.name));
    seeOther(ctx, next || (countPieces(session.get('cart')) > 0 ? '/cart' : '/'));
  });

  router.post('/logout', async (ctx: ShopContext) => {
    await logout(ctx.session);
    // Said by the address: a message would begin a session again.
    seeOther(ctx, '/?goodbye');
  });
}

/** Where to go after the login; empty: nowhere in particular. */
function checkedNext(ctx: ShopContext, next: string): string {
  const { badNext } = ctx.state.look.locale.texts.login;
  ctx.assert(next === '' || isSafeRedirect(next), 400, badNext);
  return next.trim();
}
