import * as flash from '@coatcheck/contrib/flash';
import { loginRequired } from '@coatcheck/contrib/koa';
import { type AccountSessions, indexesAccounts, type Sessions } from '@coatcheck/core';
import { DevicesPage } from '../pages/devices-page.tsx';
import {
  formField,
  type ShopContext,
  type ShopRouter,
  type ShopSession,
  seeOther,
} from '../shop-context.ts';
import { showPage } from '../visitor.ts';

/** Whether these sessions can be listed by account: the engine has to be able to, and the setting `account` be there. */
export function listsDevices({ backend, settings }: Sessions<ShopSession>): boolean {
  return settings.account !== undefined && indexesAccounts(backend);
}

/** Where the account is logged in, and how to end that. */
export function addDeviceRoutes(router: ShopRouter, sessions: Sessions<ShopSession>): void {
  // The account's own: behind loginRequired there is a user.
  const devicesOf = (ctx: ShopContext): AccountSessions => sessions.of(ctx.state.user?.id ?? '');
  router.use('/devices', loginRequired());

  router.get('/devices', async (ctx: ShopContext) => {
    const devices = await devicesOf(ctx).list(ctx.session.sessionKey);
    await showPage(ctx, (visitor) => DevicesPage({ visitor, devices }));
  });

  router.post('/devices/end', async (ctx: ShopContext) => {
    const { texts } = ctx.state.look.locale;
    const devices = devicesOf(ctx);
    const handle = formField(ctx, 'device');
    const [current] = (await devices.list(ctx.session.sessionKey)).filter((one) => one.isCurrent);
    ctx.assert(handle !== current?.handle, 400, texts.devices.notThis);
    if (await devices.revoke(handle)) flash.success(ctx.session, texts.devices.ended);
    else flash.warning(ctx.session, texts.devices.gone);
    seeOther(ctx, '/devices');
  });

  router.post('/devices/end-others', async (ctx: ShopContext) => {
    const { texts } = ctx.state.look.locale;
    const count = await devicesOf(ctx).revokeOthers(ctx.session.sessionKey);
    if (count > 0) flash.success(ctx.session, texts.devices.othersEnded(count));
    else flash.info(ctx.session, texts.devices.onlyOne);
    seeOther(ctx, '/devices');
  });
}
