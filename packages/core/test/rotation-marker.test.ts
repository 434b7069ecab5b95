import { createSessions, type SessionBackend, SessionInterrupted } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import {
  memorySessions,
  putRaw,
  SECRET_KEY,
  signed,
  storedJson,
} from './support/sqlite-sessions.ts';

/** A session that was cycled, and what is left under its old key. */
async function cycled() {
  const place = memorySessions();
  const session = place.sessions.open();
  await session.set('cart', ['coat']).save();
  const old = String(session.sessionKey);
  await session.cycleKey();
  return { ...place, old, marker: await storedJson(place.backend, old) };
}

/** The backend as a plain object, some of whose methods may be replaced. */
function methodsOf(backend: SessionBackend): SessionBackend {
  return {
    encoding: backend.encoding,
    answers: 'later',
    load: (key) => backend.load(key),
    create: (record) => backend.create(record),
    update: (record, base) => backend.update(record, base),
    touch: (record, base) => backend.touch(record, base),
    delete: (key, base) => backend.delete(key, base),
    clearExpired: (options) => backend.clearExpired(options ?? {}),
    close: () => backend.close(),
  };
}

/** Puts text as a Django would write it under a key: with two weeks to live. */
async function writtenByDjango(
  { backend, clock }: Awaited<ReturnType<typeof cycled>>,
  json: string,
) {
  return putRaw(backend, signed(json, clock.now()), clock.now());
}

describe('the marker of a cycled key', () => {
  it('has one entry, which shortens no session that Django makes of it', async () => {
    const { marker } = await cycled();
    expect(Object.keys(JSON.parse(marker))).toEqual(['_session_rotated']);
  });

  it('that Django has moved to a new key at a login is the session of that login', async () => {
    const place = await cycled();
    const json = `${place.marker.slice(0, -1)},"_auth_user_id":"7"}`;
    const session = place.sessions.open(await writtenByDjango(place, json));
    expect([...session.keys()]).toEqual(['_auth_user_id']);
    expect(session.getExpiryAge()).toBe(1_209_600);
    const key = String(session.sessionKey);
    await session.set('cart', ['hat']).save();
    expect(await storedJson(place.backend, key)).toBe('{"_auth_user_id":"7","cart":["hat"]}');
  });

  it('that Django has only saved again is none any more after a while', async () => {
    const place = await cycled();
    const key = await writtenByDjango(place, place.marker);
    const late = place.sessions.open(key);
    await expect(late.set('cart', []).save()).rejects.toBeInstanceOf(SessionInterrupted);
    place.clock.advance(60 + 600);
    const later = place.sessions.open(key);
    await later.set('cart', ['hat']).save();
    expect(later.sessionKey).not.toBe(key);
  });

  it('is one as long as its place has it, by whichever clock', async () => {
    const { sessions, backend, old, clock } = await cycled();
    const ahead = createSessions({
      backend: { ...methodsOf(backend), load: async () => kept },
      secretKey: SECRET_KEY,
      now: () => new Date(clock.now().getTime() + 300_000),
    });
    const kept = await backend.load(old);
    const late = ahead.open(old);
    await late.load();
    await expect(late.set('cart', []).save()).rejects.toBeInstanceOf(SessionInterrupted);
    expect(await sessions.exists(old)).toBe(false);
  });

  it.each(['true', '"x"', '{}', '"0123456789abcdef@"', 'null'])(
    'that nobody here has written is that of no session: %s',
    async (text) => {
      const place = await cycled();
      const key = await writtenByDjango(place, `{"_session_rotated":${text}}`);
      const session = place.sessions.open(key);
      expect(session.size).toBe(0);
      await session.set('cart', ['hat']).save();
      expect(session.sessionKey).not.toBe(key);
    },
  );
});
