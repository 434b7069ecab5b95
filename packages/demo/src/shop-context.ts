import type { SessionContext as ContextWithSession } from '@coatcheck/koa';
import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import type { Cart } from './cart.ts';
import type { Order } from './checkout.ts';
import type { Look } from './look.ts';
import type { User } from './users.ts';

/** What the shop keeps in a session; login, messages, preferences and checkout have entries of their own. */
export interface ShopSession {
  cart?: Cart;
  lastOrder?: Order;
}

/** What the middlewares find out about the visitor. */
export interface ShopState {
  user?: User | undefined;
  look: Look;
  /** Whether the engine can list the sessions of an account. */
  listsDevices: boolean;
}

/** What the session middleware adds to Koa's context. */
export type SessionContext = ContextWithSession<ShopSession>;

/** The router that the shop's routes are added to. */
export type ShopRouter = Router<ShopState, SessionContext>;

/** The context of the shop's routes. */
export type ShopContext = RouterContext<ShopState, SessionContext>;

/** Answers a form: the browser fetches the page, and reloading it repeats nothing. */
export function seeOther(ctx: Pick<ShopContext, 'status' | 'redirect'>, path: string): void {
  ctx.redirect(path);
  ctx.status = 303;
}

/** A field of the submitted form; empty when it is missing or stands there twice. */
export function formField(ctx: Pick<ShopContext, 'request'>, name: string): string {
  return formFields(ctx)[name] ?? '';
}

/** The fields of the submitted form that stand there once. */
export function formFields({ request }: Pick<ShopContext, 'request'>): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(request.body ?? {})) {
    if (typeof value === 'string') fields[name] = value;
  }
  return fields;
}

/** A parameter of the address; empty when it is missing or stands there twice. */
export function queryField({ query }: Pick<ShopContext, 'query'>, name: string): string {
  const value = query[name];
  return typeof value === 'string' ? value : '';
}
