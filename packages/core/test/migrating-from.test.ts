import {
  BackendUnavailable,
  createSessions,
  ImproperlyConfigured,
  type SessionBackend,
  SessionInterrupted,
  type Sessions,
  type SessionsOptions,
} from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { dying } from './support/dying.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, SECRET_KEY } from './support/sqlite-sessions.ts';
import { read, start } from './support/stores.ts';

const OLD_SECRET = 'an0ther-key-of-former-times-x7Qm2';
const clock = createClock();
const { now } = clock;

/** Two places, and processes that know them. */
function places(options: Partial<SessionsOptions> = {}, former: Partial<SessionsOptions> = {}) {
  const oldPlace = new MemoryBackend({ now });
  const newPlace = new MemoryBackend({ now, encoding: 'serialized' });
  const settings = { secretKey: SECRET_KEY, now, ...options };
  const { secretKey, secretKeyFallbacks, hashKeys } = former;
  const from = { secretKey, secretKeyFallbacks, hashKeys };
  return {
    oldPlace,
    newPlace,
    /** A process with the configuration of before. */
    formerly: () => createSessions<Entries>({ ...settings, ...former, backend: oldPlace }),
    /** A process that migrates. */
    migrating: (backend: SessionBackend = newPlace, old: SessionBackend = oldPlace) =>
      createSessions<Entries>({ ...settings, backend, migratingFrom: { backend: old, ...from } }),
    /** A process with the configuration of afterwards. */
    afterwards: () => createSessions<Entries>({ ...settings, backend: newPlace }),
  };
}

