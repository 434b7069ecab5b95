import type { RequestListener } from 'node:http';
import type Koa from 'koa';
import type { Context } from 'koa';
import { answer, keepFromOthers, noSession, type SessionPort } from '../application.ts';
import type { NodeContender } from '../contender.ts';

/** For signatures. */
export const SECRET = 'k3Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

/** Seconds that cookies and records live: Django's default, for everybody. */
export const AGE = 1_209_600;

/** Whether the session, as those of most peers, leaves it to the application to keep responses from other visitors. */
export interface ApplicationOptions {
  readonly keepsFromOthers: boolean;
}

/** The application on Koa, behind the middleware that `install` adds. */
export async function koaApplication(
  install: (app: Koa) => void,
  sessionOf: (ctx: Context) => SessionPort,
  { keepsFromOthers }: ApplicationOptions = { keepsFromOthers: false },
): Promise<RequestListener> {
  const { default: Application } = await import('koa');
  const app = new Application();
  install(app);
  app.use((ctx) => {
    ctx.body = answer(ctx.url, sessionOf(ctx));
    if (keepsFromOthers) keepFromOthers(ctx.url, ctx.res);
  });
  return app.callback();
}

/** A session that is an object with a property per entry; nobody looks at it before something is wanted of it. */
export function propertiesOf(session: () => Record<string, unknown>): SessionPort {
  return {
    get: (name) => session()[name],
    set: (name, value) => {
      session()[name] = value;
    },
  };
}

/** Koa without sessions. */
export const bareKoa: NodeContender = {
  name: 'bare Koa',
  role: 'bare',
  framework: 'koa',
  packages: ['koa'],
  open: () =>
    koaApplication(
      () => {},
      (ctx) => noSession(ctx.url),
    ),
};
