import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { createSessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { typescriptLoader } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type Answer,
  closeSites,
  type Data,
  gate,
  type Handler,
  KEY,
  keyOf,
  request,
  SECRET_KEY,
  type Site,
  type SiteOptions,
  startSite,
} from './test-site.ts';

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  }
  await closeSites();
});

const REQUESTS = 1000;
/** Time for all the requests of one test, on a machine that has other things to do. */
const LONG = 60_000;
const TWO_WEEKS_MS = 1_209_600_000;

/** What the servers of other processes do as well. */
const serve: Handler = async ({ session, query, path: route }) => {
  if (route === '/set') session.set(String(query.key), 1);
  if (route === '/count') session.change('n', (n) => Number(n ?? 0) + 1);
  if (route === '/cycle') await session.cycleKey();
};

/** A site whose clock is as far as that of other processes, with a session under KEY. */
async function startNow(handler: Handler = serve): Promise<Site> {
  const site = await startSite(handler, {
    settings: { operationTimeoutMs: 30_000 },
    sqlite: { busyTimeoutMs: 25_000 },
  });
  site.clock.now = new Date();
  site.put(KEY, {}, new Date(site.clock.now.getTime() + TWO_WEEKS_MS));
  return site;
}

/** Ports of servers on the site's database: its own, or those of four processes. */
async function portsOf(site: Site, processes: number): Promise<number[]> {
  if (processes === 1) return [site.port];
  const here = import.meta.dirname;
  const started = Array.from({ length: processes }, async () => {
    const child = fork(path.join(here, 'server-process.ts'), [site.file, SECRET_KEY], {
      execArgv: ['--conditions=@coatcheck/source', '--import', typescriptLoader],
    });
    children.push(child);
    const [port] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (typeof port !== 'number' || child.exitCode !== null) throw new Error('No server started.');
    return port;
  });
  return Promise.all(started);
}

/** Sends all requests at once, to the ports in turn. */
async function sendAll(ports: number[], paths: string[], key = KEY): Promise<Answer[]> {
  const agent = new http.Agent({ keepAlive: true });
  try {
    return await Promise.all(
      paths.map((route, i) =>
        request(ports[i % ports.length] as number, agent, {
          ...{ path: route, headers: { cookie: `sessionid=${key}` } },
        }),
      ),
    );
  } finally {
    agent.destroy();
  }
}

