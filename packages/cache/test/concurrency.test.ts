import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { type CacheBackend, memoryBackend, redisBackend } from '@coatcheck/cache';
import { createSessions, type Sessions } from '@coatcheck/core';
import { typescriptLoader } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithRedis } from './redis.ts';
import { SECRET_KEY, writeSession } from './sessions.ts';

const run = promisify(execFile);
// What is tested is that nothing is lost, however busy the machine is.
const operationTimeoutMs = 30_000;
const here = import.meta.dirname;

async function keysOf(sessions: Sessions, sessionKey: string): Promise<number> {
  const session = sessions.open(sessionKey);
  await session.load();
  return [...session.keys()].filter((name) => String(name).startsWith('key ')).length;
}

async function setOne(sessions: Sessions, sessionKey: string, number: number): Promise<void> {
  const session = sessions.open(sessionKey);
  await session.load();
  session.set(`key ${number}`, number);
  await session.save();
}

/** Cycles the key of one session as often as asked for at once: the new keys, and the errors of the others. */
async function cycleAtOnce(sessions: Sessions, sessionKey: string, times: number) {
  const successors: string[] = [];
  const errors: string[] = [];
  const cycle = async (): Promise<void> => {
    const session = sessions.open(sessionKey);
    await session.load();
    try {
      await session.cycleKey();
      successors.push(String(session.sessionKey));
    } catch (error) {
      errors.push((error as Error).name);
    }
  };
  await Promise.all(Array.from({ length: times }, cycle));
  return { successors, errors };
}

describe('requests at once, in this process', () => {
  let backend: CacheBackend;
  let sessions: Sessions;
  beforeEach(() => {
    backend = memoryBackend();
    sessions = createSessions({ backend, secretKey: SECRET_KEY, operationTimeoutMs });
  });

  it('a thousand that write one session lose nothing', async () => {
    const { sessionKey } = await writeSession(backend, { a: 1 });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => setOne(sessions, sessionKey, i)));
    expect(await keysOf(sessions, sessionKey)).toBe(1000);
  });

  it('a hundred that cycle one key make one successor', async () => {
    const { sessionKey } = await writeSession(backend, { a: 1 });
    const { successors, errors } = await cycleAtOnce(sessions, sessionKey, 100);
    expect(new Set(successors).size).toBe(1);
    expect(errors).toEqual(Array(100 - successors.length).fill('SessionInterrupted'));
    expect(await sessions.exists(sessionKey)).toBe(false);
  });
});

describeWithRedis('requests at once, on Redis', (place) => {
  let backend: CacheBackend;
  let sessions: Sessions;
  let options: { url: string; keyPrefix: string };
  beforeEach(() => {
    const keyPrefix = `${place.keyPrefix}${Math.random().toString(36).slice(2)}`;
    options = { url: place.url, keyPrefix };
    backend = redisBackend(options);
    sessions = createSessions({ backend, secretKey: SECRET_KEY, operationTimeoutMs });
  });
  afterEach(() => sessions.close());

  it('a thousand from eight processes that write one session lose nothing', async () => {
    const { sessionKey } = await writeSession(backend, { a: 1 });
    const writes = Array.from({ length: 8 }, (_, i) =>
      run(
        process.execPath,
        [
          '--conditions=@coatcheck/source',
          '--import',
          typescriptLoader,
          path.join(here, 'write-process.ts'),
          options.url,
          options.keyPrefix,
          sessionKey,
          SECRET_KEY,
          String(i * 125),
          '125',
        ],
        { cwd: here, timeout: 50_000 },
      ),
    );
    for (const { stderr } of await Promise.all(writes)) expect(stderr).toBe('');
    expect(await keysOf(sessions, sessionKey)).toBe(1000);
  }, 60_000);

  it.each([1, 2])(
    'a hundred that cycle one key, over %i handles, make one successor',
    async (handles) => {
      const { sessionKey } = await writeSession(backend, { a: 1 });
      const others = createSessions({
        backend: redisBackend(options),
        secretKey: SECRET_KEY,
        operationTimeoutMs,
      });
      const outcomes = await Promise.all([
        cycleAtOnce(sessions, sessionKey, 100 / handles),
        cycleAtOnce(handles === 1 ? sessions : others, sessionKey, handles === 1 ? 0 : 50),
      ]);
      await others.close();

      const successors = new Set(outcomes.flatMap((outcome) => outcome.successors));
      expect(successors.size).toBe(1);
      const errors = outcomes.flatMap((outcome) => outcome.errors);
      expect(new Set(errors)).toEqual(new Set(['SessionInterrupted']));
      // The successor and, for a minute, the marker of the old key; nothing else.
      const stored = await place.redis.keys(`${options.keyPrefix}*`);
      const start = `${options.keyPrefix}:1:django.contrib.sessions.cache`;
      expect(stored.sort()).toEqual([sessionKey, ...successors].map((key) => start + key).sort());
      expect(await place.redis.pttl(start + sessionKey)).toBeLessThanOrEqual(60_000);
    },
  );

  it('a logout beats the writes around it', async () => {
    for (let trial = 0; trial < 50; trial++) {
      const { sessionKey } = await writeSession(backend, { a: 1 });
      const others = Array.from({ length: 10 }, (_, i) =>
        setOne(sessions, sessionKey, i).catch((error: Error) => error.name),
      );
      const session = sessions.open(sessionKey);
      await session.load();
      await session.flush();
      for (const outcome of await Promise.all(others)) {
        expect([undefined, 'SessionInterrupted']).toContain(outcome);
      }
      expect(await backend.load(sessionKey)).toBeUndefined();
    }
  });
});
