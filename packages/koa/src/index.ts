export {
  type SessionContext,
  type SessionsMiddlewareOptions,
  sessions,
} from './sessions-middleware.ts';
