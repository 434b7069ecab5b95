import { BackendUnavailable, createSessions, type SessionEvents } from '@coatcheck/core';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createClock } from './support/clock.ts';
import { MemoryBackend, never } from './support/memory-backend.ts';
import { type Entries, type Options, SECRET_KEY } from './support/sqlite-sessions.ts';

/** The clock of the breakers, which a test moves; wrapped around nothing else that these tests do. */
let ms = 0;
beforeEach(() => {
  ms = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => ms);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const refused = { name: 'BackendUnavailable', status: 503, ambiguous: false };
const REFUSED = /asked once a second/;

async function createPlace(answers: 'synchronously' | 'later' = 'later', options: Options = {}) {
  const clock = createClock();
  const { now } = clock;
  const backend = new MemoryBackend({ now, answers });
  const sessions = createSessions<Entries>({
    backend,
    secretKey: SECRET_KEY,
    now,
    operationTimeoutMs: 20,
    ...options,
  });
  const first = sessions.open();
  first.set('a', 1);
  await first.save();
  const key = String(first.sessionKey);
  const told: [string, object][] = [];
  for (const name of ['unavailable', 'breakerOpened', 'breakerClosed'] as const) {
    sessions.events.on(name, (event: SessionEvents[typeof name][0]) => told.push([name, event]));
  }
  backend.calls.length = 0;
  const load = async () => {
    const session = sessions.open(key);
    await session.load();
    return session;
  };
  const create = () => sessions.open().set('b', 1).save();
  const errorOf = (call: unknown) =>
    Promise.resolve(call).then(
      () => 'no error',
      (error: unknown) => error,
    );
  return { backend, sessions, clock, key, told, load, create, errorOf };
}

const failing = () => {
  throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
};

describe('a backend that does not answer', () => {
  it('is not asked after five calls in a row, but once a second, until it answers', async () => {
    const { backend, told, load, errorOf } = await createPlace();
    backend.before = never;
    const errors = await Promise.all(Array.from({ length: 8 }, () => errorOf(load())));
    for (const error of errors) expect(error).toMatchObject({ message: /did not answer within/ });
    backend.calls.length = 0;
    for (let i = 0; i < 20; i += 1) {
      expect(await errorOf(load())).toMatchObject({ ...refused, message: REFUSED });
    }
    expect(backend.calls).toEqual([]);

    ms += 1000;
    const probe = errorOf(load());
    // While the probe is under way, the others fail at once.
    expect(await errorOf(load())).toMatchObject({ message: REFUSED });
    expect(await probe).toMatchObject({ message: /did not answer within/ });
    expect(backend.calls).toEqual(['load']);

    backend.before = () => {};
    expect(await errorOf(load())).toMatchObject({ message: REFUSED });
    ms += 1000;
    expect((await load()).get('a')).toBe(1);
    expect((await load()).get('a')).toBe(1);
    const openings = told.filter(([name]) => name !== 'unavailable');
    expect(openings).toEqual([
      [
        'breakerOpened',
        { session: undefined, affects: 'all', reason: 'timeout', cause: undefined },
      ],
      ['breakerClosed', { session: undefined, affects: 'all', openMs: 2000 }],
    ]);
    const [, first] = told[0] ?? [];
    expect(first).toMatchObject({ operation: 'load', reason: 'timeout', ambiguous: false });
    expect(told).toContainEqual([
      'unavailable',
      expect.objectContaining({ operation: 'load', reason: 'breaker open', cause: undefined }),
    ]);
  });

  it.each(['synchronously', 'later'] as const)(
    'that answers %s and fails at once is the same',
    async (answers) => {
      const { backend, sessions, key, load, errorOf, told } = await createPlace(answers);
      backend.before = failing;
      for (let i = 0; i < 5; i += 1) {
        expect(await errorOf(load())).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      }
      expect(await errorOf(load())).toMatchObject({ message: REFUSED });
      if (answers === 'synchronously') {
        expect(() => sessions.open(key).get('a')).toThrow(BackendUnavailable);
      }
      expect(backend.calls).toHaveLength(5);
      expect(told.at(5)).toMatchObject([
        'breakerOpened',
        { affects: 'all', reason: 'failed', cause: { code: 'ECONNREFUSED' } },
      ]);
      backend.before = () => {};
      ms += 1000;
      expect((await load()).get('a')).toBe(1);
      expect(told.at(-1)).toMatchObject(['breakerClosed', { openMs: 1000 }]);
    },
  );

  it('is asked for no write either where reading fails; a write may be the probe', async () => {
    const { backend, told, load, create, errorOf } = await createPlace();
    backend.before = failing;
    for (let i = 0; i < 5; i += 1) await errorOf(load());
    backend.calls.length = 0;
    backend.before = () => {};
    expect(await errorOf(create())).toMatchObject({ ...refused, message: REFUSED });
    expect(backend.calls).toEqual([]);
    ms += 1000;
    await create();
    await load();
    expect(backend.calls).toEqual(['create', 'load']);
    expect(told.at(-1)).toMatchObject(['breakerClosed', { affects: 'all' }]);
  });

  it('is read all the same where only writing hangs', async () => {
    const { backend, told, load, create, errorOf } = await createPlace();
    backend.before = (operation) => (operation === 'load' ? undefined : never());
    for (let i = 0; i < 5; i += 1) {
      expect(await errorOf(create())).toMatchObject({ ambiguous: true });
      await load();
    }
    backend.calls.length = 0;
    expect(await errorOf(create())).toMatchObject({ ...refused, message: REFUSED });
    expect((await load()).get('a')).toBe(1);
    expect(backend.calls).toEqual(['load']);
    ms += 1000;
    // A read says nothing about writing.
    await load();
    backend.before = () => {};
    await create();
    await create();
    expect(told.filter(([name]) => name !== 'unavailable')).toMatchObject([
      ['breakerOpened', { affects: 'writes', reason: 'timeout' }],
      ['breakerClosed', { affects: 'writes', openMs: 1000 }],
    ]);
  });

  it('is asked again at once after refusing writes at once, as a full disk does', async () => {
    const { backend, told, create, errorOf } = await createPlace();
    backend.before = () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    for (let i = 0; i < 20; i += 1) {
      expect(await errorOf(create())).toMatchObject({ cause: { code: 'ENOSPC' } });
    }
    backend.before = () => {};
    await create();
    expect(told.filter(([name]) => name !== 'unavailable')).toEqual([]);
  });

  it('is not one that refuses by CreateError or UpdateError', async () => {
    const { backend, sessions, key, told } = await createPlace();
    const stores = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const session = sessions.open(key);
        await session.load();
        return session;
      }),
    );
    backend.records.clear();
    for (const session of stores) {
      session.set('b', 1);
      await expect(session.save()).rejects.toMatchObject({ name: 'SessionInterrupted' });
    }
    expect(told).toEqual([]);
  });

  it('was not sent what the breaker refused, so that the store may try again', async () => {
    const { backend, load, errorOf, key, sessions } = await createPlace();
    const session = await load();
    backend.before = failing;
    for (let i = 0; i < 5; i += 1) await errorOf(load());
    session.set('a', 2);
    expect(await errorOf(session.save())).toMatchObject({ ...refused, message: REFUSED });
    expect(await errorOf(session.cycleKey())).toMatchObject({ ...refused, message: REFUSED });
    expect(await errorOf(session.flush())).toMatchObject({ ...refused, message: REFUSED });
    backend.before = () => {};
    ms += 1000;
    await session.save();
    const stored = sessions.open(key);
    await stored.load();
    expect(stored.get('a')).toBe(2);
  });

  it('reads as an empty session at once where the application chose anonymous', async () => {
    const { backend, load, errorOf, sessions, key } = await createPlace('later', {
      onUnavailable: 'anonymous',
    });
    backend.before = never;
    await Promise.all(Array.from({ length: 5 }, load));
    backend.calls.length = 0;
    const session = await load();
    expect(session.get('a')).toBeUndefined();
    expect(() => session.set('a', 2)).toThrow(BackendUnavailable);
    expect(await errorOf(sessions.exists(key))).toMatchObject({ message: REFUSED });
    expect(backend.calls).toEqual([]);
  });

  it('is told apart from one that is asked by other Sessions', async () => {
    const { backend, load, errorOf } = await createPlace();
    const other = await createPlace();
    backend.before = never;
    await Promise.all(Array.from({ length: 5 }, () => errorOf(load())));
    expect(await errorOf(load())).toMatchObject({ message: REFUSED });
    expect((await other.load()).get('a')).toBe(1);
  });
});

