import {
  BackendUnavailable,
  createSessions,
  SessionInterrupted,
  type Sessions,
} from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend } from './support/memory-backend.ts';
import {
  countRecords,
  type Entries,
  memorySessions,
  randomTurns,
  SECRET_KEY,
  withSqliteFile,
} from './support/sqlite-sessions.ts';
import { dataOf, type Store, start } from './support/stores.ts';

// For hundreds of trials, on a machine that has other things to do.
jest.setTimeout(60_000);

/** Four writers who set an entry of their own while something happens to the session; the entries that were saved. */
async function writersDuring(
  processes: readonly Sessions<Entries>[],
  key: string,
  value: number,
  happen: () => Promise<void>,
): Promise<string[]> {
  const saved: string[] = [];
  const writing = ['w0', 'w1', 'w2', 'w3'].map(async (name, i) => {
    const writer = processes[i % processes.length]?.open(key);
    writer?.set(name, value);
    await randomTurns(6);
    const outcome = await writer?.save().catch((error: unknown) => error);
    if (outcome === undefined) saved.push(name);
    else expect(outcome).toBeInstanceOf(SessionInterrupted);
  });
  await Promise.all([randomTurns(3).then(happen), ...writing]);
  return saved;
}

describe('cycleKey', () => {
  it('moves the data, unsaved changes included, and the old key is dead', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const old = await start(sessions, { cart: [1] });
      const session = sessions.open(old);
      session.set('user', 1);
      await session.cycleKey();
      expect(session.sessionKey).not.toBe(old);
      for (const process of [sessions, another()]) {
        expect(dataOf(process, session.sessionKey)).toEqual({ cart: [1], user: 1 });
        expect(await process.exists(old)).toBe(false);
        expect(await process.exists(String(session.sessionKey))).toBe(true);
        expect(await process.delete(old)).toBe(false);
      }
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
      // The store goes on with the successor.
      session.set('more', 1);
      await session.save();
      expect(dataOf(sessions, session.sessionKey)).toEqual({ cart: [1], user: 1, more: 1 });
    }));

  it('leaves late readers an empty session and late writers SessionInterrupted', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const old = await start(sessions, { a: 1 });
      const early = another().open(old);
      early.set('a', 2);
      await sessions.open(old).cycleKey();
      await expect(early.save()).rejects.toBeInstanceOf(SessionInterrupted);
      for (const process of [sessions, another()]) {
        const late = process.open(old);
        expect(late.entries()).toEqual([]);
        expect(late.isEmpty()).toBe(true);
        late.set('b', 1);
        await expect(late.save()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).cycleKey()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).create()).rejects.toBeInstanceOf(SessionInterrupted);
        await expect(process.open(old).flush()).rejects.toBeInstanceOf(SessionInterrupted);
      }
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
    }));

  it('sends no cookie to a late request, whatever it does', async () => {
    const { sessions } = memorySessions<Entries>({ saveEveryRequest: true, idleTimeout: 1000 });
    const old = await start(sessions, { a: 1 });
    await sessions.open(old).cycleKey();
    const visits: ((session: Store) => unknown)[] = [
      (session) => session.get('a'),
      (session) => session.flush(),
      (session) => session.clear(),
    ];
    for (const visit of visits) {
      const headers = new Map<string, unknown>();
      const http = sessions.openForRequest(`sessionid=${old}`, {
        headersSent: false,
        getHeader: (name) => headers.get(name) as string | undefined,
        setHeader: (name, value) => headers.set(name, value),
      });
      const visited = async () => visit(http.session);
      await visited().catch((error: unknown) => {
        expect(error).toBeInstanceOf(SessionInterrupted);
      });
      await http.finish(200)?.catch((error: unknown) => {
        expect(error).toBeInstanceOf(SessionInterrupted);
      });
      expect(headers.has('Set-Cookie')).toBe(false);
    }
  });

  it('is remembered for 60 seconds; then the old key is unknown', async () => {
    const { backend, clock, sessions } = memorySessions<Entries>();
    const old = await start(sessions, { a: 1 });
    await sessions.open(old).cycleKey();
    clock.advance(59);
    await expect(sessions.open(old).save()).rejects.toBeInstanceOf(SessionInterrupted);
    clock.advance(1);
    expect(backend.load(old)).toBeUndefined();
    const late = sessions.open(old);
    expect(late.size).toBe(0);
    expect(late.sessionKey).toBeNull();
    expect(await sessions.clearExpired()).toBe(1);
  });

  it('merges what others write while it moves', async () => {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const place = { backend, secretKey: SECRET_KEY, now };
    const [sessions, elsewhere] = [createSessions<Entries>(place), createSessions<Entries>(place)];
    const old = await start(sessions, { n: 1, cart: { a: 1 } });
    const session = sessions.open(old);
    session.change('n', (n) => Number(n) + 1);
    (session.get('cart') as Entries).mine = 1;
    let meanwhile = 0;
    backend.before = async (operation, key) => {
      if (operation !== 'update' || key !== old || meanwhile === 3) return;
      meanwhile += 1;
      const other = elsewhere.open(old);
      const { before } = backend;
      backend.before = () => {};
      other.change('n', (n) => Number(n) + 10);
      other.set(`k${meanwhile}`, 1);
      await other.save();
      backend.before = before;
    };
    await session.cycleKey();
    const after = { n: 32, cart: { a: 1, mine: 1 }, k1: 1, k2: 1, k3: 1 };
    expect(dataOf(sessions, session.sessionKey)).toEqual(after);
    expect(Object.fromEntries(session.entries())).toEqual(after);
    expect(backend.records.size).toBe(2);
  });

  it.each([
    { layout: 'of one process', processes: 1 },
    { layout: 'of two processes', processes: 2 },
  ])(
    '100 times at once, by stores $layout, has one successor and leaves no orphan',
    ({ processes }) =>
      withSqliteFile({}, async ({ sessions, another, clock }) => {
        const old = await start(sessions, { a: 1 });
        const all = [sessions, ...Array.from({ length: processes - 1 }, () => another())];
        const stores = Array.from({ length: 100 }, (_, i) => {
          const store = (all[i % processes] as Sessions<Entries>).open(old);
          store.get('a');
          return store;
        });
        const outcomes = await Promise.allSettled(stores.map((store) => store.cycleKey()));
        const failures = outcomes.filter(({ status }) => status === 'rejected');
        expect(failures).toHaveLength(99);
        for (const failure of failures) {
          expect((failure as PromiseRejectedResult).reason).toBeInstanceOf(SessionInterrupted);
        }
        expect(await countRecords(sessions.backend, clock)).toEqual({ all: 2, lasting: 1 });
        const successor = stores.find((_, i) => outcomes[i]?.status === 'fulfilled');
        expect(dataOf(sessions, String(successor?.sessionKey))).toEqual({ a: 1 });
      }),
  );

  it('loses no acknowledged change of concurrent writers, in 200 trials', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const processes = [sessions, another()];
      let acknowledged = 0;
      for (let trial = 0; trial < 200; trial += 1) {
        const old = await start(sessions, {});
        const cycler = sessions.open(old);
        cycler.set('user', trial);
        const saved = await writersDuring(processes, old, trial, () => cycler.cycleKey());
        acknowledged += saved.length;
        expect(dataOf(sessions, cycler.sessionKey)).toMatchObject({
          user: trial,
          ...Object.fromEntries(saved.map((name) => [name, trial])),
        });
      }
      // Both outcomes occurred, or the trials showed nothing.
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(800);
      expect((await countRecords(sessions.backend, clock)).lasting).toBe(200);
    }));
});

