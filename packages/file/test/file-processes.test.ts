import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { killAll, runNode, startWriter } from './processes.ts';
import { load, openSessions, store } from './sessions.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let sessions: ReturnType<typeof openSessions>;
beforeEach(() => {
  directory = temporaryDirectory();
  sessions = openSessions(directory.path);
});
afterEach(async () => {
  killAll();
  await sessions.close();
  directory.remove();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Five times the deadline of a call: others write all the time, and the machine may be busy. */
const LONGEST_SAVE_MS = 5000;
/** Saves something in the session; how many milliseconds that took. */
async function timeToSave(key: string): Promise<number> {
  const start = performance.now();
  const session = await load(sessions, key);
  session.set('parent', start);
  await session.save();
  return performance.now() - start;
}

describe('several processes on one directory', () => {
  it('lose none of a thousand writes to one session', async () => {
    const key = await store(sessions, { first: true });
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        runNode('writer-process.ts', directory.path, key, `p${i}`, '125', '5'),
      ),
    );
    const session = await load(sessions, key);
    expect(session.size).toBe(1001);
    expect(readdirSync(directory.path)).toEqual([`sessionid${key}`]);
  }, 60_000);

  it('lose nothing that a killed process had been told was stored, and go on at once', async () => {
    const key = await store(sessions, { first: true });
    for (let round = 0; round < 4; round++) {
      const writers = Array.from({ length: 5 }, (_, i) =>
        startWriter(directory.path, key, `r${round}w${i}`),
      );
      await Promise.all(writers.map((writer) => writer.started()));
      for (const writer of writers) {
        await pause(Math.random() * 20);
        await writer.kill();
        expect(await timeToSave(key)).toBeLessThan(LONGEST_SAVE_MS);
      }
      const session = await load(sessions, key);
      for (const { name, acknowledged } of writers) {
        const stored = Number(session.get(name));
        expect(stored).toBeGreaterThanOrEqual(acknowledged());
        expect(stored).toBeLessThanOrEqual(acknowledged() + 1);
      }
    }
  }, 60_000);

  it('wait for no process that is stopped, and lose nothing when it goes on', async () => {
    const key = await store(sessions, { first: true });
    const writers = Array.from({ length: 3 }, (_, i) => startWriter(directory.path, key, `w${i}`));
    await Promise.all(writers.map((writer) => writer.started()));
    for (let round = 0; round < 12; round++) {
      const writer = writers[round % writers.length];
      writer?.signal('SIGSTOP');
      expect(await timeToSave(key)).toBeLessThan(LONGEST_SAVE_MS);
      writer?.signal('SIGCONT');
      await pause(5);
    }
    await Promise.all(writers.map((writer) => writer.kill()));
    const session = await load(sessions, key);
    for (const { name, acknowledged } of writers) {
      expect(Number(session.get(name))).toBeGreaterThanOrEqual(acknowledged());
    }
    expect(session.get('parent')).toEqual(expect.any(Number));
  }, 60_000);
});

describe('a hundred rotations of one session at once', () => {
  it('have one successor and leave no orphan', async () => {
    const another = openSessions(directory.path);
    const key = await store(sessions, { cart: 3 });
    const stores = await Promise.all(
      Array.from({ length: 100 }, (_, i) => load(i % 2 ? another : sessions, key)),
    );
    const outcomes = await Promise.allSettled(stores.map((session) => session.cycleKey()));
    const refusals = outcomes.filter(({ status }) => status === 'rejected');
    expect(refusals).toHaveLength(99);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: { name: 'SessionInterrupted' } });
    }
    const successor = stores[outcomes.findIndex(({ status }) => status === 'fulfilled')];
    expect((await load(sessions, String(successor?.sessionKey))).get('cart')).toBe(3);
    expect(await sessions.exists(key)).toBe(false);
    await Promise.all([sessions.close(), another.close()]);
    expect(readdirSync(directory.path).sort()).toEqual(
      [`sessionid${key}`, `sessionid${successor?.sessionKey}`].sort(),
    );
    // The first is what remembers for a minute that the key was cycled.
    sessions = openSessions(directory.path);
    expect(await sessions.clearExpired({ expiresAt: new Date(Date.now() + 61_000) })).toBe(1);
    expect(readdirSync(directory.path)).toEqual([`sessionid${successor?.sessionKey}`]);
  }, 60_000);
});
