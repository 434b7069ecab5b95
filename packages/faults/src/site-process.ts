import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { loadSessions } from '@coatcheck/config';
import { sessions } from '@coatcheck/koa';
import Koa from 'koa';
import { CANARY } from './leak-watch.ts';
import {
  SECRET_KEY,
  type SiteCommand,
  type SiteReport,
  type SiteSettings,
} from './site-settings.ts';

// A Koa application as a process of its own, which logs whatever it can get hold of.
const settings: SiteSettings = JSON.parse(process.argv[2] ?? '');
const unhandled: string[] = [];
const warnings: string[] = [];
const events: Record<string, number> = {};
const calls: Record<string, number> = {};
let clockOffsetMs = 0;
let isEnding = false;

process.on('unhandledRejection', (error) => unhandled.push(inspect(error)));
process.on('uncaughtException', (error) => unhandled.push(inspect(error)));
process.on('warning', ({ name, message, code }: Error & { code?: string }) => {
  // That the cache fails is what cached_db has to say when it does.
  if (code !== 'COATCHECK_CACHE_FAILED') warnings.push(`${name}: ${message}`);
});

const opener = await loadSessions<Record<string, unknown>>(
  { ...settings.config, secretKey: SECRET_KEY, now: () => new Date(Date.now() + clockOffsetMs) },
  { cwd: import.meta.dirname },
);
const EVENTS = [
  ...(['created', 'saved', 'merged', 'interrupted', 'rejected', 'unavailable'] as const),
  ...(['breakerOpened', 'breakerClosed', 'cookieSkipped'] as const),
  ...(['cacheControlChanged', 'error'] as const),
];
for (const name of EVENTS) {
  opener.events.on(name, (event: { reason?: string }) => {
    count(events, name);
    if (event.reason !== undefined) count(events, `${name}: ${event.reason}`);
    log(name, event);
  });
}

const { backend } = opener;
for (const name of ['load', 'create', 'update', 'touch', 'delete'] as const) {
  const call = backend[name].bind(backend) as (...args: unknown[]) => unknown;
  const counted = (...args: unknown[]): unknown => {
    count(calls, name);
    return call(...args);
  };
  Object.defineProperty(backend, name, { value: counted });
}

const app = new Koa();
app.silent = true;
app.on('error', (error) => log('error of the application', error));
app.use(async (ctx, next) => {
  if (isEnding) ctx.set('Connection', 'close');
  if (ctx.path === '/plain') {
    ctx.body = 'plain';
    return;
  }
  try {
    await next();
  } catch (error) {
    const { status = 500, name, ambiguous } = error as Record<string, unknown>;
    ctx.app.emit('error', error, ctx);
    ctx.status = Number(status);
    ctx.set('X-Ambiguous', String(ambiguous));
    ctx.body = String(name);
  }
});
app.use(sessions(opener)).use(async (ctx) => {
  const { session, path: route } = ctx;
  const { name = '', value = '', ms = '0' } = ctx.query as Record<string, string>;
  ctx.body = 'ok';
  if (route === '/untouched') return;
  if (route === '/create') {
    session.update({ marker: value, secret: CANARY });
    return;
  }
  // The marker says whose session it is; without it there is none.
  if (session.get('marker') === undefined) ctx.throw(401);
  log('a session', session, JSON.stringify(session));
  if (route === '/set') session.set(name, value);
  if (route === '/save') await session.set(name, value).save();
  if (route === '/count') session.change('count', (n) => Number(n ?? 0) + 1);
  if (route === '/cycle') await session.cycleKey();
  if (route === '/logout') await session.flush();
  if (route === '/read') {
    ctx.body = Object.fromEntries(session.entries().filter(([key]) => key !== 'secret'));
  }
  // A request that takes its time, with a change in its hands.
  if (route === '/slow') {
    session.set(name, value);
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
  }
});

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function log(...things: unknown[]): void {
  if (settings.isQuiet) return;
  const texts = things.map((thing) => inspect(thing, { depth: null, showHidden: true }));
  process.stdout.write(`${texts.join(' ')}\n`);
}

process.on('message', (command: SiteCommand) => {
  if ('clockOffsetMs' in command) ({ clockOffsetMs } = command);
  else {
    const report: SiteReport = {
      ...{ unhandled, warnings, events, calls },
      rssBytes: process.memoryUsage.rss(),
      maxRssBytes: process.resourceUsage().maxRSS * 1024,
      resources: process.getActiveResourcesInfo().length,
    };
    process.send?.(report);
  }
});

const server = createServer(app.callback());
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);

// Ends as an application should: no new requests, those under way are answered, then the sessions close.
await Promise.race([once(process, 'SIGTERM'), once(process, 'disconnect')]);
isEnding = true;
const closed = once(server, 'close');
server.close();
// One whose answer had begun before is idle a moment later, and would be kept for five seconds.
const closing = setInterval(() => server.closeIdleConnections(), 20);
await closed;
clearInterval(closing);
await opener.close();
if (process.connected) process.disconnect();
