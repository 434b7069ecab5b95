import {
  BackendUnavailable,
  createSessions,
  ImproperlyConfigured,
  type SessionBackend,
} from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { dying } from './support/dying.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { type Entries, memorySessions, SECRET_KEY } from './support/sqlite-sessions.ts';
import { read, start } from './support/stores.ts';

describe('sessions.moveRest()', () => {
  it('finishes what a process that died has begun, so that migratingFrom can be taken out', async () => {
    const old = memorySessions();
    const fresh = memorySessions();
    const migrating = (backend: SessionBackend, migratingFrom: SessionBackend) =>
      createSessions<Entries>({
        backend,
        migratingFrom,
        secretKey: SECRET_KEY,
        now: old.clock.now,
      });
    const keys = [];
    for (let n = 0; n < 4; n += 1) keys.push(await start(old.sessions, { n }));
    const [first = '', second = '', third = ''] = keys;
    await read(migrating(fresh.backend, old.backend), first);
    const diesMarking = migrating(fresh.backend, dying(old.backend, 'update', 'after'));
    await expect(read(diesMarking, second)).rejects.toBeInstanceOf(BackendUnavailable);
    const diesCreating = migrating(dying(fresh.backend, 'create', 'after'), old.backend);
    await expect(read(diesCreating, third)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await read(fresh.sessions, second)).toEqual({});
    expect(await migrating(fresh.backend, old.backend).moveRest()).toBe(2);
    for (const [n, key] of keys.entries()) expect(await read(fresh.sessions, key)).toEqual({ n });
  });

  /** So many sessions to move, and a new place that refuses those that are meant. */
  async function refusing(count: number, isMeant: (n: number) => boolean) {
    const old = memorySessions();
    const newPlace = new MemoryBackend({ now: old.clock.now });
    const keys: string[] = [];
    for (let n = 0; n < count; n += 1) keys.push(await start(old.sessions, { n }));
    const refused = new Set(keys.filter((_, n) => isMeant(n)));
    newPlace.before = (operation, key) => {
      if (operation === 'create' && refused.has(key)) throw new Error('refused');
    };
    const sessions = createSessions<Entries>({
      backend: newPlace,
      migratingFrom: old.backend,
      secretKey: SECRET_KEY,
      now: old.clock.now,
    });
    return { sessions, newPlace, keys, refused };
  }

  it('goes on behind those that cannot be moved, and tells of each', async () => {
    const { sessions, newPlace, keys, refused } = await refusing(100, (n) => n % 3 === 0);
    const failed: unknown[] = [];
    const onFailed = (error: unknown) => failed.push(error);
    expect(await sessions.moveRest({ batchSize: 10, onFailed })).toBe(66);
    expect(failed).toHaveLength(34);
    expect(failed[0]).toBeInstanceOf(BackendUnavailable);
    for (const key of keys) expect(newPlace.records.has(key)).toBe(!refused.has(key));
  });

  it('throws in the end where nobody is told', async () => {
    const { sessions, newPlace } = await refusing(50, (n) => n === 3);
    await expect(sessions.moveRest()).rejects.toMatchObject({
      name: 'BackendUnavailable',
      cause: { message: 'refused' },
    });
    expect(newPlace.records.size).toBe(49);
  });

  it('stops where a place fails, and at what every session would meet', async () => {
    const { sessions, newPlace } = await refusing(100, () => true);
    const failed: unknown[] = [];
    const onFailed = (error: unknown) => failed.push(error);
    await expect(sessions.moveRest({ onFailed })).rejects.toMatchObject({
      cause: { message: 'refused' },
    });
    expect(failed).toHaveLength(20);
    newPlace.before = () => {
      throw new ImproperlyConfigured('There is no such column.');
    };
    await expect(sessions.moveRest({ onFailed })).rejects.toThrow('no such column');
    expect(failed).toHaveLength(40);
  });
});

