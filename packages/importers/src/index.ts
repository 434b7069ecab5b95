export { type CookieSessionOptions, fromCookieSession } from './cookie-session.ts';
export {
  type ExpressSessionOptions,
  type ExpressStore,
  fromExpressSession,
} from './express-session.ts';
export type { ImportOptions } from './import-options.ts';
export { fromKoaSession, type KoaSessionOptions, type KoaStore } from './koa-session.ts';
