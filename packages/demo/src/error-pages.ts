import { STATUS_CODES } from 'node:http';
import type { Middleware } from 'koa';
import { ErrorPage } from './pages/error-page.tsx';
import { renderPage } from './shop-context.ts';

/** Answers errors and unknown addresses with a page. Reads no session: it may be the session that failed. */
export function errorPages(): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status < 400 || ctx.body) return;
      // Koa turns an assigned body into a 200, so the status comes last.
      const { status } = ctx;
      renderPage(ctx, page(status));
      ctx.status = status;
    } catch (error) {
      const { status = 500, expose = false, message } = error as Partial<HttpError>;
      renderPage(ctx, page(status, expose ? message : undefined));
      ctx.status = status;
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

const explanations: Readonly<Record<number, string>> = {
  404: 'Nothing hangs under this address.',
  503: 'The sessions cannot be reached right now. Nothing is lost; please try again.',
};

function page(status: number, message?: string) {
  const title = STATUS_CODES[status] ?? 'Error';
  return ErrorPage({ title, message: message ?? explanations[status] ?? 'Please try again.' });
}
