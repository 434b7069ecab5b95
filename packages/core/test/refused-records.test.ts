import {
  createSessions,
  SessionInterrupted,
  type SessionRecord,
  type Sessions,
  type StoredSession,
  UpdateError,
} from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, SECRET_KEY } from './support/sqlite-sessions.ts';

describe('a record that the backend refuses to decode', () => {
  const REFUSED = 'a pickle that needs datetime.datetime';

  function createPlace(refused = REFUSED) {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const told: object[] = [];
    sessions.events.on('rejected', (event) => told.push(event));
    /** From now on the records that exist are refused, though they would be good otherwise. */
    const refuse = () => {
      const { load, update } = backend;
      const keys = new Set(backend.records.keys());
      const refusing = (key: string, found: StoredSession | undefined) =>
        found && keys.has(key) ? { ...found, refused } : found;
      backend.load = async (key) => refusing(key, await load.call(backend, key));
      backend.update = (record, base) =>
        update.call(backend, record, base).catch((error) => {
          throw error instanceof UpdateError
            ? new UpdateError('changed', refusing(record.key, error.current))
            : error;
        });
    };
    return { backend, sessions, told, refuse };
  }

  async function stored(sessions: Sessions<Entries>): Promise<string> {
    const session = sessions.open().set('a', 1);
    await session.save();
    return String(session.sessionKey);
  }

  it('is an empty session, an event with the detail, and a later write gets a new key', async () => {
    const { backend, sessions, told, refuse } = createPlace();
    const key = await stored(sessions);
    refuse();
    const session = sessions.open(key);
    await session.load();
    expect(session.entries()).toEqual([]);
    expect(session.sessionKey).toBeNull();
    const rejected = { session: sessions.events.digest(key), reason: 'corrupt', detail: REFUSED };
    expect(told).toEqual([rejected]);
    expect(await sessions.exists(key)).toBe(false);
    const untouched = backend.records.get(key);
    session.set('b', 2);
    await session.save();
    expect(session.sessionKey).not.toBe(key);
    expect(backend.records.get(key)).toBe(untouched);
    expect(backend.records.size).toBe(2);
    expect(await sessions.delete(key)).toBe(true);
    expect(backend.records.has(key)).toBe(false);
  });

  it('interrupts a write that meets it, and can be ended all the same', async () => {
    const { sessions, told, refuse } = createPlace();
    const key = await stored(sessions);
    const [late, other] = [sessions.open(key), sessions.open(key)];
    await Promise.all([late.load(), other.load()]);
    await other.set('b', 2).save();
    refuse();
    await expect(late.set('c', 3).save()).rejects.toThrow(SessionInterrupted);
    expect(told).toEqual([expect.objectContaining({ reason: 'corrupt', detail: REFUSED })]);
    expect(await sessions.delete(key)).toBe(true);
  });

  it('tells no more than a few words of it', async () => {
    const { sessions, told, refuse } = createPlace(`a pickle that needs ${'x'.repeat(10_000)}`);
    const key = await stored(sessions);
    refuse();
    await sessions.open(key).load();
    expect(JSON.stringify(told).length).toBeLessThan(300);
  });

  it('is told of without a detail where the backend refused nothing', async () => {
    const { backend, sessions, told } = createPlace();
    const key = await stored(sessions);
    backend.records.set(key, { ...(backend.records.get(key) as SessionRecord), data: 'garbage' });
    await sessions.open(key).load();
    expect(told).toEqual([{ session: sessions.events.digest(key), reason: 'tampered' }]);
  });
});
