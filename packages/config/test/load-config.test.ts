import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, loadSessions, type SessionsConfig } from '@coatcheck/config';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-config-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function writeConfig(config: unknown, ...path: string[]): void {
  writeFileSync(join(directory, ...path, 'sessions.config.json'), JSON.stringify(config));
}

describe('loadConfig', () => {
  it('has no settings where there is neither a file nor a variable', async () => {
    expect(await loadConfig({ cwd: directory, env: {} })).toEqual({
      settings: {},
      file: undefined,
      directory,
    });
  });

  it('finds the nearest configuration file upwards, and its directory', async () => {
    mkdirSync(join(directory, 'packages', 'shop', 'src'), { recursive: true });
    writeConfig({ cookie: { name: 'outer' } });
    writeConfig({ cookie: { name: 'inner' } }, 'packages', 'shop');
    const cwd = join(directory, 'packages', 'shop', 'src');

    const { settings, file, directory: found } = await loadConfig({ cwd, env: {} });
    expect(settings).toEqual({ cookie: { name: 'inner' } });
    expect(file).toBe(join(directory, 'packages', 'shop', 'sessions.config.json'));
    expect(found).toBe(join(directory, 'packages', 'shop'));
    expect((await loadConfig({ cwd: join(directory, 'packages'), env: {} })).settings).toEqual({
      cookie: { name: 'outer' },
    });
  });

  it('reads the file it is told to, relative to the working directory', async () => {
    mkdirSync(join(directory, 'config'));
    writeFileSync(join(directory, 'config', 'staging.json'), '{"idleTimeout":60}');
    writeConfig({ idleTimeout: 1 });
    const loaded = await loadConfig({ cwd: directory, file: 'config/staging.json', env: {} });
    expect(loaded.settings).toEqual({ idleTimeout: 60 });
    expect(loaded.directory).toBe(join(directory, 'config'));
  });

  it('overlays the file with the environment, setting by setting', async () => {
    writeConfig({ cookie: { name: 'shop', age: 60 }, saveEveryRequest: true });
    const env = { SESSION_COOKIE_AGE: '120', SESSION_SAVE_EVERY_REQUEST: 'off' };
    expect((await loadConfig({ cwd: directory, env })).settings).toEqual({
      cookie: { name: 'shop', age: 120 },
      saveEveryRequest: false,
    });
  });

  it.each([
    ['{"engin":"db"}', 'There is no setting "engin" (<file>); did you mean "engine"?'],
    [
      '{"cookie":{"nmae":"x"}}',
      'There is no setting "cookie.nmae" (<file>); did you mean "cookie.name"?',
    ],
    ['{"db":{"uri":"x"}}', 'There is no setting "db.uri" (<file>); did you mean "db.url"?'],
    ['{"flavour":"mint"}', 'There is no setting "flavour" (<file>).'],
    ['{"__proto__":{}}', 'There is no setting "__proto__" (<file>).'],
    ['{"cookie":"x"}', 'The setting "cookie" (<file>) must be an object of settings.'],
    ['[]', 'The configuration (<file>) must be an object of settings.'],
    ['{"secretKey":', 'The configuration file <file> is not valid JSON.'],
  ])('refuses %s', async (text, message) => {
    const file = join(directory, 'sessions.config.json');
    writeFileSync(file, text);
    await expect(loadConfig({ cwd: directory, env: {} })).rejects.toMatchObject({
      name: 'ImproperlyConfigured',
      message: message.replace('<file>', file),
    });
  });

  it('says which file is missing', async () => {
    await expect(loadConfig({ cwd: directory, file: 'nowhere.ts', env: {} })).rejects.toThrow(
      `There is no configuration file ${join(directory, 'nowhere.ts')}.`,
    );
  });
});

