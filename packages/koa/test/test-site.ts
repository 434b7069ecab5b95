import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createSessions,
  dumps,
  loads,
  type SessionBackend,
  type SessionEvents,
  type Sessions,
  type SessionsOptions,
} from '@coatcheck/core';
import { type SqliteDatabase, type SqliteOptions, sqliteBackend } from '@coatcheck/db';
import { type SessionContext, type SessionsMiddlewareOptions, sessions } from '@coatcheck/koa';
import Koa, { type DefaultState, type Middleware, type ParameterizedContext } from 'koa';

/** Sessions without declared entries: every key is allowed. */
export type Data = Record<string, unknown>;
export type SiteContext = ParameterizedContext<DefaultState, SessionContext<Data>>;
export type Handler = (ctx: SiteContext) => unknown;

/** The instant at which Django's fixtures were made. */
export const FIXTURE_NOW = new Date(1_700_000_000_000);
export const SECRET_KEY = 'h7Qd2zV5mX9pL3tR8wN1cB6kJ4sG0yFa';
export const SALT = 'django.contrib.sessions.SessionStore';
/** A key that is well formed. */
export const KEY = 'a'.repeat(32);

/** What a client got. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly setCookie: readonly string[];
  readonly vary: string | undefined;
  readonly cacheControl: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

export interface RequestOptions {
  readonly path?: string;
  readonly method?: string;
  /** The session key to send as `sessionid`. */
  readonly key?: string;
  readonly headers?: http.OutgoingHttpHeaders;
}

export interface SiteOptions {
  readonly settings?: Partial<Omit<SessionsOptions, 'backend' | 'now'>>;
  readonly middleware?: SessionsMiddlewareOptions;
  readonly sqlite?: Omit<SqliteOptions, 'path' | 'now'>;
  /** What stands between core and the SQLite backend. */
  readonly wrap?: (backend: SessionBackend) => SessionBackend;
  /** What is mounted around the sessions. */
  readonly outer?: readonly Middleware[];
}

/** A Koa application with sessions in an SQLite file, served on a free port. */
export interface Site {
  readonly sessions: Sessions<Data>;
  readonly app: Koa;
  readonly port: number;
  /** The file of the database. */
  readonly file: string;
  /** A second connection to it. */
  readonly database: SqliteDatabase;
  readonly clock: { now: Date };
  /** What Koa was told of as errors, in order. */
  readonly errors: unknown[];
  /** The events of `sessions`, in order. */
  readonly events: readonly { readonly name: keyof SessionEvents; readonly reason?: string }[];
  request(options?: RequestOptions): Promise<Answer>;
  /** Puts a row there, as Django does. */
  put(key: string, data: unknown, expiresAt?: Date): void;
  /** Puts a row with this text there. */
  putText(key: string, text: string, expiresAt?: Date): void;
  /** The text of each row that is no marker of a cycled key. */
  texts(): Record<string, string>;
  /** The data of each row that is no marker of a cycled key. */
  rows(): Record<string, unknown>;
}

const EVENTS = [
  ...(['created', 'saved', 'merged', 'interrupted', 'rejected', 'unavailable'] as const),
  ...(['cookieSkipped', 'cacheControlChanged', 'error'] as const),
];
const open: (() => Promise<void>)[] = [];

