import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { createSessions, type OperationTrace } from '@coatcheck/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, SECRET_KEY } from './support/sqlite-sessions.ts';

const channels = tracingChannel<unknown, OperationTrace>('coatcheck:operation');

async function createPlace(answers: 'synchronously' | 'later') {
  const { now } = createClock();
  const backend = new MemoryBackend({ now, answers });
  const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
  const session = sessions.open();
  session.set('a', 'canary');
  await session.save();
  return { backend, sessions, key: String(session.sessionKey) };
}

describe('the tracing channel coatcheck:operation', () => {
  let stop = (): void => {};
  afterEach(() => stop());

  function listen() {
    const told: [string, OperationTrace, unknown][] = [];
    const on = (name: string) => (trace: OperationTrace) =>
      void told.push([name, trace, trace.error]);
    const subscribers = {
      start: on('start'),
      end: on('end'),
      asyncStart: on('asyncStart'),
      asyncEnd: on('asyncEnd'),
      error: on('error'),
    };
    channels.subscribe(subscribers);
    stop = () => channels.unsubscribe(subscribers);
    return told;
  }

  it.each(['synchronously', 'later'] as const)(
    'tells of each call of a backend that answers %s, without keys and data',
    async (answers) => {
      const { sessions, key } = await createPlace(answers);
      const told = listen();
      const session = sessions.open(key);
      await session.load();
      expect(session.get('a')).toBe('canary');
      expect(told.map(([name]) => name)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
      const [, trace] = told[0] ?? [];
      expect(trace).toEqual({
        operation: 'load',
        backend: 'MemoryBackend',
        session: sessions.events.digest(key),
      });
      // One object per call, so that a subscriber can keep what belongs to it.
      expect(new Set(told.map(([, each]) => each)).size).toBe(1);

      session.set('a', 'canary 2');
      await session.save();
      await session.cycleKey();
      await session.flush();
      const starts = told.filter(([name]) => name === 'start');
      expect(starts.map(([, { operation }]) => operation)).toEqual([
        ...['load', 'update', 'create', 'update', 'delete'],
      ]);
      const shown = inspect(told, { depth: Infinity, showHidden: true });
      expect(shown).not.toContain('canary');
      expect(shown).not.toContain(key);
    },
  );

  it.each(['synchronously', 'later'] as const)(
    'tells what a call failed with, of a backend that answers %s',
    async (answers) => {
      const { backend, sessions, key } = await createPlace(answers);
      backend.before = () => {
        throw new Error('connection refused');
      };
      const told = listen();
      await sessions
        .open(key)
        .load()
        .catch(() => {});
      const names = ['start', 'error', 'end', 'asyncStart', 'asyncEnd'];
      expect(told.map(([name]) => name).sort()).toEqual(names.sort());
      expect(told.at(-1)).toMatchObject([
        'asyncEnd',
        { operation: 'load' },
        { name: 'BackendUnavailable', cause: { message: 'connection refused' } },
      ]);
    },
  );

  it('carries a store into the call', async () => {
    const { backend, sessions, key } = await createPlace('later');
    const storage = new AsyncLocalStorage<OperationTrace>();
    const found: unknown[] = [];
    backend.before = async (operation) => {
      await Promise.resolve();
      found.push([operation, storage.getStore()?.operation]);
    };
    channels.start.bindStore(storage, (trace) => trace);
    try {
      await sessions.open(key).load();
    } finally {
      channels.start.unbindStore(storage);
    }
    expect(found).toEqual([['load', 'load']]);
  });
});