describe('migratingFrom', () => {
  it('moves a session at its first use, with what is in it and when it ends', async () => {
    const { formerly, migrating, afterwards, oldPlace, newPlace } = places();
    const key = await start(formerly(), { user: 7, cart: ['tea'] });
    const expiresAt = oldPlace.records.get(key)?.expiresAt;
    clock.advance(60);
    const moved: unknown[] = [];
    const sessions = migrating();
    sessions.events.on('moved', (event) => moved.push(event));
    expect(await read(sessions, key)).toEqual({ user: 7, cart: ['tea'] });
    expect(newPlace.records.get(key)?.expiresAt).toEqual(expiresAt);
    expect(moved).toHaveLength(1);
    expect(await read(afterwards(), key)).toEqual({ user: 7, cart: ['tea'] });
    oldPlace.before = () => {
      throw new Error('nobody asks here any more');
    };
    expect(await read(sessions, key)).toEqual({ user: 7, cart: ['tea'] });
  });

  it.each([
    ['maxDataBytes', { maxDataBytes: 1000 }, { text: 'x'.repeat(989) }, { text: 'x'.repeat(990) }],
    ['maxEntries', { maxEntries: 3 }, { a: 1, b: 2, c: 3 }, { a: 1, b: 2, c: 3, d: 4 }],
  ])('moves one that has all that %s allows, at any step', async (_, limits, most, more) => {
    for (const encoding of [undefined, 'serialized'] as const) {
      const { formerly, migrating, afterwards, newPlace } = places(limits);
      await expect(start(formerly(), more)).rejects.toMatchObject({ name: 'SessionTooLarge' });
      const key = await start(formerly(), most);
      const place = encoding ? newPlace : new MemoryBackend({ now });
      const dies = read(migrating(dying(place, 'create', 'after')), key);
      await expect(dies).rejects.toBeInstanceOf(BackendUnavailable);
      expect(place.records.size).toBe(1);
      expect(await read(migrating(place), key)).toEqual(most);
      if (encoding) expect(await read(afterwards(), key)).toEqual(most);
    }
  });

  it('tells what it cannot read in the old place, be it of another secret or too large now', async () => {
    for (const [options, former, reason] of [
      [{ maxDataBytes: 100 }, { maxDataBytes: 1000 }, 'corrupt'],
      [{}, { secretKey: OLD_SECRET }, 'tampered'],
    ] as const) {
      const { oldPlace, newPlace } = places();
      const settings = { secretKey: SECRET_KEY, now };
      const before = createSessions<Entries>({ ...settings, ...former, backend: oldPlace });
      const key = await start(before, { text: 'x'.repeat(200) });
      const migratingFrom = oldPlace;
      const sessions = createSessions<Entries>({
        ...{ ...settings, ...options, backend: newPlace, migratingFrom },
      });
      const reasons: string[] = [];
      sessions.events.on('rejected', (event) => reasons.push(event.reason));
      expect(await read(sessions, key)).toEqual({});
      expect(reasons).toEqual([reason, 'unknown']);
    }
  });

  it('takes the old backend by itself, where nothing else was different', async () => {
    const { formerly, oldPlace, newPlace } = places();
    const key = await start(formerly());
    const sessions = createSessions<Entries>({
      backend: newPlace,
      migratingFrom: oldPlace,
      secretKey: SECRET_KEY,
      now,
    });
    expect(await read(sessions, key)).toEqual({ user: 7 });
  });

  it.each([
    ['another secret key', {}, { secretKey: OLD_SECRET }],
    [
      'a fallback of the old secret',
      {},
      { secretKey: SECRET_KEY, secretKeyFallbacks: [OLD_SECRET] },
    ],
    ['keys that were not hashed', { hashKeys: true }, { hashKeys: false }],
    ['keys that were hashed', { hashKeys: false }, { hashKeys: true }],
    ['hashed keys in both', { hashKeys: true }, { hashKeys: true }],
  ])('works with %s', async (_, options, former) => {
    const { formerly, migrating, afterwards, newPlace } = places(options, former);
    const key = await start(formerly());
    expect(await read(migrating(), key)).toEqual({ user: 7 });
    expect(await read(afterwards(), key)).toEqual({ user: 7 });
    expect([...newPlace.records.keys()]).toEqual([
      'hashKeys' in options && options.hashKeys ? expect.stringMatching(/^[a-f0-9]{64}$/) : key,
    ]);
  });

  it('stores nothing for a key that neither place knows, and asks each once', async () => {
    const { migrating, oldPlace, newPlace } = places();
    expect(await read(migrating(), 'k'.repeat(32))).toEqual({});
    expect(newPlace.records.size + oldPlace.records.size).toBe(0);
    expect(oldPlace.calls).toEqual(['load']);
  });

  it('lets concurrent requests of several processes lose nothing', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly(), { n: 0 });
    const processes = [migrating(), migrating(), migrating()];
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const session = (processes[index % 3] as Sessions<Entries>).open(key);
        await session.load();
        session.change('n', (n) => Number(n) + 1);
        session.set(`by${index}`, true);
        await session.save();
      }),
    );
    const entries = await read(migrating(), key);
    expect(entries.n).toBe(60);
    expect(Object.keys(entries)).toHaveLength(61);
  });

  it('keeps a logout a logout', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly());
    const session = migrating().open(key);
    await session.flush();
    expect(await read(migrating(), key)).toEqual({});
    expect(await migrating().exists(key)).toBe(false);
    expect(await migrating().delete(key)).toBe(false);
  });

  it('keeps a logout a logout for whoever had read the old place before', async () => {
    const { formerly, migrating, oldPlace, newPlace } = places();
    const key = await start(formerly());
    // A process reads the old place and then sleeps, while another one moves the session and ends it.
    let wake: () => void = () => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let slept = false;
    oldPlace.after = async (operation) => {
      if (operation !== 'load' || slept) return;
      slept = true;
      await asleep;
    };
    const late = read(migrating(), key);
    await new Promise((resolve) => setImmediate(resolve));
    await migrating().open(key).flush();
    wake();
    expect(await late).toEqual({});
    expect([...newPlace.records.keys()]).toEqual([]);
  });

  it('removes what a process that slept, and died, put there after the logout', async () => {
    const { formerly, migrating, oldPlace, newPlace } = places();
    const key = await start(formerly());
    const stale = await oldPlace.load(key);
    await migrating().open(key).flush();
    // It has read the session before it was moved, creates the record, and dies.
    const sleeper = new Proxy(oldPlace, {
      get: (target, name) =>
        name === 'load' ? async () => stale : Reflect.get(target, name, target),
    });
    const dies = migrating(dying(newPlace, 'create', 'after'), sleeper);
    await expect(read(dies, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(newPlace.records.has(key)).toBe(true);
    expect(await read(migrating(), key)).toEqual({});
    expect(newPlace.records.has(key)).toBe(false);
  });

  it.each([
    ['before the record is created', 'new', 'create', 'before'],
    ['after the record was created', 'new', 'create', 'after'],
    ['before the old place is marked', 'old', 'update', 'before'],
    ['after the old place was marked', 'old', 'update', 'after'],
    ['before the record is a session', 'new', 'update', 'before'],
    ['after the record was a session', 'new', 'update', 'after'],
  ] as const)('loses nothing when a process dies %s', async (_, where, operation, moment) => {
    const { formerly, migrating, afterwards, oldPlace, newPlace } = places();
    const key = await start(formerly(), { user: 7 });
    const killed =
      where === 'new'
        ? migrating(dying(newPlace, operation, moment))
        : migrating(newPlace, dying(oldPlace, operation, moment));
    await expect(read(killed, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await read(migrating(), key)).toEqual({ user: 7 });
    expect(await read(afterwards(), key)).toEqual({ user: 7 });
    await migrating().open(key).flush();
    expect(await read(migrating(), key)).toEqual({});
  });

  it('moves what a process with the old configuration wrote last', async () => {
    const { formerly, migrating, oldPlace, newPlace } = places();
    const key = await start(formerly(), { n: 1 });
    const old = formerly();
    let wrote = false;
    newPlace.after = async (operation) => {
      if (operation !== 'create' || wrote) return;
      wrote = true;
      const session = old.open(key);
      await session.load();
      session.set('n', 2);
      await session.save();
    };
    expect(await read(migrating(), key)).toEqual({ n: 2 });
    expect(wrote && oldPlace.records.has(key)).toBe(true);
  });

  it('ends what a process with the old configuration ends while it is being moved', async () => {
    const { formerly, migrating, newPlace } = places();
    const key = await start(formerly());
    newPlace.after = async (operation) => {
      if (operation === 'create') await formerly().delete(key);
    };
    expect(await read(migrating(), key)).toEqual({});
    expect(newPlace.records.size).toBe(0);
  });

  it('reads as a cycled key to processes with the old configuration: they neither revive nor replace it', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly());
    await read(migrating(), key);
    const session = formerly().open(key);
    await session.load();
    expect(session.isEmpty()).toBe(true);
    session.set('n', 1);
    await expect(session.save()).rejects.toBeInstanceOf(SessionInterrupted);
    expect(await read(migrating(), key)).toEqual({ user: 7 });
  });

  it('tells late requests of a key that was cycled in the old place what it was', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly());
    const old = formerly().open(key);
    await old.cycleKey();
    const late = migrating().open(key);
    await late.load();
    late.set('n', 1);
    await expect(late.save()).rejects.toBeInstanceOf(SessionInterrupted);
    expect(await read(migrating(), String(old.sessionKey))).toEqual({ user: 7 });
  });

  it('retires a key that is cycled here for good', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly());
    const session = migrating().open(key);
    await session.cycleKey();
    expect(await read(migrating(), key)).toEqual({});
    clock.advance(3600);
    expect(await read(migrating(), key)).toEqual({});
    expect(await read(migrating(), String(session.sessionKey))).toEqual({ user: 7 });
  });

  it('does not bring back a session that has expired here', async () => {
    const { formerly, migrating } = places();
    const key = await start(formerly());
    const session = migrating().open(key);
    await session.load();
    session.setExpiry(60);
    await session.save();
    clock.advance(61);
    expect(await read(migrating(), key)).toEqual({});
  });

  it('knows no session that had expired in the old place', async () => {
    const { formerly, migrating, newPlace } = places();
    const key = await start(formerly());
    clock.advance(1_209_601);
    expect(await read(migrating(), key)).toEqual({});
    expect(newPlace.records.size).toBe(0);
  });

  it('counts an absolute timeout from where the session began', async () => {
    const { formerly, migrating } = places({ absoluteTimeout: 3600 });
    const key = await start(formerly());
    clock.advance(3000);
    expect(await read(migrating(), key)).toEqual({ user: 7 });
    clock.advance(601);
    expect(await read(migrating(), key)).toEqual({});
  });

  it('goes on with an idle timeout where the old place was', async () => {
    const { formerly, migrating, newPlace } = places({ idleTimeout: 600 });
    const key = await start(formerly());
    clock.advance(500);
    expect(await read(migrating(), key)).toEqual({ user: 7 });
    expect(newPlace.records.get(key)?.expiresAt).toEqual(new Date(now().getTime() + 100_000));
  });

  it('is an outage, and no empty session, while the old place does not answer', async () => {
    const { formerly, migrating, oldPlace, newPlace } = places();
    const key = await start(formerly());
    const moved = await start(formerly());
    const sessions = migrating();
    await read(sessions, moved);
    oldPlace.before = () => {
      throw new Error('down');
    };
    await expect(read(sessions, key)).rejects.toBeInstanceOf(BackendUnavailable);
    await expect(sessions.exists(key)).rejects.toBeInstanceOf(BackendUnavailable);
    await expect(sessions.delete(key)).rejects.toBeInstanceOf(BackendUnavailable);
    // Whoever has moved needs it no more, and whoever comes without a session neither.
    expect(await read(sessions, moved)).toEqual({ user: 7 });
    await start(sessions);
    oldPlace.before = () => {};
    expect(await read(migrating(), key)).toEqual({ user: 7 });
    expect(newPlace.records.has(key)).toBe(true);
  });

  it('goes back to where it came from when both are swapped', async () => {
    const { formerly, migrating, oldPlace, newPlace } = places();
    const key = await start(formerly());
    const session = migrating().open(key);
    await session.load();
    session.set('n', 1);
    await session.save();
    const back = createSessions<Entries>({
      backend: oldPlace,
      migratingFrom: newPlace,
      secretKey: SECRET_KEY,
      now,
    });
    expect(await read(back, key)).toEqual({ user: 7, n: 1 });
    expect(await read(formerly(), key)).toEqual({ user: 7, n: 1 });
    expect(await read(migrating(), key)).toEqual({ user: 7, n: 1 });
  });

  it('shows a session that is arriving to nobody who knows no old place', async () => {
    const { formerly, migrating, afterwards, newPlace } = places();
    const key = await start(formerly());
    const killed = migrating(dying(newPlace, 'create', 'after'));
    await expect(read(killed, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await read(afterwards(), key)).toEqual({});
  });
});