/** To be called after each test: ends what `startSite` started. */
export async function closeSites(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

/** A new directory that `closeSites` removes. */
export function newDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-koa-'));
  open.push(async () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function openDatabase(file: string): SqliteDatabase {
  const Database = createRequire(import.meta.url)('better-sqlite3');
  return new Database(file, { timeout: 5000 });
}

export async function startSite(handler: Handler, options: SiteOptions = {}): Promise<Site> {
  const file = path.join(newDirectory(), 'sessions.sqlite3');
  const clock = { now: FIXTURE_NOW };
  const now = (): Date => clock.now;
  const backend = sqliteBackend({
    now,
    ...options.sqlite,
    ...(options.sqlite?.database ? {} : { path: file }),
  });
  await backend.migrate();
  const database = options.sqlite?.database ?? openDatabase(file);
  const settings = { secretKey: SECRET_KEY, ...options.settings };
  const opener = createSessions<Data>({
    ...settings,
    backend: options.wrap?.(backend) ?? backend,
    now,
  });
  const events: { name: keyof SessionEvents }[] = [];
  for (const name of EVENTS) {
    opener.events.on(name, (event: object) => events.push({ name, ...event }));
  }

  const app = new Koa();
  const errors: unknown[] = [];
  app.on('error', (error) => errors.push(error));
  for (const each of options.outer ?? []) app.use(each);
  app.use(sessions(opener, options.middleware)).use(async (ctx) => {
    await handler(ctx);
    if (ctx.body === undefined && ctx.respond !== false) ctx.body = 'ok';
  });
  const server = await listen(app.callback());
  const { port } = server.address() as AddressInfo;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });

  open.push(async () => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await opener.close();
    database.close();
  });

  const decoded = (text: string): unknown => loads(text, { key: settings.secretKey, salt: SALT });
  const site: Site = {
    ...{ sessions: opener, app, port, file, database, clock, errors, events },
    request: ({ key, headers = {}, ...rest } = {}) => {
      const cookie = key === undefined ? {} : { cookie: `sessionid=${key}` };
      return request(port, agent, { ...rest, headers: { ...cookie, ...headers } });
    },
    put: (key, data, expiresAt) => {
      const text = dumps(data, { key: settings.secretKey, salt: SALT, compress: true, now: now() });
      site.putText(key, text, expiresAt);
    },
    putText: (key, text, expiresAt = new Date(now().getTime() + 1_209_600_000)) => {
      database
        .prepare('INSERT INTO django_session VALUES (?, ?, ?)')
        .run(key, text, expiresAt.toISOString().replace('T', ' ').slice(0, 19));
    },
    texts: () => {
      const rows = database.prepare('SELECT * FROM django_session').all() as Record<
        'session_key' | 'session_data',
        string
      >[];
      const texts = rows.map(({ session_key, session_data }) => [session_key, session_data]);
      return Object.fromEntries(texts.filter(([, text = '']) => !isMarker(text, decoded)));
    },
    rows: () =>
      Object.fromEntries(Object.entries(site.texts()).map(([key, text]) => [key, decoded(text)])),
  };
  return site;
}

/** Serves the callback on a free port. */
export async function listen(callback: http.RequestListener): Promise<http.Server> {
  const server = http.createServer(callback);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The value of the cookie in an answer; `undefined` when there is none. */
export function keyOf(answer: Answer, name = 'sessionid'): string | undefined {
  const text = answer.setCookie.find((cookie) => cookie.startsWith(`${name}=`));
  return text?.slice(name.length + 1).split(';')[0];
}

/** A promise that the test settles. */
export function gate(): { promise: Promise<void>; open: () => void } {
  let release = (): void => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, open: release };
}

function isMarker(text: string, decode: (text: string) => unknown): boolean {
  try {
    return Object.hasOwn(Object(decode(text)), '_session_rotated');
  } catch {
    return false;
  }
}

/** Sends one request and reads the whole answer. */
export function request(
  port: number,
  agent: http.Agent,
  { path = '/', method = 'GET', headers = {} }: Omit<RequestOptions, 'key'>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: '127.0.0.1', port, agent, path, method, headers }, (got) => {
      const chunks: Buffer[] = [];
      got.on('data', (chunk: Buffer) => chunks.push(chunk));
      got.on('error', reject);
      got.on('end', () => {
        resolve({
          status: got.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          setCookie: got.headers['set-cookie'] ?? [],
          vary: got.headers.vary,
          cacheControl: got.headers['cache-control'],
          headers: got.headers,
          rawHeaders: got.rawHeaders,
        });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
