import { createSessions, type SessionRecord } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, SECRET_KEY } from './support/sqlite-sessions.ts';

/** A backend that notes of which record each one is the continuation. */
class NotingBackend extends MemoryBackend {
  readonly origins: [operation: string, origin: string | undefined][] = [];

  override create(record: SessionRecord, origin?: string) {
    this.origins.push(['create', origin]);
    return super.create(record);
  }

  override update(record: SessionRecord, base: string, origin?: string) {
    this.origins.push(['update', origin]);
    return super.update(record, base);
  }
}

describe('a backend is told which record a new one continues', () => {
  async function createPlace() {
    const { now } = createClock();
    const backend = new NotingBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open().set('a', 1);
    await session.save();
    const key = String(session.sessionKey);
    const base = String(backend.records.get(key)?.data);
    expect(backend.origins.splice(0)).toEqual([['create', undefined]]);
    return { backend, sessions, key, base };
  }

  it('by cycleKey', async () => {
    const { backend, sessions, key, base } = await createPlace();
    await sessions.open(key).cycleKey();
    expect(backend.origins).toEqual([
      ['create', base],
      ['update', undefined],
    ]);
  });

  it('by cycleKey that merges what others wrote meanwhile into the successor', async () => {
    const { backend, sessions, key, base } = await createPlace();
    const session = sessions.open(key);
    await session.load();
    await sessions.open(key).set('b', 2).save();
    const newer = String(backend.records.get(key)?.data);
    backend.origins.length = 0;
    await session.cycleKey();
    expect(backend.origins).toEqual([
      ['create', base],
      ['update', undefined],
      ['update', newer],
      ['update', undefined],
    ]);
    expect(session.entries()).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('by create, which copies a session that was loaded', async () => {
    const { backend, sessions, key, base } = await createPlace();
    const session = sessions.open(key);
    await session.load();
    await session.create();
    expect(backend.origins).toEqual([['create', base]]);
  });

  it('and that an update goes on with the one it replaces', async () => {
    const { backend, sessions, key } = await createPlace();
    await sessions.open(key).set('b', 2).save();
    expect(backend.origins).toEqual([['update', undefined]]);
  });
});