describe('a copy of a session that is arriving', () => {
  it('is a session', async () => {
    const { formerly, migrating, afterwards, newPlace } = places();
    const key = await start(formerly());
    await expect(read(migrating(dying(newPlace, 'create', 'after')), key)).rejects.toThrow();
    const copies = createSessions<Entries>({
      backend: new MemoryBackend({ now, encoding: 'serialized' }),
      secretKey: SECRET_KEY,
      now,
    });
    const found = await afterwards().inspector.find(key);
    expect(found && (await copies.inspector.adopt(found))).toBe(true);
    expect(await read(copies, key)).toEqual({ user: 7 });
  });
});

describe('a wrong migratingFrom', () => {
  const { oldPlace, newPlace } = places();
  const cookies = new MemoryBackend({ now, encoding: { salt: 'x', inCookie: true } });
  const make = (backend: SessionBackend, migratingFrom: unknown) => () =>
    createSessions({
      backend,
      secretKey: SECRET_KEY,
      migratingFrom: migratingFrom as SessionBackend, // wrong on purpose
    });

  it.each([
    ['no object', newPlace, 'old', /migratingFrom must be the backend/],
    ['the same backend', newPlace, newPlace, /same backend/],
    ['no backend', newPlace, { backend: {} }, /migratingFrom\.backend must be a session backend/],
    [
      'an unknown setting',
      newPlace,
      { backend: oldPlace, salt: 'x' },
      /no setting migratingFrom\.salt/,
    ],
    ['cookies to move into', cookies, oldPlace, /cannot move sessions into cookies/],
  ])('is refused: %s', (_, backend, migratingFrom, message) => {
    expect(make(backend, migratingFrom)).toThrow(ImproperlyConfigured);
    expect(make(backend, migratingFrom)).toThrow(message);
  });
});
