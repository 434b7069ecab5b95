import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { build, type Ended, runNode } from './on-dist.ts';

// jest turns import() into require(), so modules of the user's are loaded by plain Node, from dist.

// Every test starts processes, and the machine may be busy.
jest.setTimeout(60_000);

const secretKey = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';
const program = `
  const { loadConfig, loadSessions } = await import(process.argv[1]);
  try {
    const { settings } = await loadConfig();
    const sessions = await loadSessions();
    const session = sessions.open();
    await session.load();
    session.set('n', 1);
    await session.save();
    await sessions.close();
    console.log(JSON.stringify({ ...settings, secretKey: undefined, stored: session.sessionKey !== null }));
  } catch (error) {
    console.log(error.name + ': ' + error.message);
  }`;

let packages: string;
let root: string;
let directory: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'coatcheck-modules-'));
  packages = dirname(await build('config'));
  await build('db');
  await build('cache');
}, 180_000);

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

beforeEach(() => {
  directory = mkdtempSync(join(root, 'app-'));
});

function write(path: string, text: string): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Loads and uses what is configured in the directory, by the workspace's own dist or a copy of it. */
function load(env: Record<string, string> = {}, from = packages): Promise<Ended> {
  const config = join(from, 'config', 'dist', 'index.js');
  return runNode(['--input-type=module', '-e', program, config], { cwd: directory, env });
}

/** Installs copies of the packages, so that nothing is found beside them. */
function install(...names: string[]): string {
  const scope = join(directory, 'node_modules', '@coatcheck');
  for (const name of names) {
    for (const part of ['package.json', 'dist']) {
      cpSync(join(packages, name, part), join(scope, name, part), { recursive: true });
    }
  }
  return scope;
}

describe('a configuration file', () => {
  it('may be TypeScript and import TypeScript', async () => {
    write('name.ts', `export const name: string = 'from-typescript';`);
    write(
      'sessions.config.ts',
      `import { name } from './name.ts';
      interface Db { url: string }
      const db: Db = { url: 'sqlite::memory:' };
      export default { secretKey: process.env.SECRET as string, cookie: { name }, db };`,
    );
    expect(await load({ SECRET: secretKey })).toEqual({
      code: 0,
      stdout: `{"cookie":{"name":"from-typescript"},"db":{"url":"sqlite::memory:"},"stored":true}\n`,
      stderr: '',
    });
  });

  it.each(['sessions.config.js', 'sessions.config.mjs'])('may be %s', async (file) => {
    write('package.json', '{"type":"module"}');
    write(file, `export default { secretKey: '${secretKey}', db: { url: 'sqlite::memory:' } };`);
    expect((await load()).stdout).toBe('{"db":{"url":"sqlite::memory:"},"stored":true}\n');
  });

  it('may be CommonJS', async () => {
    write('sessions.config.js', `module.exports = { secretKey: '${secretKey}', idleTimeout: 60 };`);
    expect((await load({ SESSION_DB_URL: 'sqlite::memory:' })).stdout).toBe(
      '{"idleTimeout":60,"db":{"url":"sqlite::memory:"},"stored":true}\n',
    );
  });

  it.each([
    [
      'export const config = {};',
      'has no default export; write "export default defineConfig({ … })".',
    ],
    ['throw new Error("no luck");', 'cannot be loaded: no luck'],
    ['export default { secretKey: ', 'cannot be loaded: '],
    ['import "./nowhere.ts"; export default {};', 'cannot be loaded: '],
  ])('that reads %s is refused in one sentence', async (text, message) => {
    write('sessions.config.ts', text);
    const { stdout } = await load();
    expect(stdout).toMatch(/^ImproperlyConfigured: The configuration file .*\n$/);
    expect(stdout).toContain(message);
  });
});