describe('flush', () => {
  it('beats writers in flight, in 200 trials', () =>
    withSqliteFile({}, async ({ sessions, another, clock }) => {
      const processes = [sessions, another()];
      let acknowledged = 0;
      for (let trial = 0; trial < 200; trial += 1) {
        const key = await start(sessions, {});
        const leaver = sessions.open(key);
        const saved = await writersDuring(processes, key, trial, () => leaver.flush());
        acknowledged += saved.length;
        expect(await sessions.exists(key)).toBe(false);
      }
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(800);
      expect(await countRecords(sessions.backend, clock)).toEqual({ all: 0, lasting: 0 });
    }));

  it('ends what was queued behind it, and not what was queued before it', async () => {
    const { sessions } = memorySessions<Entries>();
    const key = await start(sessions, { a: 1 });
    const [before, leaver, behind] = [sessions.open(key), sessions.open(key), sessions.open(key)];
    before.set('a', 2);
    leaver.get('a');
    behind.set('a', 3);
    const outcomes = await Promise.allSettled([before.save(), leaver.flush(), behind.save()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { name: 'SessionInterrupted' } });
    expect(await sessions.exists(key)).toBe(false);
  });

  /** A session that the backend does not let go. */
  async function openUndeletable() {
    const { now } = createClock();
    const backend = new MemoryBackend({ now, answers: 'synchronously' });
    const sessions = createSessions<Entries>({ backend, secretKey: SECRET_KEY, now });
    const key = await start(sessions, { a: 1 });
    backend.before = (operation) => {
      if (operation === 'delete') throw new Error('connection refused');
    };
    const session = sessions.open(key);
    return { key, session, sessions };
  }

  it('keeps the session when the backend does not take the deletion', async () => {
    const { key, session } = await openUndeletable();
    await expect(session.flush()).rejects.toBeInstanceOf(BackendUnavailable);
    expect(session.sessionKey).toBe(key);
    expect(session.get('a')).toBe(1);
  });

  it('that failed writes nothing into the old session that was meant for a new one', async () => {
    const { key, session, sessions } = await openUndeletable();
    const flushing = session.flush().catch((error: unknown) => error);
    session.set('user', 7);
    expect(await flushing).toBeInstanceOf(BackendUnavailable);
    await expect(session.save()).rejects.toBeInstanceOf(BackendUnavailable);
    expect(dataOf(sessions, key)).toEqual({ a: 1 });
    await session.load();
    expect(session.entries()).toEqual([['a', 1]]);
  });
});