describe('the inspector', () => {
  it('shows a session that is arriving as live in one of the two places', async () => {
    const old = memorySessions();
    const fresh = memorySessions();
    const migrating = (backend: SessionBackend, migratingFrom: SessionBackend) =>
      createSessions<Entries>({
        ...{ backend, migratingFrom, secretKey: SECRET_KEY, now: old.clock.now },
      });
    const key = await start(old.sessions);
    const states = async () => {
      const found: string[] = [];
      for (const { inspector } of [old.sessions, fresh.sessions]) {
        for await (const { sessions } of inspector.scan()) {
          found.push(...sessions.map(({ state }) => state));
        }
      }
      return found;
    };
    expect(await states()).toEqual(['live']);
    const diesCreating = migrating(dying(fresh.backend, 'create', 'after'), old.backend);
    await expect(read(diesCreating, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await states()).toEqual(['live', 'arriving']);
    const diesMarking = migrating(fresh.backend, dying(old.backend, 'update', 'after'));
    await expect(read(diesMarking, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await states()).toEqual(['cycled', 'arriving']);
    expect(await read(migrating(fresh.backend, old.backend), key)).toEqual({ user: 7 });
    expect(await states()).toEqual(['cycled', 'live']);
  });
});

describe('sessions.of(account), under migratingFrom', () => {
  async function threeSessions() {
    const old = memorySessions({ account: true });
    const fresh = memorySessions({ account: true });
    const open = (backend: SessionBackend) =>
      createSessions<Entries>({
        backend,
        migratingFrom: old.backend,
        secretKey: SECRET_KEY,
        account: true,
        now: old.clock.now,
      });
    const migrating = open(fresh.backend);
    const keys = [];
    for (let n = 0; n < 3; n += 1) keys.push(await start(old.sessions, { _auth_user_id: '7', n }));
    await read(migrating, String(keys[0]));
    const sessions = { old: old.sessions, fresh: fresh.sessions, migrating };
    return { ...sessions, clock: old.clock, newPlace: fresh.backend, open, keys };
  }

  it('lists those that have moved and those that have not, each once and by one handle', async () => {
    const { old, migrating, keys } = await threeSessions();
    const list = await migrating.of('7').list(keys[1]);
    expect(list.map(({ isCurrent }) => isCurrent).sort()).toEqual([false, false, true]);
    const handles = list.map(({ handle }) => handle).sort();
    for (const key of keys) await read(migrating, key);
    expect((await migrating.of('7').list()).map(({ handle }) => handle).sort()).toEqual(handles);
    expect(await old.of('7').list()).toEqual([]);
  });

  it('says of one that has moved that it came to the account when it moved', async () => {
    const { old, migrating, keys, clock } = await threeSessions();
    const createdAt = async () => {
      const list = await migrating.of('7').list(keys[1]);
      return list.find(({ isCurrent }) => isCurrent)?.createdAt;
    };
    const login = clock.now();
    expect(await createdAt()).toEqual(login);
    clock.advance(3600);
    await read(migrating, String(keys[1]));
    expect(await createdAt()).toEqual(clock.now());
    expect(await old.of('7').list()).toHaveLength(1);
  });

  it('counts and ends one that is just arriving once', async () => {
    const { old, fresh, keys, ...rest } = await threeSessions();
    const [, key = ''] = keys;
    const dies = rest.open(dying(rest.newPlace, 'create', 'after'));
    await expect(read(dies, key)).rejects.toBeInstanceOf(BackendUnavailable);
    expect(await rest.migrating.of('7').list()).toHaveLength(3);
    expect(await rest.migrating.of('7').revokeAll()).toBe(3);
    for (const sessions of [old, fresh]) expect(await sessions.of('7').list()).toEqual([]);
  });

  it('ends those that have not moved as well', async () => {
    const { old, migrating, keys } = await threeSessions();
    expect(await migrating.of('7').revokeOthers(String(keys[1]))).toBe(2);
    expect(await read(migrating, String(keys[0]))).toEqual({});
    expect(await read(migrating, String(keys[2]))).toEqual({});
    expect(await read(old, String(keys[2]))).toEqual({});
    expect(await read(migrating, String(keys[1]))).toEqual({ _auth_user_id: '7', n: 1 });
    expect(await migrating.of('7').revokeAll()).toBe(1);
    expect(await read(migrating, String(keys[1]))).toEqual({});
  });
});
