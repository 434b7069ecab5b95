import { getToken } from '@coatcheck/contrib/csrf';
import { type Message, take } from '@coatcheck/contrib/flash';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { countPieces } from './cart.ts';
import type { Look } from './look.ts';
import type { ShopContext } from './shop-context.ts';
import type { User } from './users.ts';

/** What a page knows of who looks at it. */
export interface Visitor extends Look {
  readonly user: User | undefined;
  /** How many pieces are in the cart. */
  readonly pieces: number;
  /** To be shown on this page, and gone then. */
  readonly messages: readonly Message[];
  readonly listsDevices: boolean;
  /** Whether there is a session. */
  readonly hasSession: boolean;
  /** For a form of this page; begins a session where there is none. */
  csrfToken(): string;
}

/** Answers with a page, together with the messages that wait for it. */
export async function showPage(ctx: ShopContext, page: (visitor: Visitor) => VNode): Promise<void> {
  const { session, state } = ctx;
  const messages = await take(session);
  const visitor: Visitor = {
    ...state.look,
    user: state.user,
    pieces: countPieces(session.get('cart')),
    messages,
    listsDevices: state.listsDevices,
    hasSession: session.sessionKey !== null,
    csrfToken: () => getToken(session),
  };
  renderPage(ctx, page(visitor));
}

/** Answers with a page. It is the visitor's alone and not kept, so that the back button shows nothing after a logout. */
export function renderPage(ctx: Pick<ShopContext, 'type' | 'body' | 'set'>, page: VNode): void {
  ctx.type = 'html';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = `<!doctype html>${renderToString(page)}`;
}
