import {
  createSessions,
  type ExpiryReader,
  type StoredSession,
  TimestampSigner,
} from '@coatcheck/core';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { SALT, SECRET_KEY } from './support/sqlite-sessions.ts';

/** A backend that keeps no expiry, but the time of the last write. */
class UndatedBackend extends MemoryBackend implements ExpiryReader {
  endOf: (stored: StoredSession) => Date = () => new Date(0);
  modifiedAt: Date | undefined;

  useExpiry(endOf: (stored: StoredSession) => Date): void {
    this.endOf = endOf;
  }

  override load(key: string): StoredSession | undefined {
    const record = this.records.get(key);
    const { modifiedAt } = this;
    return record && modifiedAt && { data: record.data, base: record.data, modifiedAt };
  }
}

let clock: Clock;
let backend: UndatedBackend;
beforeEach(() => {
  clock = createClock();
  backend = new UndatedBackend({ now: clock.now });
});

const open = (options = {}) =>
  createSessions<Record<string, unknown>>({
    backend,
    secretKey: SECRET_KEY,
    now: clock.now,
    ...options,
  });

/** Stores a session now; how many seconds from now it ends, as the backend is told. */
async function ends(entries: Record<string, unknown>, options = {}): Promise<number> {
  const session = open(options).open();
  session.update(entries);
  await session.save();
  backend.modifiedAt = clock.now();
  const stored = backend.load(String(session.sessionKey)) as StoredSession;
  return (backend.endOf(stored).getTime() - clock.now().getTime()) / 1000;
}

describe('a backend that keeps no expiry', () => {
  it('is told when a record ends: by its own expiry, the age of the cookie and the timeouts', async () => {
    expect(await ends({})).toBe(1_209_600);
    expect(await ends({ _session_expiry: 60 })).toBe(60);
    expect(await ends({ _session_expiry: 0 })).toBe(1_209_600);
    expect(await ends({ _session_expiry: -5 })).toBe(-5);
    expect(await ends({ _session_expiry: '2023-11-14T22:14:20+00:00' })).toBe(60);
    expect(await ends({}, { idleTimeout: 100 })).toBe(100);
    expect(await ends({}, { absoluteTimeout: 1000 })).toBe(1000);
  });

  it('is told that what is no session ends as one without an expiry of its own', () => {
    open({ cookie: { age: 1000 }, idleTimeout: 100 });
    for (const data of ['', 'garbage', '\xff', '{}', 'e30:1r31eq:x']) {
      const modifiedAt = new Date(5_000_000);
      expect(backend.endOf({ data, base: data, modifiedAt })).toEqual(new Date(5_100_000));
    }
  });

  it('loads no session that has ended, and one whose expiry cannot be read like one without', async () => {
    const session = open().open();
    session.set('a', 1);
    await session.save();
    backend.modifiedAt = clock.now();
    expect(await open().exists(String(session.sessionKey))).toBe(true);
    clock.advance(1_209_600);
    expect(await open().exists(String(session.sessionKey))).toBe(false);

    const signer = new TimestampSigner({ key: SECRET_KEY, salt: SALT });
    const json = '{"a":1,"_session_expiry":"nonsense"}';
    const data = signer.signText(json, { compress: false, now: clock.now() });
    const key = 'a'.repeat(32);
    backend.records.set(key, { key, data, expiresAt: clock.now(), attributes: {} });
    backend.modifiedAt = clock.now();
    expect(await open().exists(key)).toBe(true);
    clock.advance(1_209_600);
    expect(await open().exists(key)).toBe(false);
  });

  it('keeps the marker of a cycled key for a minute', async () => {
    const session = open().open();
    session.set('a', 1);
    await session.save();
    const key = String(session.sessionKey);
    backend.modifiedAt = clock.now();
    await session.cycleKey();
    const marker = backend.load(key) as StoredSession;
    expect(backend.endOf(marker)).toEqual(new Date(clock.now().getTime() + 60_000));
    expect(backend.records.get(key)?.expiresAt).toEqual(backend.endOf(marker));
  });
});
