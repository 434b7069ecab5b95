import { createHmac } from 'node:crypto';
import {
  createSessions,
  type SessionImporter,
  type SessionResponse,
  type SessionsOptions,
} from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { fromCookieSession, fromExpressSession } from '@coatcheck/importers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CookieJar } from '../../interop/test/cookie-jar.ts';

const SECRET = 'the secret of the old site';
const SECRET_KEY = 'w9Kx3Rm7Tq2Vb5Nz8Yc4Hd6Jf1Lg0PsA';

/** A response that only has headers. */
class Headers implements SessionResponse {
  readonly headersSent = false;
  readonly #headers = new Map<string, string | readonly string[]>();
  getHeader(name: string): string | readonly string[] | undefined {
    return this.#headers.get(name);
  }
  setHeader(name: string, value: string | readonly string[]): void {
    this.#headers.set(name, value);
  }
}

let sessions: ReturnType<typeof createSessions<Record<string, unknown>>>;
let jar: CookieJar;
const stored = new Map<string, object>();

beforeEach(() => {
  sessions = createSessions<Record<string, unknown>>({
    backend: sqliteBackend({ path: ':memory:' }),
    secretKey: SECRET_KEY,
  });
  jar = new CookieJar();
});
afterEach(() => sessions.close());

const store = {
  get: (sid: string, callback: (error: unknown, session?: unknown) => void) =>
    callback(undefined, stored.get(sid)),
  destroy: (sid: string, callback: () => void) => {
    stored.delete(sid);
    callback();
  },
};

/** The cookie of a session in the store, as express-session makes it. */
function storedCookie(name: string, data: object): string {
  stored.set('old-sid', { cookie: {}, ...data });
  const mac = createHmac('sha256', SECRET).update('old-sid').digest('base64').replace(/=+$/, '');
  return `${name}=${encodeURIComponent(`s:old-sid.${mac}`)}; Path=/`;
}

/** A request of the browser; its session is what the handler gets. */
async function visit(
  importer: SessionImporter,
  handler: (session: ReturnType<typeof sessions.open>) => unknown,
): Promise<unknown> {
  const response = new Headers();
  const http = sessions.openForRequest(jar.header('/'), response, { importing: [importer] });
  await http.begin();
  let answer: unknown;
  try {
    answer = await handler(http.session);
  } finally {
    await http.finish(200);
    for (const cookie of response.getHeader('Set-Cookie') ?? []) jar.take(cookie, '/');
  }
  return answer;
}

const user = (session: ReturnType<typeof sessions.open>) => session.get('user');

describe('an old cookie of the same name as the new one', () => {
  it('is replaced by the key, and not removed after that', async () => {
    const importer = fromExpressSession({ name: 'sessionid', secret: SECRET, store });
    jar.take(storedCookie('sessionid', { user: 7 }), '/');
    expect(await visit(importer, user)).toBe(7);
    expect(jar.get('sessionid')).toMatch(/^[a-z0-9]{32}$/);
    expect(await visit(importer, user)).toBe(7);
  });

  it('is malformed only where no importer takes it', async () => {
    const importer = fromExpressSession({ name: 'sessionid', secret: SECRET, store });
    const reasons: string[] = [];
    sessions.events.on('rejected', ({ reason }) => reasons.push(reason));
    jar.take(storedCookie('sessionid', { user: 7 }), '/');
    await visit(importer, user);
    expect(reasons).toEqual([]);
    jar.take('sessionid=s%3Aold-sid.forged; Path=/', '/');
    await visit(importer, user);
    expect(reasons).toEqual(['malformed']);
  });

  it('is removed by a logout, also as the first thing that happens here', async () => {
    const importer = fromCookieSession({ name: 'sessionid', keys: [SECRET] });
    const value = Buffer.from('{"user":7}').toString('base64');
    const signature = createHmac('sha1', SECRET).update(`sessionid=${value}`).digest('base64url');
    jar.take(`sessionid=${value}; Path=/`, '/');
    jar.take(`sessionid.sig=${signature}; Path=/`, '/');
    await visit(importer, (session) => session.flush());
    expect(jar.header('/')).toBeUndefined();
  });
});

describe('an import while the secret key is being rotated', () => {
  const former = 'f0rmer-w9Kx3Rm7Tq2Vb5Nz8Yc4Hd6Jf1Lg0';
  type Keys = Pick<SessionsOptions, 'secretKey' | 'secretKeyFallbacks'>;
  const steps: [string, Keys, Keys][] = [
    ['added', { secretKey: former }, { secretKey: former, secretKeyFallbacks: [SECRET_KEY] }],
    [
      'swapped',
      { secretKey: former, secretKeyFallbacks: [SECRET_KEY] },
      { secretKey: SECRET_KEY, secretKeyFallbacks: [former] },
    ],
    ['dropped', { secretKey: SECRET_KEY, secretKeyFallbacks: [former] }, { secretKey: SECRET_KEY }],
  ];

  it.each(steps)('is one, in processes before and after a key is %s', async (_, ...both) => {
    const backend = sqliteBackend({ path: ':memory:' });
    const cookie = storedCookie('connect.sid', { user: 7, visits: 0 }).split(';', 1)[0];
    // The old store answers all before it is told to forget anything.
    let release: (() => void) | undefined;
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked = 0;
    const slow = {
      get(sid: string, callback: (error: unknown, session?: unknown) => void) {
        store.get(sid, (...answer) => void all.then(() => callback(...answer)));
        asked += 1;
        if (asked === 2) release?.();
      },
      destroy: store.destroy,
    };
    const importing = [fromExpressSession({ secret: SECRET, store: slow })];
    const processes = both.map((keys) =>
      createSessions<Record<string, unknown>>({ ...keys, backend }),
    );
    const keys = await Promise.all(
      processes.map(async (each) => {
        const http = each.openForRequest(cookie, new Headers(), { importing });
        await http.begin();
        http.session.change('visits', (visits) => Number(visits) + 1);
        await http.finish(200);
        return http.session.sessionKey;
      }),
    );
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(new Set(keys).size).toBe(1);
    for (const each of processes) {
      const session = each.open(keys[0]);
      await session.load();
      expect(Object.fromEntries(session.entries())).toEqual({ user: 7, visits: 2 });
    }
    const states: string[] = [];
    for await (const batch of processes[0]?.inspector.scan() ?? []) {
      states.push(...batch.sessions.map(({ state }) => state));
    }
    expect(states.sort()).toEqual(['cycled', 'live']);
    await backend.close();
  });
});

describe('a session that map cannot take', () => {
  it('fails its own request with what was thrown, and is no outage of the store', async () => {
    const importer = fromExpressSession({
      ...{ secret: SECRET, store },
      map: (data) => ({ user: (data.passport as { user: number }).user }),
    });
    jar.take(storedCookie('connect.sid', { cart: [] }), '/');
    for (let visits = 0; visits < 6; visits += 1) {
      await expect(visit(importer, user)).rejects.toMatchObject({
        name: 'SessionError',
        cause: { name: 'TypeError' },
      });
    }
    jar.take(storedCookie('connect.sid', { passport: { user: 7 } }), '/');
    expect(await visit(importer, user)).toBe(7);
  });
});
