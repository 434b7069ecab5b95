import { createSessions, type SessionStore } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import { openWith } from './support/opened-stores.ts';
import { type Entries, memorySessions, SECRET_KEY } from './support/sqlite-sessions.ts';

describe('saving', () => {
  it('creates where there is no key, under a new key each time create is called', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    session.set('a', 1);
    await session.create();
    const first = String(session.sessionKey);
    session.set('a', 2);
    await session.create();
    expect(session.sessionKey).not.toBe(first);
    expect(sessions.open(first).get('a')).toBe(1);
    expect(sessions.open(session.sessionKey).get('a')).toBe(2);
  });

  it('twice writes twice, and the second save has only what came after the first', async () => {
    const { session, sessions, key } = await openWith({ a: 1, b: 1 });
    session.set('a', 2);
    await session.save();
    const other = sessions.open(key);
    other.set('a', 3);
    await other.save();
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
  });

  it('runs the calls of one store in the order they were made', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open();
    session.set('a', 1);
    const keys: (string | null)[] = [];
    const note = () => keys.push(session.sessionKey);
    await Promise.all([
      session.save().then(note),
      session.cycleKey().then(note),
      session.save().then(note),
      session.flush().then(note),
    ]);
    const [created, cycled, saved, flushed] = keys;
    expect(created).toMatch(/^[a-z0-9]{32}$/);
    expect(cycled).not.toBe(created);
    expect(saved).toBe(cycled);
    expect(flushed).toBeNull();
    expect(await sessions.exists(String(cycled))).toBe(false);
  });

  it('goes on after a call that failed', async () => {
    const { session } = await openWith({ a: {} });
    (session.get('a') as Entries).bad = 1n;
    const failing = session.save();
    const flushing = session.flush();
    await expect(failing).rejects.toThrow(TypeError);
    await flushing;
    expect(session.sessionKey).toBeNull();
  });

  it('keeps changes that were made while a save was under way, for the next save', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    session.update({ list: [1], a: 1, gone: 1 });
    await session.save();
    const list = session.get('list') as number[];
    session.set('a', 2);
    backend.before = (operation) => {
      if (operation !== 'update') return;
      list.push(2);
      session.set('a', 3);
      session.delete('gone');
      backend.before = () => {};
    };
    await session.save();
    const after = sessions.open(session.sessionKey);
    await after.load();
    expect(after.entries()).toEqual([
      ['list', [1]],
      ['a', 2],
      ['gone', 1],
    ]);
    expect([session.get('list'), session.get('a'), session.has('gone')]).toEqual([
      [1, 2],
      3,
      false,
    ]);
    await session.save();
    const last = sessions.open(session.sessionKey);
    await last.load();
    expect(last.entries()).toEqual([
      ['list', [1, 2]],
      ['a', 3],
    ]);
  });

  it('keeps a clear() that was made while a save was under way, also where that save had cleared', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const session = sessions.open();
    session.set('old', 1);
    await session.save();
    session.clear();
    session.set('a', 1);
    backend.before = () => {
      session.clear();
      session.set('b', 2);
      backend.before = () => {};
    };
    await session.save();
    expect(session.keys()).toEqual(['b']);
    await session.save();
    const after = sessions.open(session.sessionKey);
    await after.load();
    expect(after.entries()).toEqual([['b', 2]]);
  });

  it('flush drops all changes so far, and a later set starts a new session', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    session.set('a', 2);
    await session.flush();
    expect(session.size).toBe(0);
    session.set('b', 1);
    await session.save();
    expect(session.sessionKey).not.toBe(key);
    expect(sessions.open(session.sessionKey).entries()).toEqual([['b', 1]]);
    expect(await sessions.exists(key)).toBe(false);
  });

  it('flush empties at once: what is set before it is done belongs to a new session', async () => {
    for (const answers of ['synchronously', 'later'] as const) {
      const { now } = createClock();
      const backend = new MemoryBackend({ now, answers });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      const first = sessions.open();
      await first.set('a', 1).save();
      for (const isLoaded of [false, true]) {
        await first.create();
        const old = String(first.sessionKey);
        const session = sessions.open(old);
        if (isLoaded) await session.load();
        const flushing = session.flush();
        expect(session.keys()).toEqual([]);
        session.set('user', 7);
        await flushing;
        await session.save();
        expect(session.sessionKey).not.toBe(old);
        const after = sessions.open(session.sessionKey);
        await after.load();
        expect(after.entries()).toEqual([['user', 7]]);
        expect(backend.records.has(old)).toBe(false);
      }
    }
  });

  it('a flush that fails leaves the session readable, whoever looked at it before', async () => {
    for (const isLoaded of [false, true]) {
      const { now } = createClock();
      const backend = new MemoryBackend({ now });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      const first = sessions.open();
      await first.set('a', 1).save();
      const session = sessions.open(first.sessionKey);
      if (isLoaded) await session.load();
      backend.before = (operation) => {
        if (operation === 'delete') throw new Error('disk on fire');
      };
      await expect(session.flush()).rejects.toMatchObject({ name: 'BackendUnavailable' });
      expect([session.sessionKey, session.get('a')]).toEqual([first.sessionKey, 1]);
      backend.before = () => {};
      await session.flush();
      expect([session.sessionKey, backend.records.size]).toEqual([null, 0]);
    }
  });

  it.each(['synchronously', 'later'] as const)(
    'of an unknown key with nothing set by cycleKey stores nothing, on a backend that answers %s',
    async (answers) => {
      const { now } = createClock();
      const backend = new MemoryBackend({ now, answers });
      const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
      for (const look of [() => {}, (session: SessionStore<Entries>) => session.get('a')]) {
        const session = sessions.open('u'.repeat(32));
        if (answers === 'later') await session.load();
        look(session);
        await session.cycleKey();
        expect([session.sessionKey, backend.records.size]).toEqual([null, 0]);
      }
      await sessions.open().cycleKey();
      expect(backend.records.size).toBe(1);
    },
  );

  it('cycleKey of an unknown key with something set starts a session', async () => {
    const { sessions } = memorySessions<Entries>();
    const session = sessions.open('u'.repeat(32));
    session.set('user', 7);
    await session.cycleKey();
    expect(sessions.open(session.sessionKey).entries()).toEqual([['user', 7]]);
  });

  it('has no key of a cycled session once it is loaded', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    await session.cycleKey();
    const late = sessions.open(key);
    expect(late.sessionKey).toBe(key);
    await late.load();
    expect([late.sessionKey, late.size]).toEqual([null, 0]);
  });

  it('drops what was changed so far when modified is set to false, as Django saves none of it', async () => {
    const { key, session, sessions } = await openWith({ a: 1, list: [1], gone: 1 });
    (session.get('list') as number[]).push(2);
    session.set('a', 2).change('n', () => 1);
    session.delete('gone');
    session.modified = false;
    expect(session.modified).toBe(false);
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ...[['a', 1] as const, ['list', [1]] as const, ['gone', 1] as const, ['b', 2] as const],
    ]);
  });

  it('drops a clear() as well when modified is set to false', async () => {
    const { key, session, sessions } = await openWith({ a: 1 });
    session.clear();
    session.modified = false;
    session.set('b', 2);
    await session.save();
    expect(sessions.open(key).entries()).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });
});