describe('an engine of the user', () => {
  const engine = `
    import { CreateError } from '@coatcheck/core';
    export function createBackend({ url }: { url?: string }) {
      const rows = new Map<string, { data: string; expiresAt: Date }>();
      if (url !== 'tape:1') throw new Error('options are missing');
      let taken = true;
      return {
        encoding: { salt: 'tape' },
        answers: 'later',
        load: async (key: string) => rows.get(key),
        async create({ key, data, expiresAt }: any) {
          if (taken) { taken = false; throw new CreateError(); }
          rows.set(key, { data, expiresAt });
          return { key, base: data };
        },
        update: async ({ key, data }: any) => ({ key, base: data }),
        touch: async () => undefined,
        delete: async (key: string) => rows.delete(key),
        clearExpired: async () => 0,
        close: async () => {},
      };
    }`;

  it('may be a TypeScript file beside the configuration, and shares the one core', async () => {
    mkdirSync(join(directory, 'node_modules', '@coatcheck'), { recursive: true });
    symlinkSync(join(packages, 'core'), join(directory, 'node_modules', '@coatcheck', 'core'));
    write('backends/tape.ts', engine);
    write(
      'sessions.config.ts',
      `export default { engine: './backends/tape.ts', engineOptions: { url: 'tape:1' } };`,
    );
    const { stdout } = await load({ SECRET_KEY: secretKey });
    expect(stdout).toMatch(/"stored":true\}\n$/);
  });

  it('may be a package, by its default export', async () => {
    write('node_modules/tape/package.json', '{"type":"module","exports":{"import":"./index.js"}}');
    write('node_modules/tape/index.js', 'export default () => ({});');
    expect((await load({ SECRET_KEY: secretKey, SESSION_ENGINE: 'tape' })).stdout).toContain(
      'The engine "tape" (setting engine, SESSION_ENGINE) made no session backend: load is missing.',
    );
  });

  it.each([
    [
      'export const nothing = 1;',
      'must export a function createBackend(options), or export it by default.',
    ],
    ['throw new Error("jammed");', 'cannot be loaded: jammed'],
  ])('that reads %s is refused in one sentence', async (text, message) => {
    write('tape.mjs', text);
    const { stdout } = await load({ SECRET_KEY: secretKey, SESSION_ENGINE: './tape.mjs' });
    expect(stdout).toBe(
      `ImproperlyConfigured: The engine "./tape.mjs" (setting engine, SESSION_ENGINE) ${message}\n`,
    );
  });
});

describe('what an engine needs', () => {
  it('is found from the configuration file first', async () => {
    install('config', 'core');
    write(
      'node_modules/@coatcheck/db/package.json',
      '{"type":"module","exports":{".":{"default":"./index.js"}}}',
    );
    write(
      'node_modules/@coatcheck/db/index.js',
      'export const createBackend = ({ driver }) => { throw new Error("mine, with " + driver); };',
    );
    write('node_modules/better-sqlite3/index.js', 'module.exports = "my driver";');
    expect((await load({ SECRET_KEY: secretKey })).stdout).toBe('Error: mine, with my driver\n');
  });

  it('is named with the command that installs it, when the engine is missing', async () => {
    const scope = install('config', 'core');
    expect((await load({ SECRET_KEY: secretKey }, scope)).stdout).toBe(
      'ImproperlyConfigured: The engine "db" (setting engine, SESSION_ENGINE) needs the package @coatcheck/db: npm install @coatcheck/db.\n',
    );
  });

  it.each([
    [{}, 'db.url (SESSION_DB_URL) needs the package better-sqlite3: npm install better-sqlite3.'],
    [
      { SESSION_DB_URL: 'postgres://shop:tiger@localhost/shop' },
      'db.url (SESSION_DB_URL) needs the package pg: npm install pg.',
    ],
    [
      { SESSION_DB_URL: 'mariadb://shop:tiger@localhost/shop' },
      'db.url (SESSION_DB_URL) needs the package mysql2: npm install mysql2.',
    ],
    [
      { SESSION_ENGINE: 'cache', SESSION_CACHE_URL: 'redis+cluster://:tiger@localhost' },
      'cache.url (SESSION_CACHE_URL) needs the package ioredis: npm install ioredis.',
    ],
  ])(
    'is named with the command that installs it, when the driver is missing: %j',
    async (env, message) => {
      const scope = install('config', 'core', 'db', 'cache');
      mkdirSync(join(directory, 'node_modules', 'lru-cache'));
      write('node_modules/lru-cache/index.js', 'exports.LRUCache = class {};');
      const { stdout } = await load(
        { SECRET_KEY: secretKey, ...env } as Record<string, string>,
        scope,
      );
      expect(stdout).toBe(`ImproperlyConfigured: The setting ${message}\n`);
    },
  );

  it("is found for an engine by Django's name", async () => {
    mkdirSync(join(directory, 'node_modules', '@coatcheck'), { recursive: true });
    symlinkSync(join(packages, 'cache'), join(directory, 'node_modules', '@coatcheck', 'cache'));
    const env = { SECRET_KEY: secretKey, SESSION_ENGINE: 'django.contrib.sessions.backends.cache' };
    expect((await load(env)).stdout).toMatch(/"stored":true\}\n$/);
  });
});
