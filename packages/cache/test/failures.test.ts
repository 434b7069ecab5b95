import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { inspect } from 'node:util';
import { type CacheBackend, redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { type RedisServer, startRedis, typescriptLoader } from '@coatcheck/test-support';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { describeWithServers } from './redis.ts';
import { record, SECRET_KEY, writeSession } from './sessions.ts';

jest.setTimeout(30_000);

const here = import.meta.dirname;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeWithServers('when Redis fails', () => {
  let server: RedisServer;
  let backend: CacheBackend;
  beforeEach(async () => {
    server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    backend = redisBackend({ url: server.url });
    await backend.create(record('key'));
  });
  afterEach(async () => {
    await server.signal('SIGCONT');
    await backend.close();
    await server.stop();
  });

  const { key } = record('key');
  const killConnections = () => server.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');

  /** How every call fails now, and how long that took. */
  async function failures() {
    const start = performance.now();
    const calls = {
      load: backend.load(key),
      create: backend.create(record('new')),
      update: backend.update(record('key', { data: 'second' }), 'first'),
      touch: backend.touch(record('key'), 'first'),
      delete: backend.delete(key),
      deleteUnchanged: backend.delete(key, 'first'),
    };
    const errors: Record<string, unknown> = {};
    for (const [name, call] of Object.entries(calls)) {
      errors[name] = await (call as Promise<unknown>).then(
        () => 'no error',
        (error: unknown) => error,
      );
    }
    return { errors, ms: performance.now() - start };
  }

  /** Milliseconds until the record can be loaded again. */
  async function recovery(
    load: () => Promise<unknown> = async () => backend.load(key),
  ): Promise<number> {
    const start = performance.now();
    for (;;) {
      const found = await load().catch(() => undefined);
      if (found) return performance.now() - start;
      if (performance.now() - start > 10_000) throw new Error('It never came back.');
      await pause(5);
    }
  }

  it('says at once that nothing was done while it is down, and goes on when it is back', async () => {
    await server.signal('SIGKILL');
    await failures();
    await pause(200);
    const { errors, ms } = await failures();
    expect(ms).toBeLessThan(250);
    for (const error of Object.values(errors)) {
      expect(error).toMatchObject({ code: 'NOTCONNECTED', cause: { code: 'ECONNREFUSED' } });
    }
    await server.start();
    expect(await recovery()).toBeLessThan(2000);
    expect(await backend.load(record('new').key)).toBeUndefined();
  });

  it('says of unanswered writes that they may have been done, and does not send them again', async () => {
    // Writes wait on the server, then their connection is gone.
    await server.command('client', 'pause', '500', 'WRITE');
    const under = failures();
    await pause(50);
    await killConnections();
    const { errors } = await under;
    const { load, ...writes } = errors;
    for (const error of Object.values(writes)) {
      expect(error).toMatchObject({ name: 'BackendUnavailable', ambiguous: true });
    }
    expect(load).toBe('no error');
    await pause(600);
    expect(await recovery()).toBeLessThan(2000);
    expect(await backend.load(key)).toMatchObject({ data: 'first' });
  });

  it('never tells keys or data', async () => {
    await server.command('config', 'set', 'maxmemory', '1');
    const full = await failures();
    await server.command('config', 'set', 'maxmemory', '0');
    await server.signal('SIGKILL');
    const down = await failures();
    for (const errors of [full.errors, down.errors]) {
      const text = inspect(errors, { depth: null, showHidden: true });
      expect(text).not.toMatch(/key0000|new0000|'first'|'second'/);
    }
  });

  it('answers 503 in time while it hangs, and logs nobody out', async () => {
    const sessions = createSessions({ backend, secretKey: SECRET_KEY });
    const { sessionKey } = await writeSession(backend, { a: 1 });
    await server.signal('SIGSTOP');
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      const loads = Array.from({ length: 10 }, () => sessions.open(sessionKey).load());
      for (const outcome of await Promise.allSettled(loads)) {
        expect(outcome).toMatchObject({ reason: { name: 'BackendUnavailable', status: 503 } });
      }
      expect(performance.now() - start).toBeLessThan(1250);
    }
    // The circuit breaker is open: nobody waits any more, but for the one who is sent to have a look.
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const start = performance.now();
        await sessions
          .open(sessionKey)
          .load()
          .catch(() => undefined);
        return performance.now() - start;
      }),
    );
    expect(outcomes.filter((ms) => ms < 250).length).toBeGreaterThanOrEqual(49);
    await server.signal('SIGCONT');
    const value = async () => {
      const session = sessions.open(sessionKey);
      await session.load();
      return session.get('a');
    };
    expect(await recovery(value)).toBeLessThan(10_000);
    expect(await value()).toBe(1);
  });

  it('takes no process down that is idle when its connection ends', async () => {
    const child = spawn(
      process.execPath,
      [
        '--conditions=@coatcheck/source',
        '--import',
        typescriptLoader,
        path.join(here, 'idle-process.ts'),
        server.url,
      ],
      { cwd: here },
    );
    const exit = once(child, 'exit');
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    // A process that ended says nothing more, but what it ended with is in its error output.
    const ended = exit.then(() => [`ended: ${output}`]);
    const line = async () =>
      String((await Promise.race([once(child.stdout, 'data'), ended]))[0]).trim();
    expect(await line()).toBe('ready');
    await killConnections();
    await pause(300);
    child.stdin.write('load\n');
    expect(await line()).toBe('first');
    // The next call comes before the connection is replaced, and waits for that.
    await killConnections();
    child.stdin.write('load\n');
    expect(await line()).toBe('first');
    expect(await exit).toEqual([0, null]);
    expect(output).toBe('');
  });

  it('is waited for at the start', async () => {
    await server.signal('SIGSTOP');
    const other = redisBackend({ url: server.url });
    const found = other.load(key);
    await pause(300);
    await server.signal('SIGCONT');
    expect(await found).toMatchObject({ data: 'first' });
    await other.close();
  });
});
