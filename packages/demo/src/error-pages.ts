import { CsrfRejected } from '@coatcheck/contrib/csrf';
import { WizardStepError } from '@coatcheck/contrib/form-wizard';
import { PreferenceError } from '@coatcheck/contrib/preferences';
import { SessionInterrupted } from '@coatcheck/core';
import type { Middleware } from 'koa';
import { type Look, lookOfBrowser } from './look.ts';
import { ErrorPage } from './pages/error-page.tsx';
import type { Texts } from './texts/texts.ts';
import { renderPage } from './visitor.ts';

/** Answers errors and unknown addresses with a page. Reads no session: it may be the session that failed. */
export function errorPages(): Middleware {
  return async (ctx, next) => {
    const show = (status: number, message?: string, reason?: string): void => {
      const look = (ctx.state.look as Look | undefined) ?? lookOfBrowser(ctx);
      const { errors } = look.locale.texts;
      const explanation = message ?? errors.messages[status] ?? errors.otherwise;
      renderPage(ctx, ErrorPage({ look, status, message: explanation, reason }));
      // Koa turns an assigned body into a 200, so the status comes last.
      ctx.status = status;
    };
    try {
      await next();
      if (ctx.status >= 400 && !ctx.body) show(ctx.status);
    } catch (error) {
      const { status = 500, expose = false, message } = error as Partial<HttpError>;
      const { texts } = ((ctx.state.look as Look | undefined) ?? lookOfBrowser(ctx)).locale;
      const known = messageOf(error, texts);
      show(status, known ?? (expose ? message : undefined), known && message);
      if (status === 503) ctx.set('Retry-After', '1');
      if (!expose) ctx.app.emit('error', error, ctx);
    }
  };
}

interface HttpError {
  readonly status: number;
  readonly expose: boolean;
  readonly message: string;
}

/** What is said in the visitor's language of errors that speak to developers. */
function messageOf(error: unknown, texts: Texts): string | undefined {
  if (error instanceof CsrfRejected) return texts.errors.csrf;
  if (error instanceof WizardStepError) return texts.checkout.outOfOrder;
  if (error instanceof PreferenceError) return texts.preferences.unknown;
  if (error instanceof SessionInterrupted) return texts.errors.interrupted;
  return undefined;
}
