import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSessions } from '@coatcheck/config';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWithRedis } from '../../cache/test/redis.ts';
import { until } from '../../cached-db/test/until.ts';
import { build, type Ended, runNode } from '../../config/test/on-dist.ts';

// The bin as it is installed: plain Node and real ESM.

// Every test starts processes, and the machine may be busy.
jest.setTimeout(60_000);

/** What a copy has to do for long enough to be killed meanwhile: `COPIED_SESSIONS=100000 npx jest packages/cli/test/coatcheck.test.ts`. */
const SESSIONS = Number(process.env.COPIED_SESSIONS || 1000);

const env = { SECRET_KEY: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf' };
let bin: string;
let root: string;
let directory: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'coatcheck-bin-'));
  bin = join(await build('cli'), 'dist', 'coatcheck.js');
  await build('db');
  await build('cache');
}, 180_000);

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

beforeEach(() => {
  directory = mkdtempSync(join(root, 'app-'));
});

function coatcheck(...args: string[]): Promise<Ended> {
  return runNode([bin, ...args], { cwd: directory, env });
}

describe('the bin', () => {
  it('passes on exit codes', async () => {
    expect(await coatcheck('migrate')).toEqual({
      code: 0,
      stdout: "Created the table of the engine 'db'.\n",
      stderr: '',
    });
    expect((await coatcheck('--config', 'nowhere.ts', 'migrate')).code).toBe(1);
    expect((await coatcheck('nonsense')).code).toBe(2);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    await coatcheck('migrate');
    for (const args of [['sessions', 'list'], ['--help'], ['nonsense']]) {
      const child = spawn(process.execPath, [bin, ...args], { cwd: directory, env });
      child.stdout.destroy();
      let stderr = '';
      if (args[0] === 'nonsense') child.stderr.destroy();
      else
        child.stderr.on('data', (chunk) => {
          stderr += chunk;
        });
      const [code] = await once(child, 'close');
      expect({ args, code, stderr }).toEqual({ args, code: 141, stderr: '' });
    }
  });

  it('clears at once with another, and the two do not count a session twice', async () => {
    const sessions = await loadSessions<{ n: number }>(undefined, { cwd: directory, env });
    await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const session = sessions.open();
        session.set('n', n).setExpiry(new Date(Date.now() - 1000));
        await session.save();
      }),
    );
    await sessions.close();

    const args = ['clearsessions', '--json', '--batch', '20'];
    const both = await Promise.all([coatcheck(...args), coatcheck(...args)]);
    expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    const [one, two] = both.map(({ stdout }) => JSON.parse(stdout).removed as number);
    expect((one ?? 0) + (two ?? 0)).toBe(500);
  });
});

describe('a clearing that is killed half-way', () => {
  it('has removed what it had reached; run again, exactly the live sessions remain', async () => {
    const sessions = await loadSessions<{ n: number }>(undefined, { cwd: directory, env });
    const live: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      const session = sessions.open();
      session.set('n', n);
      if (n % 2) session.setExpiry(new Date(Date.now() - 1000));
      await session.save();
      if (n % 2 === 0) live.push(String(session.sessionKey));
    }
    const stored = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const batch of sessions.inspector.scan()) {
        keys.push(...batch.sessions.map(({ key }) => key));
      }
      return keys;
    };
    const args = [bin, 'clearsessions', '--batch', '10', '--pause', '1h'];
    const killed = spawn(process.execPath, args, {
      cwd: directory,
      env: { PATH: process.env.PATH, ...env },
    });
    try {
      await until(async () => (await stored()).length < 60);
    } finally {
      killed.kill('SIGKILL');
    }
    await once(killed, 'close');
    expect(await stored()).toHaveLength(50);
    expect((await coatcheck('clearsessions')).stdout).toBe('Removed 20 expired sessions.\n');
    expect((await stored()).sort()).toEqual(live.sort());
    await sessions.close();
  });
});

