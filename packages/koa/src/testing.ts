import type { SessionData, SessionStore, Sessions } from '@coatcheck/core';
import type Koa from 'koa';
import { sessionsOf } from './sessions-middleware.ts';

/** Where sessions are seeded and read: the application that mounts `sessions()`, or what that was given. */
export type SessionsSource<Data extends object = SessionData> =
  | Pick<Koa, 'middleware'>
  | Sessions<Data>;

/**
 * Stores a session with these entries and returns the Cookie header of its visitor, for supertest and the like:
 * `request(app.callback()).get('/').set('Cookie', await signIn(app, { userId: 7 }))`.
 *
 * @throws {TypeError} when the application mounts no `sessions()` itself: pass the `Sessions` instead.
 */
export async function signIn<Data extends object = SessionData>(
  source: SessionsSource<Data>,
  data: Partial<Data>,
): Promise<string> {
  const sessions = opened(source);
  const session = sessions.open();
  session.update(data);
  await session.save();
  return `${sessions.settings.cookie.name}=${session.sessionKey}`;
}

/**
 * The entries of a visitor's session; `undefined` when there is none.
 *
 * @param cookie a Cookie header, or the Set-Cookie headers of a response: `response.headers['set-cookie']`.
 */
export async function readSession<Data extends object = SessionData>(
  source: SessionsSource<Data>,
  cookie: string | readonly string[] | undefined,
): Promise<Partial<Data> | undefined> {
  const session = await openSession(source, cookie);
  if (session.sessionKey === null) return undefined;
  return { ...session.data };
}

/** A visitor's session, loaded; empty and without a key when there is none. Takes what `readSession` takes. */
export async function openSession<Data extends object = SessionData>(
  source: SessionsSource<Data>,
  cookie: string | readonly string[] | undefined,
): Promise<SessionStore<Data>> {
  const sessions = opened(source);
  const start = `${sessions.settings.cookie.name}=`;
  const found = [cookie ?? []]
    .flat()
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(start));
  const session = sessions.open(found?.slice(start.length));
  await session.load();
  return session;
}

/** A clock that stands still: `now` goes into `createSessions` and into the backend. */
export class FrozenClock {
  #ms: number;

  /** @param start the time that it shows first. @default the present */
  constructor(start: Date | string | number = Date.now()) {
    this.#ms = new Date(start).getTime();
    if (Number.isNaN(this.#ms)) throw new RangeError('The clock must start at a date.');
  }

  /** Bound, so that it can be passed on as an option. */
  readonly now = (): Date => new Date(this.#ms);

  /** Puts the clock forward, or back with a negative number of seconds. */
  advance(seconds: number): void {
    this.#ms += seconds * 1000;
  }
}

function opened<Data extends object>(source: SessionsSource<Data>): Sessions<Data> {
  if ('open' in source) return source;
  const found = source.middleware.map(sessionsOf).find((sessions) => sessions !== undefined);
  if (!found) {
    throw new TypeError(
      'The application mounts no sessions() itself: pass what createSessions() returned.',
    );
  }
  return found as unknown as Sessions<Data>; // the application knows its entries
}
