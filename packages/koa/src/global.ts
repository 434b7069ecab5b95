import type { SessionData, SessionStore } from '@coatcheck/core';

declare module 'koa' {
  interface ExtendableContext {
    /** The visitor's session; its entries are typed by augmenting `SessionData` of `@coatcheck/core`. */
    readonly session: SessionStore<SessionData>;
  }
}
