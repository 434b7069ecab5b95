import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ATTRIBUTES, count, read, startDelayed, startWithSession, write } from '../seeded-site.ts';
import { closeSites, gate, type Handler, KEY, startSite } from '../test-site.ts';

afterEach(closeSites);

describe('a backend that answers later', () => {
  it('is asked once, before the handlers run', async () => {
    const { site, backend } = await startDelayed((ctx) => {
      ctx.body = [backend.calls.load, ctx.session.get('a'), ctx.session.get('b', 'none')];
    });
    expect(JSON.parse((await site.request({ key: KEY })).body)).toEqual([1, 1, 'none']);
    expect(backend.calls.load).toBe(1);
  });

  it('is asked once where the handler calls load() as well', async () => {
    const { site, backend } = await startDelayed(async (ctx) => {
      await ctx.session.load();
      await ctx.session.load();
      ctx.body = [ctx.session.get('a')];
    });
    expect((await site.request({ key: KEY })).body).toBe('[1]');
    expect(backend.calls.load).toBe(1);
  });

  it('is not asked without a cookie', async () => {
    const { site, backend } = await startDelayed(read);
    await site.request();
    expect(backend.calls.load).toBe(0);
  });

  it('holds up the handler until it has answered', async () => {
    const { site, backend } = await startDelayed(read);
    const { promise, open } = gate();
    backend.until = promise;
    const answered: string[] = [];
    const answer = site.request({ key: KEY }).finally(() => answered.push('answered'));
    while (backend.calls.load === 0) await new Promise(setImmediate);
    expect(answered).toEqual([]);
    open();
    expect((await answer).body).toBe('1');
  });

  it('that fails answers a route that leaves its session alone', async () => {
    const { site, backend } = await startDelayed(() => {});
    backend.failures.load = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({
      ...{ status: 200, body: 'ok', setCookie: [], vary: undefined },
    });
    expect(site.errors).toEqual([]);
    expect(count(site, 'unavailable')).toBe(1);
  });

  it.each<[string, Handler]>([
    ['read', read],
    ['written', write],
    ['flushed', (ctx) => ctx.session.flush()],
    ['cycled', (ctx) => ctx.session.cycleKey()],
    ['saved', (ctx) => ctx.session.save()],
    ['loaded', (ctx) => ctx.session.load()],
  ])(
    'that fails answers 503 where the session is %s, and deletes no cookie',
    async (_, handler) => {
      const { site, backend } = await startDelayed(handler);
      backend.failures.load = new Error('down');
      expect(await site.request({ key: KEY })).toMatchObject({ status: 503, setCookie: [] });
      expect(site.rows()).toEqual({ [KEY]: { a: 1 } });
      backend.failures = {};
      expect((await site.request({ key: KEY })).status).toBe(200);
    },
  );

  it('that is too slow answers 503, and 200 where the session is left alone', async () => {
    const { site, backend } = await startDelayed((ctx) => (ctx.path === '/read' ? read(ctx) : {}), {
      settings: { operationTimeoutMs: 50 },
    });
    const { promise, open } = gate();
    backend.until = promise;
    expect(await site.request({ key: KEY, path: '/read' })).toMatchObject({
      ...{ status: 503, setCookie: [] },
    });
    expect((await site.request({ key: KEY })).status).toBe(200);
    open();
    expect((await site.request({ key: KEY, path: '/read' })).body).toBe('1');
  });

  it('keeps idle timeouts from failing a route that leaves its session alone', async () => {
    const { site, backend } = await startDelayed(() => {}, { settings: { idleTimeout: 1000 } });
    backend.failures.load = new Error('down');
    expect(await site.request({ key: KEY })).toMatchObject({ status: 200, setCookie: [] });
  });
});

describe('a client that goes away', () => {
  it('before the answer leaves what its request changed', async () => {
    const started = gate();
    const goOn = gate();
    const site = await startWithSession(async (ctx) => {
      started.open();
      await goOn.promise;
      ctx.session.set('b', 2);
      ctx.body = 'nobody reads this';
    });
    const saved = once(site.sessions.events, 'saved');
    const socket = net.connect(site.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nCookie: sessionid=${KEY}\r\n\r\n`);
    await started.promise;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    goOn.open();
    await saved;
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
    expect(site.errors).toEqual([]);
  });

  it('during a streamed body does not disturb the next request', async () => {
    const body = new PassThrough();
    const site = await startWithSession((ctx) => {
      ctx.session.set('b', 2);
      if (ctx.path === '/stream') ctx.body = body;
    });
    const socket = net.connect(site.port, '127.0.0.1');
    socket.write(`GET /stream HTTP/1.1\r\nHost: x\r\nCookie: sessionid=${KEY}\r\n\r\n`);
    body.write('first bytes');
    const [head] = await once(socket, 'data');
    expect(String(head)).toContain(`Set-Cookie: sessionid=${KEY}; ${ATTRIBUTES}`);
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    body.end();
    expect((await site.request({ key: KEY })).status).toBe(200);
    expect(site.rows()).toEqual({ [KEY]: { a: 1, b: 2 } });
  });
});

describe('HTTP/2', () => {
  it.each([
    ['/', 200],
    ['/missing', 404],
    ['/broken', 500],
  ])('has the same headers (%s)', async (route, status) => {
    const site = await startSite(async (ctx) => {
      ctx.session.set('b', 2);
      if (ctx.path === '/missing') ctx.throw(404);
      await ctx.session.save();
      if (ctx.path === '/broken') ctx.throw(500);
    });
    const server = http2.createServer(site.app.callback());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
    const [headers] = await once(client.request({ ':path': route }), 'response');
    expect(headers).toMatchObject({
      ...{ ':status': status, vary: 'Cookie', 'cache-control': 'no-store' },
      'set-cookie': [expect.stringMatching(/^sessionid=[a-z0-9]{32}; /)],
    });
    client.destroy();
    server.close();
  });
});
