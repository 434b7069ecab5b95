import type net from 'node:net';
import { expect } from '@jest/globals';
import type Koa from 'koa';
import { type DelayedBackend, delayedBackend } from './delayed-backend.ts';
import {
  type Answer,
  type Handler,
  KEY,
  listen,
  type Site,
  type SiteOptions,
  startSite,
} from './test-site.ts';

export const OTHER_KEY = 'b'.repeat(32);
export const DELETION =
  'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax';
export const ATTRIBUTES =
  'expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax';

export const write: Handler = (ctx) => {
  ctx.session.set('b', 2);
};
export const read: Handler = (ctx) => {
  ctx.body = JSON.stringify(ctx.session.get('a') ?? null);
};

/** A site that has the session `{ a: 1 }` under KEY. */
export async function startWithSession(handler: Handler, options?: SiteOptions): Promise<Site> {
  const site = await startSite(handler, options);
  site.put(KEY, { a: 1 });
  return site;
}

/** The same on a backend that answers later. */
export async function startDelayed(
  handler: Handler,
  options?: SiteOptions,
): Promise<{ site: Site; backend: DelayedBackend }> {
  const made: { backend?: DelayedBackend } = {};
  const site = await startWithSession(handler, {
    ...options,
    wrap: (inner) => {
      made.backend = delayedBackend(inner);
      return made.backend;
    },
  });
  return { site, backend: made.backend as DelayedBackend };
}

export function reasons(site: Site): (string | undefined)[] {
  return site.events.filter(({ name }) => name === 'rejected').map(({ reason }) => reason);
}

export function count(site: Site, name: string): number {
  return site.events.filter((event) => event.name === name).length;
}

/** All that a session cookie does to the headers of an answer. */
export function expectCookie(answer: Answer, key: string | undefined): void {
  expect(answer.setCookie).toEqual([`sessionid=${key}; ${ATTRIBUTES}`]);
  expect(answer.vary).toBe('Cookie');
  expect(answer.cacheControl).toBe('no-store');
}

export function fail(error: unknown): never {
  throw error;
}

export function withStatus(status: unknown, more: object = {}): Error {
  return Object.assign(new Error('thrown on purpose'), { status, expose: true }, more);
}

/** Runs one request of an application without a server of its own. */
export async function answerOf(app: Koa): Promise<number> {
  const server = await listen(app.callback());
  const { port } = server.address() as net.AddressInfo;
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).status;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