function statusesOf(answers: Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function countRows(site: Site): number {
  return site.database.prepare('SELECT 1 FROM django_session').all().length;
}

describe.each([1, 4])('requests to %i process(es)', (processes) => {
  it(
    `a thousand at once that each set a key leave a thousand keys`,
    async () => {
      const site = await startNow();
      const ports = await portsOf(site, processes);
      const keys = Array.from({ length: REQUESTS }, (_, i) => `k${i}`);

      const answers = await sendAll(
        ports,
        keys.map((key) => `/set?key=${key}`),
      );

      expect(statusesOf(answers)).toEqual({ 200: REQUESTS });
      expect(new Set(answers.map((answer) => keyOf(answer)))).toEqual(new Set([KEY]));
      expect(site.rows()).toEqual({ [KEY]: Object.fromEntries(keys.map((key) => [key, 1])) });
      expect(countRows(site)).toBe(1);
    },
    LONG,
  );

  it(
    'a thousand at once that count with change() leave a thousand',
    async () => {
      const site = await startNow();
      const ports = await portsOf(site, processes);
      const answers = await sendAll(ports, Array(REQUESTS).fill('/count'));
      expect(statusesOf(answers)).toEqual({ 200: REQUESTS });
      expect(site.rows()).toEqual({ [KEY]: { n: REQUESTS } });
    },
    LONG,
  );

  it(
    'a hundred at once that cycle the key leave one successor and no stray session',
    async () => {
      const site = await startNow();
      const ports = await portsOf(site, processes);
      await sendAll(ports.slice(0, 1), ['/set?key=kept']);

      // All of them have loaded the session before the first cycles it, or find the marker.
      const answers = await sendAll(ports, Array(100).fill('/cycle'));

      expect(statusesOf(answers)).toEqual({ 200: 1, 400: 99 });
      const winner = answers.find(({ status }) => status === 200) as Answer;
      const losers = answers.filter((answer) => answer !== winner);
      expect(losers.flatMap(({ setCookie }) => setCookie)).toEqual([]);
      expect(keyOf(winner)).not.toBe(KEY);
      expect(site.rows()).toEqual({ [keyOf(winner) ?? '']: { kept: 1 } });
      // Beside the successor there is the marker of the old key, and nothing else.
      expect(countRows(site)).toBe(2);
      expect(site.sessions.open(KEY).get('kept')).toBeUndefined();
    },
    LONG,
  );
});

/** A handler that changes the session, tells that it has, and waits for the test before it ends. */
function waiting(change: Handler): { handler: Handler; changed: Promise<void>; goOn: () => void } {
  const changed = gate();
  const released = gate();
  const handler: Handler = async (ctx) => {
    await change(ctx);
    changed.open();
    await released.promise;
  };
  return { handler, changed: changed.promise, goOn: released.open };
}

describe('overlapping requests', () => {
  it('that set different keys both survive, whichever ends first', async () => {
    const slow = waiting((ctx) => ctx.session.set('slow', 1));
    const site = await startNow((ctx) =>
      ctx.path === '/slow' ? slow.handler(ctx) : ctx.session.set('fast', 2),
    );
    const slowAnswer = site.request({ key: KEY, path: '/slow' });
    await slow.changed;
    expect((await site.request({ key: KEY })).status).toBe(200);
    slow.goOn();
    expect(keyOf(await slowAnswer)).toBe(KEY);
    expect(site.rows()).toEqual({ [KEY]: { fast: 2, slow: 1 } });
  });

  it('that change different members of one object both survive', async () => {
    const slow = waiting((ctx) => {
      (ctx.session.get('cart') as Data).apples = 1;
    });
    const site = await startNow((ctx) => {
      if (ctx.path === '/make') ctx.session.set('cart', {});
      else if (ctx.path === '/slow') return slow.handler(ctx);
      else (ctx.session.get('cart') as Data).pears = 2;
      return undefined;
    });
    await site.request({ key: KEY, path: '/make' });
    const slowAnswer = site.request({ key: KEY, path: '/slow' });
    await slow.changed;
    await site.request({ key: KEY });
    slow.goOn();
    await slowAnswer;
    expect(site.rows()).toEqual({ [KEY]: { cart: { apples: 1, pears: 2 } } });
  });

  it('a login (cycleKey) takes along what a slower request had saved before', async () => {
    const login = waiting((ctx) => ctx.session.set('user', 1));
    const site = await startNow(async (ctx) => {
      if (ctx.path !== '/login') ctx.session.set('cart', 1);
      else {
        await login.handler(ctx);
        await ctx.session.cycleKey();
      }
    });
    const answer = site.request({ key: KEY, path: '/login' });
    await login.changed;
    expect((await site.request({ key: KEY })).status).toBe(200);
    login.goOn();
    const key = keyOf(await answer) ?? '';
    expect(key).not.toBe(KEY);
    expect(site.rows()).toEqual({ [key]: { cart: 1, user: 1 } });
  });

  it(
    'a logout beats a slow writer in a hundred of a hundred trials',
    async () => {
      let slow = waiting(() => {});
      const site = await startNow((ctx) =>
        ctx.path === '/slow' ? slow.handler(ctx) : ctx.session.flush(),
      );
      site.database.exec('DELETE FROM django_session');
      // A second connection stands for another process.
      const elsewhere = createSessions<Data>({
        ...{ secretKey: SECRET_KEY, now: () => site.clock.now },
        backend: sqliteBackend({ path: site.file, now: () => site.clock.now }),
      });
      const outcomes: unknown[] = [];
      for (let trial = 0; trial < 100; trial += 1) {
        const session = elsewhere.open();
        session.set('user', trial);
        await session.save();
        const key = session.sessionKey ?? '';
        slow = waiting((ctx) => ctx.session.set('late', trial));
        const slowAnswer = site.request({ key, path: '/slow' });
        await slow.changed;
        if (trial % 2 === 0) await site.request({ key, path: '/logout' });
        else await elsewhere.open(key).flush();
        slow.goOn();
        const { status, setCookie } = await slowAnswer;
        outcomes.push({ status, setCookie, rows: countRows(site) });
      }
      expect(outcomes).toEqual(Array(100).fill({ status: 400, setCookie: [], rows: 0 }));
      await elsewhere.close();
    },
    LONG,
  );

  it('a logout at the same moment as a hundred writers leaves no session', async () => {
    const site = await startNow((ctx) =>
      ctx.path === '/logout' ? ctx.session.flush() : serve(ctx),
    );
    const paths = Array.from({ length: 100 }, (_, i) => `/set?key=k${i}`);
    paths.splice(50, 0, '/logout');
    const answers = await sendAll([site.port], paths);
    const logout = answers.splice(50, 1)[0] as Answer;
    expect(logout.setCookie).toEqual([
      expect.stringContaining('sessionid=""; expires=Thu, 01 Jan 1970'),
    ]);
    // Those that came after the logout started sessions of their own: each has its cookie.
    const strays = answers.flatMap((answer) => keyOf(answer) ?? []).filter((key) => key !== KEY);
    expect(Object.keys(site.rows()).sort()).toEqual(strays.sort());
    expect(Object.keys(statusesOf(answers)).every((status) => /200|400/.test(status))).toBe(true);
    expect(await site.sessions.exists(KEY)).toBe(false);
  });
});

describe('late requests with a rotated key', () => {
  const calls: [string, Handler, number][] = [
    ['that read', (ctx) => ctx.session.get('user'), 200],
    ['that do nothing', () => {}, 200],
    ['that write', (ctx) => ctx.session.set('late', 1), 400],
    ['that write and save', (ctx) => ctx.session.set('late', 1).save(), 400],
    ['that create', (ctx) => ctx.session.create(), 400],
    ['that cycle the key', (ctx) => ctx.session.cycleKey(), 400],
    ['that flush', (ctx) => ctx.session.flush(), 400],
    [
      'that flush and write',
      async (ctx) => {
        await ctx.session.flush();
        ctx.session.set('late', 1);
      },
      400,
    ],
  ];

  it.each(calls)('%s send no cookie', async (_, call, status) => {
    const site = await startNow((ctx) =>
      ctx.path === '/login' ? ctx.session.cycleKey() : call(ctx),
    );
    const key = keyOf(await site.request({ key: KEY, path: '/login' })) ?? '';
    for (const seconds of [0, 59]) {
      site.clock.now = new Date(site.clock.now.getTime() + seconds * 1000);
      expect(await site.request({ key: KEY })).toMatchObject({ status, setCookie: [] });
      expect(site.rows()).toEqual({ [key]: {} });
    }
  });

  // `create` is not among them: it makes a session of its own and never asks for the old one.
  const depending = calls.slice(2).filter(([name]) => name !== 'that create');

  it.each(depending)('%s, and had begun before, send no cookie', async (_, call) => {
    const slow = waiting((ctx) => {
      ctx.session.get('user');
    });
    const site = await startNow(async (ctx) => {
      if (ctx.path === '/login') return ctx.session.cycleKey();
      await slow.handler(ctx);
      return call(ctx);
    });
    const late = site.request({ key: KEY });
    await slow.changed;
    const key = keyOf(await site.request({ key: KEY, path: '/login' })) ?? '';
    slow.goOn();
    expect(await late).toMatchObject({ status: 400, setCookie: [] });
    expect(site.rows()).toEqual({ [key]: {} });
  });

  it('that renew an idle timeout send no cookie', async () => {
    const site = await startSite(
      (ctx) => (ctx.path === '/login' ? ctx.session.cycleKey() : undefined),
      {
        settings: { saveEveryRequest: true },
      },
    );
    site.put(KEY, { a: 1 });
    const key = keyOf(await site.request({ key: KEY, path: '/login' })) ?? '';
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
    expect(site.rows()).toEqual({ [key]: { a: 1 } });
  });
});

describe('a response that was late, and had its cookie from save()', () => {
  const ways: [string, Handler][] = [
    ['login (cycleKey)', (ctx) => ctx.session.cycleKey()],
    ['logout (flush)', (ctx) => ctx.session.flush()],
  ];
  async function startLate(end: Handler, after: Handler, options: SiteOptions = {}) {
    const slow = waiting(async (ctx) => {
      ctx.cookies.set('theme', 'dark');
      ctx.session.set('late', 1);
      await ctx.session.save();
    });
    const site = await startSite(async (ctx) => {
      if (ctx.path === '/end') return end(ctx);
      await slow.handler(ctx);
      return after(ctx);
    }, options);
    site.put(KEY, { a: 1 });
    const answering = site.request({ key: KEY });
    await slow.changed;
    const ended = await site.request({ key: KEY, path: '/end' });
    slow.goOn();
    const answer = await answering;
    // The other cookies of the response stay.
    expect(answer.setCookie.filter((cookie) => cookie.startsWith('theme=dark'))).toHaveLength(
      answer.status === 200 ? 1 : 0,
    );
    const key = keyOf(ended) ?? '';
    const rows = key.length === 32 ? { [key]: { a: 1, late: 1 } } : {};
    expect(site.rows()).toEqual(rows);
    return answer;
  }

  it.each(ways)('and came after a %s sends no cookie', async (_, end) => {
    for (const saveEveryRequest of [false, true]) {
      const answer = await startLate(end, () => {}, { settings: { saveEveryRequest } });
      expect([answer.status, keyOf(answer)]).toEqual([200, undefined]);
    }
  });

  it.each(ways)('and writes again after a %s: 400 and no cookie', async (_, end) => {
    const answer = await startLate(end, (ctx) => ctx.session.set('later', 2));
    expect([answer.status, keyOf(answer)]).toEqual([400, undefined]);
  });

  it.each(ways)("and writes again after a %s, with 'discard': no cookie", async (_, end) => {
    const answer = await startLate(end, (ctx) => ctx.session.set('later', 2), {
      settings: { onInterrupted: 'discard' },
    });
    expect([answer.status, keyOf(answer)]).toEqual([200, undefined]);
  });

  it.each(ways)('and fails after a %s: no cookie', async (_, end) => {
    for (const status of [404, 500]) {
      const answer = await startLate(end, (ctx) => ctx.throw(status));
      expect([answer.status, keyOf(answer)]).toEqual([status, undefined]);
    }
  });
});
