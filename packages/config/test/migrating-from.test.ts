import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadConfig,
  loadSessions,
  type MigratingFromSettings,
  type SessionsConfig,
} from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import { redisIsMissing, startRedis } from '@coatcheck/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

const noRedis = redisIsMissing();

let directory: string;
let redisUrl = '';
let stopRedis: (() => Promise<void>) | undefined;
const opened: Sessions[] = [];

beforeAll(async () => {
  if (noRedis) return;
  const redis = await startRedis();
  redisUrl = redis.url;
  stopRedis = () => redis.stop();
});

afterAll(() => stopRedis?.());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-migrating-'));
});

afterEach(async () => {
  for (const sessions of opened.splice(0)) await sessions.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(config: SessionsConfig): Promise<Sessions> {
  const sessions = await loadSessions({ secretKey, ...config }, { cwd: directory, env: {} });
  opened.push(sessions);
  return sessions;
}

async function start(sessions: Sessions): Promise<string> {
  const session = sessions.open();
  session.set('colour', 'ultramarine');
  session.setExpiry(3600);
  await session.save();
  return String(session.sessionKey);
}

async function read(sessions: Sessions, key: string) {
  const session = sessions.open(key);
  await session.load();
  return session;
}

const engines: Readonly<Record<string, () => MigratingFromSettings>> = {
  db: () => ({ engine: 'db', db: { url: 'sqlite:./a.sqlite3' } }),
  'another db': () => ({ engine: 'db', db: { url: 'sqlite:./b.sqlite3' } }),
  cached_db: () => ({
    engine: 'cached_db',
    db: { url: 'sqlite:./c.sqlite3' },
    cache: noRedis ? { url: 'memory:', allowStale: true } : { url: redisUrl },
  }),
  file: () => ({ engine: 'file', file: { path: './files' } }),
  ...(noRedis
    ? {}
    : {
        cache: () => ({ engine: 'cache', cache: { url: redisUrl, keyPrefix: directory } }),
      }),
};
const pairs = Object.keys(engines).flatMap((from) =>
  Object.keys(engines)
    .filter((to) => to !== from)
    .map((to) => [from, to] as const),
);

describe('migratingFrom', () => {
  it.each(pairs)('moves sessions from %s to %s', async (from, to) => {
    const [old, fresh] = [engines[from]?.(), engines[to]?.()];
    const before = await open(old as SessionsConfig);
    const [key, other] = [await start(before), await start(before)];
    const sessions = await open({ ...fresh, migratingFrom: old });
    const moved = await read(sessions, key);
    expect(moved.get('colour')).toBe('ultramarine');
    expect(moved.getExpiryAge()).toBeGreaterThan(3500);
    await moved.flush();
    expect((await read(sessions, key)).isEmpty()).toBe(true);
    expect((await read(before, key)).isEmpty()).toBe(true);
    expect(await sessions.exists(other)).toBe(true);
    expect((await read(await open(fresh as SessionsConfig), other)).get('colour')).toBe(
      'ultramarine',
    );
  });

  it('reads an old secret key, and hashes keys that were not', async () => {
    const former = 'v7Rk3Lq9Wz2Xn5Bt8Yc1Hd4Jf6Mg0PsA';
    const before = await open({ secretKey: former, db: { url: 'sqlite:./old.sqlite3' } });
    const key = await start(before);
    const sessions = await open({
      hashKeys: true,
      migratingFrom: { secretKey: former, hashKeys: false, db: { url: 'sqlite:./old.sqlite3' } },
    });
    expect((await read(sessions, key)).get('colour')).toBe('ultramarine');
  });

  it('is read from the environment', async () => {
    const { settings } = await loadConfig({
      cwd: directory,
      env: {
        SESSION_ENGINE: 'cache',
        SESSION_MIGRATING_FROM_ENGINE: 'cached_db',
        SESSION_MIGRATING_FROM_DB_URL: 'postgres://old.example/shop',
        SESSION_MIGRATING_FROM_SECRET_KEY: secretKey,
        SESSION_MIGRATING_FROM_HASH_KEYS: 'no',
      },
    });
    expect(settings).toEqual({
      engine: 'cache',
      migratingFrom: {
        engine: 'cached_db',
        db: { url: 'postgres://old.example/shop' },
        secretKey,
        hashKeys: false,
      },
    });
  });

  it.each([
    [
      { engine: 'file' },
      'In migratingFrom: The setting file.path (SESSION_MIGRATING_FROM_FILE_PATH) is missing: name a private directory for the sessions, such as "./sessions".',
    ],
    [{ engine: './nowhere.js' }, /^In migratingFrom: The engine "\.\/nowhere\.js"/],
  ])('says what is wrong with %j', async (migratingFrom, message) => {
    await expect(open({ migratingFrom })).rejects.toThrow(message);
  });

  it('does not take another setting', async () => {
    const migratingFrom = { cookie: { name: 'sid' } } as object;
    await expect(open({ migratingFrom })).rejects.toThrow(
      'There is no setting "migratingFrom.cookie"',
    );
  });
});