describe('waiting for a backend that hangs', () => {
  const calls = ['load', 'save', 'create', 'cycleKey', 'flush'] as const;
  const cases = (['load', 'create', 'update', 'touch', 'delete'] as const).flatMap((hangs) =>
    calls.map((call) => [hangs, call] as const),
  );

  /** Milliseconds that a request takes whose backend answers nothing any more from the named operation on. */
  async function request([hangs, call]: (typeof cases)[number], operationTimeoutMs: number) {
    const { backend, sessions, key, errorOf, clock } = await createPlace('later', {
      operationTimeoutMs,
      idleTimeout: 100,
      touchEvery: 1,
    });
    clock.advance(50);
    const headers = new Map<string, unknown>();
    const http = sessions.openForRequest(`sessionid=${key}`, {
      headersSent: false,
      getHeader: (name) => headers.get(name) as string | undefined,
      setHeader: (name, value) => headers.set(name, value),
    });
    backend.before = (operation) => {
      if (operation !== hangs) return undefined;
      backend.before = never;
      return never();
    };
    const begin = process.hrtime.bigint();
    await http.begin();
    const failed = await errorOf(http.session[call]());
    await errorOf(http.finish(failed === 'no error' ? 200 : 503));
    return Number(process.hrtime.bigint() - begin) / 1e6;
  }

  it('takes no request as long as two calls may take, wherever it begins to hang', async () => {
    jest.restoreAllMocks();
    const durations = await Promise.all(cases.map((each) => request(each, 1000)));
    const tooLong = cases.filter((_, i) => (durations[i] ?? 0) >= 1900);
    expect(tooLong).toEqual([]);
    expect(durations.filter((duration) => duration >= 990).length).toBeGreaterThan(10);
  });
});
