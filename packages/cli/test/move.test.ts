import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { Here } from './coatcheck-here.ts';

const OLD = { db: { url: 'sqlite:./old.sqlite3' } };
const NEW = { db: { url: 'sqlite:./new.sqlite3' } };

let here: Here;

beforeEach(() => {
  here = new Here();
});

afterEach(() => here.remove());

function configure(settings: object, file = 'sessions.config.json'): void {
  writeFileSync(join(here.directory, file), JSON.stringify(settings));
}

/** So many sessions in the old engine, and a new one that migrates from it. */
async function migrating(sessions: number, settings: object = {}): Promise<string[]> {
  configure(OLD);
  const keys: string[] = [];
  for (let n = 0; n < sessions; n += 1) keys.push(await here.store({ n }));
  await here.store({ n: -1 }, new Date(Date.now() - 1000));
  configure({ ...NEW, migratingFrom: { ...OLD, hashKeys: false }, ...settings });
  await here.coatcheck('migrate');
  return keys;
}

describe('coatcheck move', () => {
  it.each([
    ['', {}],
    [', and hashes their keys', { hashKeys: true }],
  ])('moves all that is left, so that the old engine can go%s', async (_, settings) => {
    const keys = await migrating(45, settings);
    expect(await here.exists(String(keys[0]))).toBe(true);
    expect(await here.coatcheck('move --batch 10')).toEqual({
      code: 0,
      stdout: 'Moved 44 sessions.\n',
      stderr: '',
    });
    expect((await here.coatcheck('move --json')).stdout).toBe(
      '{"moved":0,"unreadable":0,"failed":0,"interrupted":false}\n',
    );
    configure({ ...NEW, ...settings });
    for (const key of keys) expect(await here.exists(key)).toBe(true);
    configure(OLD);
    expect((await here.coatcheck('sessions stats')).stdout).toMatch(/^live +0\n/);
  });

  it('leaves what has ended where it is, and a logout a logout', async () => {
    const [key = ''] = await migrating(2);
    await here.withSessions((sessions) => sessions.delete(key));
    expect((await here.coatcheck('move')).stdout).toBe('Moved 1 session.\n');
    expect(await here.exists(key)).toBe(false);
  });

  it('does not call it done where what is left cannot be read', async () => {
    await migrating(2);
    const { env } = here;
    const SESSION_MIGRATING_FROM_SECRET_KEY = 'another-nVd5sWk0aYb7uEo3tGh9xLc2mPf';
    here.env = { ...env, SESSION_MIGRATING_FROM_SECRET_KEY };
    expect(await here.coatcheck('move')).toEqual({
      code: 1,
      stdout: 'Moved 0 sessions.\n',
      stderr: expect.stringMatching(
        /^2 in the engine [^\n]* correct migratingFrom\.secretKey [^\n]*\.\n$/,
      ),
    });
    here.env = env;
    expect(await here.coatcheck('move')).toMatchObject({ code: 0, stdout: 'Moved 2 sessions.\n' });
  });

  it('goes on behind a session that cannot be written, and does not call it done', async () => {
    const keys = await migrating(45);
    const table = new Database(join(here.directory, 'new.sqlite3'));
    const refused = [keys[3], keys[22], keys[23]].map((key) => `'${key}'`).join();
    table.exec(`CREATE TRIGGER refuse BEFORE INSERT ON django_session
      WHEN NEW.session_key IN (${refused}) BEGIN SELECT RAISE(ABORT, 'too wide'); END`);
    const some = await here.coatcheck('move --batch 20');
    expect(some).toEqual({
      code: 1,
      stdout: 'Moved 42 sessions.\n',
      stderr: expect.stringMatching(
        /^3 could not be moved and stay [^\n]*failed so: [^\n]*too wide; run it again [^\n]*\n$/,
      ),
    });
    expect(JSON.parse((await here.coatcheck('move --json')).stdout)).toMatchObject({ failed: 3 });
    table.exec('DROP TRIGGER refuse');
    table.close();
    expect(await here.coatcheck('move')).toMatchObject({ code: 0, stdout: 'Moved 3 sessions.\n' });
  });

  it('goes on with sessions that are arriving, which nobody counts or copies until then', async () => {
    await migrating(3);
    const table = new Database(join(here.directory, 'old.sqlite3'));
    table.exec(`CREATE TRIGGER keep BEFORE UPDATE ON django_session
      BEGIN SELECT RAISE(ABORT, 'may not go'); END`);
    expect(await here.coatcheck('move')).toMatchObject({ code: 1, stdout: 'Moved 0 sessions.\n' });
    const counted = async () => JSON.parse((await here.coatcheck('sessions stats --json')).stdout);
    expect(await counted()).toMatchObject({ live: 0, arriving: 3, cycled: 0 });
    expect((await here.coatcheck('sessions stats')).stdout).toMatch(/^live +0\narriving +3\n/);
    configure({ engine: 'cache', cache: { url: 'memory:' } }, 'other.json');
    const copy = 'copy --from sessions.config.json --to other.json';
    expect(await here.coatcheck(copy)).toEqual({
      code: 1,
      stdout: 'Copied 0 sessions; 0 had been there already.\n',
      stderr: expect.stringMatching(/^3 in --from are still arriving [^\n]* run coatcheck move /),
    });
    table.exec('DROP TRIGGER keep');
    table.close();
    expect(await here.coatcheck('move')).toMatchObject({ code: 0, stdout: 'Moved 3 sessions.\n' });
    expect(await counted()).toMatchObject({ live: 3, arriving: 0 });
  });

  it('stops where the new engine takes nothing', async () => {
    await migrating(45);
    const table = new Database(join(here.directory, 'new.sqlite3'));
    table.exec(`CREATE TRIGGER refuse BEFORE INSERT ON django_session
      BEGIN SELECT RAISE(ABORT, 'too wide'); END`);
    expect(await here.coatcheck('move')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^The session engine 'db' failed: [^\n]*too wide;[^\n]*\n$/),
    });
    table.close();
  });

  it('stops when it is told to, and goes on the next time', async () => {
    await migrating(30);
    const stopped = await here.coatcheck('move', { signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ code: 130, stderr: expect.stringContaining('run it again') });
    expect((await here.coatcheck('move')).stdout).toBe('Moved 30 sessions.\n');
  });

  it.each([
    ['nothing to move from', {}, 'migratingFrom is missing'],
    ['hashed keys', { ...NEW, migratingFrom: { ...OLD, hashKeys: true } }, 'set hashKeys'],
    [
      'signed cookies',
      { ...NEW, migratingFrom: { engine: 'signed_cookies' } },
      'cannot list its sessions',
    ],
    [
      'an old engine that is not there',
      { ...NEW, migratingFrom: { db: { url: 'sqlite:./odl.sqlite3' } } },
      "In migratingFrom: The table of the engine 'db' is missing: correct db.url",
    ],
    [
      'an old engine that does not answer',
      { ...NEW, migratingFrom: { db: { url: 'postgres://u:hidden@127.0.0.1:1/x' } } },
      "In migratingFrom: The server of the session engine 'db' does not answer (ECONNREFUSED): start it",
    ],
    [
      'an old cache that does not answer',
      { ...NEW, migratingFrom: { engine: 'cache', cache: { url: 'redis://127.0.0.1:1' } } },
      "In migratingFrom: The server of the session engine 'cache' does not answer (NOTCONNECTED): start it",
    ],
    [
      'a new engine that does not answer',
      { engine: 'cache', cache: { url: 'redis://127.0.0.1:1' }, migratingFrom: OLD },
      "The server of the session engine 'cache' does not answer (NOTCONNECTED): start it",
    ],
  ])('says in one sentence why it cannot: %s', async (_, settings, message) => {
    configure({ ...OLD, hashKeys: true });
    await here.coatcheck('migrate');
    configure(settings);
    await here.coatcheck('migrate');
    const { code, stdout, stderr } = await here.coatcheck('move');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});
