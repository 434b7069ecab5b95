import type { InspectedSession, Sessions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { type Entries, memorySessions } from './support/sqlite-sessions.ts';

async function store(sessions: Sessions<Entries>, entries: Record<string, unknown>) {
  const session = sessions.open();
  session.update(entries);
  await session.save();
  return session;
}

async function all(sessions: Sessions<Entries>): Promise<InspectedSession[]> {
  const found: InspectedSession[] = [];
  for await (const batch of sessions.inspector.scan()) found.push(...batch.sessions);
  return found;
}

describe('sessions.inspector', () => {
  it('says what each record is, and tells nobody', async () => {
    const { sessions, clock } = memorySessions();
    const short = await store(sessions, { n: 1 });
    short.setExpiry(10);
    await short.save();
    const cycled = await store(sessions, { _auth_user_id: 7, n: 2 });
    await cycled.cycleKey();
    await cycled.save();
    clock.advance(11);
    const told: unknown[] = [];
    sessions.events.on('rejected', (event) => told.push(event));
    const found = await all(sessions);
    expect(found.map(({ state }) => state).sort()).toEqual(['cycled', 'expired', 'live']);
    const live = found.find(({ state }) => state === 'live');
    expect(live).toMatchObject({ key: cycled.sessionKey, account: '7' });
    expect(Object.fromEntries(live?.entries ?? [])).toEqual({ _auth_user_id: '7', n: '2' });
    expect(told).toEqual([]);
    await sessions.close();
  });

  it('ends what is still meant when it was changed meanwhile, and nothing else', async () => {
    const { sessions } = memorySessions();
    const session = await store(sessions, { role: 'guest' });
    const isGuest = ({ entries }: InspectedSession) => entries.get('role') === '"guest"';
    const [found] = await all(sessions);
    session.set('role', 'admin');
    await session.save();
    expect(found && (await sessions.inspector.revoke(found, isGuest))).toBe(false);
    expect(await sessions.exists(String(session.sessionKey))).toBe(true);
    expect(found && (await sessions.inspector.revoke(found))).toBe(true);
    expect(await sessions.exists(String(session.sessionKey))).toBe(false);
    await sessions.close();
  });

  it('finds by digest where keys are hashed', async () => {
    const { sessions } = memorySessions({ hashKeys: true });
    const session = await store(sessions, { n: 1 });
    const [found] = await all(sessions);
    expect(found?.key).toMatch(/^[a-f0-9]{64}$/);
    for (const name of [found?.key, found?.handle, session.sessionKey]) {
      expect((await sessions.inspector.find(String(name)))?.handle).toBe(found?.handle);
    }
    expect(await sessions.inspector.find('f'.repeat(64))).toBeUndefined();
    await sessions.close();
  });

  it('takes a session for which the function of the application fails for one of nobody', async () => {
    const account = (): string => {
      throw new Error('not written for this');
    };
    const { sessions } = memorySessions();
    const session = await store(sessions, { n: 1 });
    const { sessions: other } = memorySessions({ account });
    expect(await all(other)).toEqual([]);
    expect((await sessions.inspector.find(String(session.sessionKey)))?.account).toBeUndefined();
    await Promise.all([sessions.close(), other.close()]);
  });
});
