import { request } from 'node:http';
import { createSessions, type SessionBackend, type Sessions } from '@coatcheck/core';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ShopSession } from '../src/shop-context.ts';
import { type ShopInMemory, serveShop, serveShopInMemory } from './served-shop.ts';
import { Visitor } from './visitor.ts';

let shop: ShopInMemory;
let sessions: Sessions<ShopSession>;
let origin: string;

beforeEach(async () => {
  shop = await serveShopInMemory();
  ({ sessions, origin } = shop);
});

afterEach(() => shop.close());

describe('the stream of the session page', () => {
  it('tells what changes, and that the session has ended', async () => {
    const visitor = new Visitor(origin);
    expect((await visitor.get('/session/events')).status).toBe(404);
    await visitor.post('/cart/add', { product: 'wool-coat' });
    const response = await visitor.get('/session/events');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const events = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (text: string): Promise<string> => {
      let heard = '';
      while (!heard.includes(text)) {
        const { value, done } = (await events?.read()) ?? { done: true };
        if (done) throw new Error(`The stream ended without ${text}.`);
        heard += value;
      }
      return heard;
    };
    expect(await until('wool-coat')).not.toContain(visitor.cookie);
    await visitor.post('/cart/add', { product: 'gloves' });
    await until('gloves');
    await visitor.post('/cart/add', { product: 'umbrella' });
    await until('umbrella');
    await sessions.delete(visitor.cookie ?? '');
    // Nobody tells of another process's doing; the next look finds it, as does any event.
    sessions.events.tell('saved', visitor.cookie, {});
    await until('event: ended');
    expect(await events?.read()).toMatchObject({ done: true });
  });

  it('follows nobody who has left before it began', async () => {
    const held: (() => void)[] = [];
    const asked = { isHeld: false, loads: 0 };
    const inner = sqliteBackend({ path: ':memory:' });
    const backend: SessionBackend = new Proxy(inner, {
      get(target, name) {
        if (name === 'answers') return 'later';
        const value = Reflect.get(target, name, target);
        if (name !== 'load') return typeof value === 'function' ? value.bind(target) : value;
        return async (key: string) => {
          asked.loads += 1;
          if (asked.isHeld) await new Promise<void>((resolve) => held.push(resolve));
          return target.load(key);
        };
      },
    });
    const slow = await serveShop(
      createSessions<ShopSession>({
        backend,
        secretKey: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
        operationTimeoutMs: 30_000,
      }),
    );
    try {
      const visitor = new Visitor(slow.origin);
      await visitor.post('/cart/add', { product: 'wool-coat' });
      asked.isHeld = true;
      const leaving = request(`${slow.origin}/session/events`, {
        headers: { cookie: `sessionid=${visitor.cookie}` },
      });
      leaving.on('error', () => {}).end();
      while (held.length === 0) await visitor.get('/base.css');
      leaving.destroy();
      await new Promise((resolve) => leaving.once('close', resolve));
      // Requests that the server answers after it has seen the other one leave.
      for (let i = 0; i < 5; i += 1) await visitor.get('/base.css');
      asked.isHeld = false;
      held[0]?.();
      for (let i = 0; i < 5; i += 1) await visitor.get('/base.css');
      const { loads } = asked;
      slow.sessions.events.tell('saved', visitor.cookie, {});
      expect(asked.loads).toBe(loads);
    } finally {
      await slow.close();
    }
  });
});
