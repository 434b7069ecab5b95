import type { SessionContext as ContextWithSession } from '@coatcheck/koa';
import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import type { DefaultState } from 'koa';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { type Cart, countPieces } from './cart.ts';
import { findUser, type User } from './users.ts';

/** What the shop keeps in a session. */
export interface ShopSession {
  cart?: Cart;
  username?: string;
}

/** What the session middleware adds to Koa's context. */
export type SessionContext = ContextWithSession<ShopSession>;

/** The router that the shop's routes are added to. */
export type ShopRouter = Router<DefaultState, SessionContext>;

/** The context of the shop's routes. */
export type ShopContext = RouterContext<DefaultState, SessionContext>;

/** What the head of each page shows of the visitor. */
export interface Visitor {
  readonly user: User | undefined;
  readonly pieces: number;
}

/** Reads the visitor from the session; writes nothing. */
export function visitorOf({ session }: SessionContext): Visitor {
  return { user: findUser(session.get('username')), pieces: countPieces(session.get('cart')) };
}

/** Answers with a page. */
export function renderPage(ctx: Pick<ShopContext, 'type' | 'body'>, page: VNode): void {
  ctx.type = 'html';
  ctx.body = `<!doctype html>${renderToString(page)}`;
}

/** Answers a form: the browser fetches the page, and reloading it repeats nothing. */
export function seeOther(ctx: Pick<ShopContext, 'status' | 'redirect'>, path: string): void {
  ctx.redirect(path);
  ctx.status = 303;
}

/** A field of the submitted form; empty when it is missing or stands there twice. */
export function formField(ctx: Pick<ShopContext, 'request'>, name: string): string {
  const fields = (ctx.request.body ?? {}) as Record<string, unknown>;
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'string' ? value : '';
}
