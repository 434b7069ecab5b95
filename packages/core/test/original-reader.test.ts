import {
  type Awaitable,
  createSessions,
  type OriginalReader,
  type StoredSession,
} from '@coatcheck/core';
import { expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { SECRET_KEY } from './support/sqlite-sessions.ts';

/** A backend whose copies never notice that a session has ended. */
class CopyingBackend extends MemoryBackend implements OriginalReader {
  readonly copies = new Map<string, Awaitable<StoredSession | undefined>>();

  override load(key: string): Awaitable<StoredSession | undefined> {
    const found = this.copies.get(key) ?? super.load(key);
    this.copies.set(key, found);
    return found;
  }

  loadOriginal(key: string): Awaitable<StoredSession | undefined> {
    return super.load(key);
  }
}

it('asks a backend that keeps copies for the original, where the answer has to be certain', async () => {
  const { now } = createClock();
  const backend = new CopyingBackend({ now, answers: 'synchronously' });
  const sessions = createSessions<{ a: number }>({ backend, secretKey: SECRET_KEY, now });
  const session = sessions.open();
  session.set('a', 1);
  await session.save();
  const key = String(session.sessionKey);
  expect(sessions.open(key).has('a')).toBe(true);
  expect(await sessions.exists(key)).toBe(true);

  backend.records.delete(key);
  expect(sessions.open(key).has('a')).toBe(true);
  expect(await sessions.exists(key)).toBe(false);
});
