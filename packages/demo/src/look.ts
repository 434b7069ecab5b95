import type { Middleware } from 'koa';
import { preferences, type ShopPreferences } from './preferences.ts';
import type { SessionContext, ShopState } from './shop-context.ts';
import { type Language, type Locale, locales } from './texts/texts.ts';

/** How pages look to a visitor. */
export interface Look {
  readonly locale: Locale;
  readonly theme: ShopPreferences['theme'];
}

/** As the browser says; what pages have that read no session. */
export function lookOfBrowser(ctx: {
  acceptsLanguages(languages: string[]): string | false;
}): Look {
  const language = ctx.acceptsLanguages(['en', 'de']) as Language | false; // one of those
  return { locale: locales[language || 'en'], theme: 'auto' };
}

/** `ctx.state.look`: as the browser says, unless the visitor has chosen otherwise. */
export function chooseLook(): Middleware<ShopState, SessionContext> {
  return async (ctx, next) => {
    ctx.state.look = lookOfBrowser(ctx);
    if (ctx.session) {
      await ctx.session.load();
      const { language, theme } = preferences.all(ctx.session);
      const { locale } = ctx.state.look;
      ctx.state.look = { theme, locale: language === 'auto' ? locale : locales[language] };
    }
    await next();
  };
}
