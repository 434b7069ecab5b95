import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Middleware } from 'koa';

const types: Readonly<Record<string, string>> = {
  '/base.css': 'text/css; charset=utf-8',
  '/frame.css': 'text/css; charset=utf-8',
  '/forms.css': 'text/css; charset=utf-8',
  '/pages.css': 'text/css; charset=utf-8',
  '/account.css': 'text/css; charset=utf-8',
  '/session.js': 'text/javascript; charset=utf-8',
  '/favicon.svg': 'image/svg+xml',
};

/** Serves the files of `public/`; they need no session, so this goes before the session middleware. */
export function staticFiles(): Middleware {
  const files = new Map(
    Object.entries(types).map(([path, type]) => {
      const content = readFileSync(new URL(`../../public${path}`, import.meta.url));
      const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
      return [path, { type, content, etag }];
    }),
  );
  return (ctx, next) => {
    const file = files.get(ctx.path);
    if (!file || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    ctx.set('Cache-Control', 'no-cache');
    ctx.etag = file.etag;
    ctx.type = file.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = file.content;
    return undefined;
  };
}
