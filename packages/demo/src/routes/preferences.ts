import * as flash from '@coatcheck/contrib/flash';
import type { PreferencePath } from '@coatcheck/contrib/preferences';
import { lookOfBrowser } from '../look.ts';
import { PreferencesPage } from '../pages/preferences-page.tsx';
import { preferences, type ShopPreferences } from '../preferences.ts';
import { formField, type ShopContext, type ShopRouter, seeOther } from '../shop-context.ts';
import { locales } from '../texts/texts.ts';
import { showPage } from '../visitor.ts';

/** What the visitor prefers; in effect from the next page on, which comes at once. */
export function addPreferenceRoutes(router: ShopRouter): void {
  router.get('/preferences', async (ctx: ShopContext) => {
    const chosen = preferences.all(ctx.session);
    await showPage(ctx, (visitor) => PreferencesPage({ visitor, chosen }));
  });

  router.post('/preferences', (ctx: ShopContext) => {
    const path = formField(ctx, 'path') as PreferencePath<ShopPreferences>; // else it is refused
    const text = formField(ctx, 'value');
    const isNumber = typeof preferences.get(ctx.session, path) === 'number';
    preferences.set(ctx.session, path, (isNumber ? Number(text) : text) as never); // likewise
    flash.success(ctx.session, textsNow(ctx).saved);
    seeOther(ctx, '/preferences');
  });

  router.post('/preferences/reset', (ctx: ShopContext) => {
    preferences.reset(ctx.session);
    flash.success(ctx.session, textsNow(ctx).resetDone);
    seeOther(ctx, '/preferences');
  });
}

/** In the language that was just chosen. */
function textsNow(ctx: ShopContext) {
  const language = preferences.get(ctx.session, 'language');
  const locale = language === 'auto' ? lookOfBrowser(ctx).locale : locales[language];
  return locale.texts.preferences;
}