describe('loadSessions', () => {
  const inMemory: SessionsConfig = { secretKey, db: { url: 'sqlite::memory:' } };

  it('needs nothing but SECRET_KEY: a table in ./sessions.sqlite3, created on first use', async () => {
    const env = { SECRET_KEY: secretKey };
    const sessions = await loadSessions<{ n: number }>(undefined, { cwd: directory, env });
    const session = sessions.open();
    session.set('n', 1);
    await session.save();
    await sessions.close();
    expect(existsSync(join(directory, 'sessions.sqlite3'))).toBe(true);

    const again = await loadSessions<{ n: number }>(undefined, { cwd: directory, env });
    const reopened = again.open(session.sessionKey);
    expect(reopened.get('n')).toBe(1);
    await again.close();
  });

  it('uses an object as it is: no file, no environment', async () => {
    writeConfig({ cookie: { name: 'from-the-file' } });
    const env = { SESSION_COOKIE_AGE: '5' };
    const sessions = await loadSessions(inMemory, { cwd: directory, env });
    expect(sessions.settings.cookie).toMatchObject({ name: 'sessionid', age: 1_209_600 });
    await sessions.close();
  });

  it('starts relative paths at the directory of the configuration file', async () => {
    mkdirSync(join(directory, 'src'));
    writeConfig({ secretKey, db: { url: 'sqlite:./here.sqlite3' } });
    const sessions = await loadSessions(undefined, { cwd: join(directory, 'src'), env: {} });
    await sessions.close();
    expect(existsSync(join(directory, 'here.sqlite3'))).toBe(true);
  });

  it.each(['', '//', '///'])('takes an absolute path after sqlite:%s', async (slashes) => {
    const path = join(directory, 'absolute.sqlite3');
    const sessions = await loadSessions({ secretKey, db: { url: `sqlite:${slashes}${path}` } });
    await sessions.close();
    expect(existsSync(path)).toBe(true);
  });

  it("knows the engine by Django's name", async () => {
    const engine = 'django.contrib.sessions.backends.db';
    await (await loadSessions({ ...inMemory, engine })).close();
  });

  it.each<[string, SessionsConfig, string]>([
    [
      'a missing secret',
      { db: { url: 'sqlite::memory:' } },
      'The setting secretKey is missing: set SECRET_KEY in the environment to at least 32 random characters.',
    ],
    [
      'a weak secret',
      { ...inMemory, secretKey: 'short' },
      'secretKey (SECRET_KEY) has fewer than 32 characters',
    ],
    [
      'an unknown engine',
      { secretKey, engine: 'bd' },
      'The engine "bd" (setting engine, SESSION_ENGINE) cannot be found from',
    ],
    [
      'an unknown engine of Django',
      { secretKey, engine: 'django.contrib.sessions.backends.tape' },
      'use "db", "cache", "cached_db", "file", "signed_cookies", or a module that can be found there.',
    ],
    [
      'a database of another kind',
      { secretKey, db: { url: 'oracle://scott:tiger@host/db' } },
      'db.url has the unknown scheme oracle:',
    ],
    ['a path instead of a URL', { secretKey, db: { url: './x.sqlite3' } }, 'db.url has no scheme'],
    ['a URL without a path', { secretKey, db: { url: 'sqlite:' } }, 'db.url names no file'],
    [
      'an unwritable path',
      { secretKey, db: { url: 'sqlite:./no/such/directory/x.sqlite3' } },
      'db.url',
    ],
    [
      'a wrong type',
      { ...inMemory, idleTimeout: '60' as never },
      'The setting "idleTimeout" (loadSessions) must be a number.',
    ],
    [
      'a wrong type in a section',
      { secretKey, db: { url: 5 as never } },
      'The setting "db.url" (loadSessions) must be a text.',
    ],
  ])('refuses %s in one sentence', async (_, config, message) => {
    const error = await loadSessions(config, { cwd: directory }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.name).toBe('ImproperlyConfigured');
    expect(error?.message).toContain(message);
    expect(error?.message).not.toMatch(/\n|tiger/);
  });
});