describeWithRedis('a copy from SQLite to Redis and back', (redis) => {
  it(
    'that is killed on the way and run again leaves every session once, with equal data and expiry',
    async () => {
      // Where the bin looks for ioredis.
      symlinkSync(
        join(import.meta.dirname, '../../cache/node_modules'),
        join(directory, 'node_modules'),
      );
      const { url, keyPrefix } = redis;
      const places = {
        'sqlite.json': {},
        'redis.json': { engine: 'cache', cache: { url, keyPrefix } },
        'back.json': { db: { url: 'sqlite:./back.sqlite3' } },
      };
      for (const [file, settings] of Object.entries(places)) {
        writeFileSync(join(directory, file), JSON.stringify(settings));
      }
      const sessionsOf = async (file: keyof typeof places) => {
        const sessions = await loadSessions(places[file], { cwd: directory });
        const found = new Map<string, string>();
        for await (const batch of sessions.inspector.scan()) {
          for (const { key, entries, expiresAt } of batch.sessions) {
            // Redis counts down, from when it is told and to when it is asked: to the minute.
            const minutes = Math.round(Number(expiresAt) / 60_000);
            found.set(key, JSON.stringify({ entries: [...entries].sort(), minutes }));
          }
        }
        await sessions.close();
        return found;
      };
      for (const settings of Object.values(places))
        Object.assign(settings, { secretKey: env.SECRET_KEY });
      const sessions = await loadSessions<{ n: number; text: string }>(places['sqlite.json'], {
        cwd: directory,
      });
      // Far from where rounding changes.
      const wholeHour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
      const store = async (n: number) => {
        const session = sessions.open();
        session.update({ n, text: 'x'.repeat(n % 1000) });
        session.setExpiry(new Date(wholeHour + ((n % 1000) + 2) * 3_600_000));
        await session.save();
      };
      for (let first = 0; first < SESSIONS; first += 500) {
        const some = Array.from({ length: Math.min(500, SESSIONS - first) }, (_, i) => first + i);
        await Promise.all(some.map(store));
      }
      await sessions.close();
      await coatcheck('migrate', '--config', 'back.json');
      const original = await sessionsOf('sqlite.json');
      expect(original.size).toBe(SESSIONS);

      for (const [from, to] of [
        ['sqlite.json', 'redis.json'],
        ['redis.json', 'back.json'],
      ] as const) {
        const args = [bin, 'copy', '--from', from, '--to', to, '--batch', '10'];
        const killed = spawn(process.execPath, args, {
          cwd: directory,
          env: { PATH: process.env.PATH, ...env },
        });
        await until(async () => (await sessionsOf(to)).size > SESSIONS / 1000);
        killed.kill('SIGKILL');
        await once(killed, 'close');
        const { stdout } = await coatcheck('copy', '--from', from, '--to', to);
        const [, copied, present] =
          /^Copied (\d+) sessions; (\d+) had been there/.exec(stdout) ?? [];
        expect(Number(copied) + Number(present)).toBe(SESSIONS);
        expect(Number(present)).toBeGreaterThan(0);
        const there = await sessionsOf(to);
        expect(there.size).toBe(SESSIONS);
        expect([...original].filter(([key, session]) => there.get(key) !== session)).toEqual([]);
      }
    },
    60_000 + 5 * SESSIONS,
  );
});

describe('an engine of the user', () => {
  function install(clearExpired: string): void {
    writeFileSync(
      join(directory, 'tape.mjs'),
      `const method = async () => {};
      export const createBackend = () => ({ encoding: { salt: 'tape' }, answers: 'later', load: method, create: method,
        update: method, touch: method, delete: method, close: method, ${clearExpired} });`,
    );
    writeFileSync(join(directory, 'sessions.config.json'), '{"engine":"./tape.mjs"}');
  }

  it('test_clearsessions_unsupported: one without clearExpired ends in an error that names it', async () => {
    install('');
    expect(await coatcheck('clearsessions')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'The engine "./tape.mjs" (setting engine, SESSION_ENGINE) made no session backend: clearExpired is missing.\n',
    });
  });

  it('that fails to clear is named', async () => {
    install(`clearExpired: async () => { throw new Error('the tape is torn'); }`);
    expect(await coatcheck('clearsessions')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "The session engine './tape.mjs' failed: the tape is torn; check it and its settings.\n",
    });
  });

  it('makes its table, also where it cannot tell whether it is there', async () => {
    install('clearExpired: async () => 2, migrate: async () => true');
    expect((await coatcheck('migrate')).stdout).toBe(
      "Created the table of the engine './tape.mjs'.\n",
    );
    expect((await coatcheck('clearsessions')).stdout).toBe('Removed 2 expired sessions.\n');
  });

  it('that cannot list its sessions is named', async () => {
    install('clearExpired: async () => 0');
    const { code, stderr } = await coatcheck('sessions', 'stats');
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot list its sessions: use an engine that can, [^\n]*\.\n$/);
  });

  it('needs no table', async () => {
    install('clearExpired: async () => 0');
    expect((await coatcheck('migrate')).stdout).toBe(
      "Nothing to do: the engine './tape.mjs' needs no table.\n",
    );
  });
});
