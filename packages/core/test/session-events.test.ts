import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { SessionEventEmitter } from '../src/session-events.ts';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, memorySessions, SECRET_KEY } from './support/sqlite-sessions.ts';

const NAMES = [
  'created',
  'saved',
  'merged',
  'interrupted',
  'rejected',
  'unavailable',
  'breakerOpened',
  'breakerClosed',
  'cookieSkipped',
  'cacheControlChanged',
  'error',
] as const;

describe('events', () => {
  it('tell what happened, with a digest of the key, and never the key or the data', async () => {
    const { sessions } = memorySessions<Entries>({ maxDataBytes: 200 });
    const told: [string, object][] = [];
    for (const name of NAMES) sessions.events.on(name, (event: object) => told.push([name, event]));

    const session = sessions.open();
    session.set('password', 'hunter2');
    await session.save();
    const key = String(session.sessionKey);
    const stores = [sessions.open(key), sessions.open(key), sessions.open(key)];
    for (const [i, store] of stores.entries()) store.set(`k${i}`, 'hunter2');
    // The second and the third wait for the first, and share a write.
    await Promise.all(stores.map((store) => store.save()));
    const late = sessions.open(key);
    late.set('a', 'hunter3');
    await session.cycleKey();
    const successor = String(session.sessionKey);
    await late.save().catch(() => {});
    sessions.open(key).get('a');
    sessions.open('u'.repeat(32)).get('a');
    const malformed = sessions.openForRequest('sessionid=hunter2', {
      headersSent: false,
      getHeader: () => undefined,
      setHeader: () => undefined,
    });
    malformed.session.get('a');

    const digest = sessions.events.digest(key);
    expect(digest).toMatch(/^[0-9a-f]{8}$/);
    expect(sessions.events.digest(successor)).not.toBe(digest);
    expect(told).toEqual(
      expect.arrayContaining([
        ['created', { session: digest }],
        ['saved', { session: digest }],
        ['merged', { session: digest, attempts: 1, commits: 2 }],
        ['created', { session: sessions.events.digest(successor) }],
        ['rejected', { session: digest, reason: 'rotated' }],
        ['interrupted', { session: digest }],
        ['rejected', { session: sessions.events.digest('u'.repeat(32)), reason: 'unknown' }],
        ['rejected', { session: undefined, reason: 'malformed' }],
      ]),
    );
    const text = JSON.stringify(told);
    for (const secret of [key, successor, 'hunter', SECRET_KEY]) expect(text).not.toContain(secret);
  });

  it('have the failure of the backend as cause', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const cause = new Error('connection refused');
    backend.before = () => {
      throw cause;
    };
    const told: object[] = [];
    sessions.events.on('unavailable', (event) => told.push(event));
    await sessions
      .open('k'.repeat(32))
      .load()
      .catch(() => {});
    expect(told).toEqual([
      {
        session: sessions.events.digest('k'.repeat(32)),
        operation: 'load',
        reason: 'failed',
        ambiguous: false,
        cause,
      },
    ]);
  });

  it('tell once of a call that fails after its deadline', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const options = { backend, secretKey: SECRET_KEY, now, operationTimeoutMs: 20 };
    const sessions = createSessions<Entries>(options);
    const told: object[] = [];
    sessions.events.on('unavailable', (event) => told.push(event));
    let fail = (_: Error): void => {};
    backend.before = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const saving = sessions.open().set('a', 1).save();
    await expect(saving).rejects.toMatchObject({ name: 'BackendUnavailable', ambiguous: true });
    fail(new Error('connection reset'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([expect.objectContaining({ operation: 'create', ambiguous: true })]);
  });

  it('have a digest that nobody can make without the secret key', () => {
    const key = 'k'.repeat(32);
    const [one, two] = [new SessionEventEmitter('one'), new SessionEventEmitter('two')];
    expect(one.digest(key)).toBe(new SessionEventEmitter('one').digest(key));
    expect(one.digest(key)).not.toBe(two.digest(key));
  });

  it('reach every listener and break no commit when a listener throws', async () => {
    const { sessions } = memorySessions<Entries>();
    const failure = new Error('a bad listener');
    const reached: string[] = [];
    const told: unknown[] = [];
    sessions.events.on('created', () => {
      throw failure;
    });
    sessions.events.on('created', () => reached.push('second'));
    sessions.events.on('error', ({ cause }) => told.push(cause));
    const session = sessions.open();
    session.set('a', 1);
    await session.save();
    expect(sessions.open(session.sessionKey).get('a')).toBe(1);
    expect(reached).toEqual(['second']);
    expect(told).toEqual([failure]);
  });

  it('break nothing when a listener that is asynchronous fails, which is an event too', async () => {
    const events = new SessionEventEmitter('secret');
    const failure = new Error('a bad listener');
    const told: unknown[] = [];
    const fail = async () => {
      throw failure;
    };
    // Without a listener for errors, and with one that fails as well: no rejection goes unhandled.
    events.on('saved', fail as () => void);
    events.tell('saved', 'k', {});
    await new Promise((resolve) => setImmediate(resolve));
    events.on('error', ({ cause }) => told.push(cause));
    events.on('error', fail as () => void);
    events.tell('saved', 'k', {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([failure]);
  });

  it('break nothing when the listener for errors throws too, or when there is none', () => {
    const events = new SessionEventEmitter('secret');
    const fail = () => {
      throw new Error('a bad listener');
    };
    events.on('saved', fail);
    expect(() => events.tell('saved', 'k', {})).not.toThrow();
    events.on('error', fail);
    expect(() => events.tell('saved', 'k', {})).not.toThrow();
    expect(() => new SessionEventEmitter('secret').tell('error', 'k', { cause: 1 })).not.toThrow();
  });

  it('are told once to a listener that asked for one', async () => {
    const events = new SessionEventEmitter('secret');
    const told: unknown[] = [];
    events.once('saved', (event) => told.push(event));
    const waiting = once(events, 'saved');
    events.tell('saved', 'k', {});
    events.tell('saved', 'k', {});
    expect(told).toEqual([{ session: events.digest('k') }]);
    expect(await waiting).toEqual(told);
    expect(events.listenerCount('saved')).toBe(0);
  });

  it('reach every listener although one removes itself', () => {
    const events = new SessionEventEmitter('secret');
    const told: number[] = [];
    const first = () => {
      events.off('saved', first);
      told.push(1);
    };
    events.on('saved', first);
    events.on('saved', () => told.push(2));
    events.tell('saved', 'k', {});
    events.tell('saved', 'k', {});
    expect(told).toEqual([1, 2, 2]);
  });

  it('are published on a diagnostics channel of their name, without listeners too', async () => {
    const { sessions } = memorySessions<Entries>();
    const published: [string | symbol, unknown][] = [];
    const listen = (event: unknown, name: string | symbol) => published.push([name, event]);
    for (const name of NAMES) subscribe(`coatcheck:${name}`, listen);
    try {
      const session = sessions.open();
      session.set('a', 1);
      await session.save();
      sessions.open('u'.repeat(32)).get('a');
      const digest = sessions.events.digest(String(session.sessionKey));
      expect(published).toEqual([
        ['coatcheck:created', { session: digest }],
        [
          'coatcheck:rejected',
          { session: sessions.events.digest('u'.repeat(32)), reason: 'unknown' },
        ],
      ]);
    } finally {
      for (const name of NAMES) unsubscribe(`coatcheck:${name}`, listen);
    }
  });

  it('reach who subscribes while nobody had listened for long', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const { sessions } = memorySessions<Entries>();
    let heard = 0;
    const listen = () => {
      heard += 1;
    };
    for (let round = 1; round <= 10; round += 1) {
      sessions.open('u'.repeat(32)).get('a');
      await new Promise(setImmediate);
      collectGarbage();
      subscribe('coatcheck:rejected', listen);
      // Node removes what it collected now.
      await new Promise((resolve) => setTimeout(resolve, 1));
      sessions.open('u'.repeat(32)).get('a');
      unsubscribe('coatcheck:rejected', listen);
      expect(heard).toBe(round);
    }
  });
});
