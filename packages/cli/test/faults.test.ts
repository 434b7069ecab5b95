import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { describeServers, type Place } from '../../db/test/database-servers.ts';
import { Here } from './coatcheck-here.ts';

// Every command on every engine where something is wrong: it says in one sentence what to do, and changes nothing.

type Variables = Readonly<Record<string, string>>;

const key = 'a'.repeat(32);
const commands = [
  'clearsessions',
  'clearsessions --dry-run',
  'clearsessions --older-than 30d',
  'clearsessions --where role=guest',
  'sessions list',
  'sessions list --account 7',
  'sessions list --account 7 --scan',
  'sessions stats',
  `sessions show ${key}`,
  'sessions show handle',
  `sessions revoke ${key}`,
  'sessions revoke --account 7',
  'sessions revoke --account 7 --scan',
  'rotate-secret',
  'migrate',
  'check',
  'copy --from here.mjs --to other.mjs',
  'copy --from other.mjs --to here.mjs',
  'move',
];
/** What has other things to say about a table that is missing. */
const needsNoTable = ['migrate', 'check'];
/** A cache cannot do it, server or none. */
const notForCaches = ['clearsessions --older-than 30d'];

let here: Here;

beforeEach(() => {
  here = new Here();
  write('other.mjs', { engine: 'cache', cache: { url: 'memory:' } });
});

afterEach(() => here.remove());

function write(file: string, settings: object): void {
  const text = JSON.stringify({ account: true, ...settings });
  writeFileSync(join(here.directory, file), `export default ${text};`);
}

function isEmpty(file: string): boolean {
  return statSync(join(here.directory, file)).size === 0;
}

/** Runs every command that is meant; what each said, which has to be one sentence and an exit code. */
async function failures(
  settings: object,
  env: Variables = {},
  left: readonly string[] = [],
): Promise<Map<string, string>> {
  write('here.mjs', settings);
  here.env = { ...here.env, ...env };
  const found = new Map<string, string>();
  for (const command of commands) {
    const where = command.startsWith('copy') ? '' : ' --config here.mjs';
    if (left.includes(command)) continue;
    const { code, stdout, stderr } = await here.coatcheck(command + where);
    expect({ command, code, stdout }).toEqual({ command, code: 1, stdout: '' });
    expect(stderr).toMatch(/^[A-Z"a-z][^\n]*[^.?\n][.?]\n$/);
    expect(stderr).not.toContain('hidden');
    found.set(command, stderr);
  }
  return found;
}

describe('every command on a wrong configuration', () => {
  it.each<[string, object, Variables, RegExp]>([
    ['no secret', {}, { SECRET_KEY: '' }, /^The setting secretKey is missing: set SECRET_KEY in /],
    ['a weak secret', {}, { SECRET_KEY: 'hidden' }, /^secretKey \(SECRET_KEY\) has fewer than 32 /],
    ['an unknown engine', { engine: 'abacus' }, {}, /^The engine "abacus" [^\n]*; use "db", /],
    ['an unknown setting', { cokie: {} }, {}, /cokie/],
    ['a value that is none', { cookie: { secure: 'maybe' } }, {}, /cookie\.secure/],
    ['no such driver', { db: { url: 'oracle://x/y' } }, {}, /db\.url/],
    [
      'no directory',
      { db: { url: 'sqlite:./no/x.sqlite3' } },
      {},
      /^The directory of [^\n]*db\.url/,
    ],
    ['no directory', { engine: 'file', file: { path: './no/x' } }, {}, /^file\.path: .*make that/],
  ])('%s: %j', async (_, settings, env, expected) => {
    for (const [command, said] of await failures(settings, env)) {
      expect({ command, said }).toEqual({ command, said: expect.stringMatching(expected) });
    }
    // Opening SQLite makes an empty file, before the rest of the settings is looked at.
    const files = readdirSync(here.directory).filter((file) => !isEmpty(file));
    expect(files.sort()).toEqual(['here.mjs', 'other.mjs']);
  });
});

describe('every command on a server that does not answer', () => {
  const postgresql = { url: 'postgres://u:hidden@127.0.0.1:1/x' };
  const mysql = { url: 'mysql://u:hidden@127.0.0.1:1/x' };
  const redis = { url: 'redis://u:hidden@127.0.0.1:1' };

  it.each<[string, object]>([
    ['db', { db: postgresql }],
    ['db', { db: mysql }],
    ['cached_db', { engine: 'cached_db', db: postgresql, cache: redis }],
    ['cached_db', { engine: 'cached_db', db: mysql, cache: { url: 'memory:' } }],
    ['cache', { engine: 'cache', cache: redis }],
  ])('%s: %j', async (engine, settings) => {
    const left = engine === 'cache' ? [...notForCaches, 'rotate-secret'] : [];
    for (const [command, said] of await failures(settings, {}, left)) {
      expect({ command, said }).toEqual({
        command,
        said: expect.stringMatching(
          new RegExp(
            `^The server of the session engine '${engine}' does not answer \\(\\w+\\): start`,
          ),
        ),
      });
    }
  });
});

const missing = (engine: string) =>
  new RegExp(`^The table of the engine '${engine}' is missing: run coatcheck migrate, or correct `);

describe('every command on a missing table', () => {
  it.each(['db', 'cached_db'])('%s on SQLite', async (engine) => {
    const cache = engine === 'db' ? {} : { cache: { url: 'memory:' } };
    const found = await failures({ engine, ...cache }, {}, needsNoTable);
    for (const said of found.values()) expect(said).toMatch(missing(engine));
  });

  it('makes none but by migrate', async () => {
    for (const command of commands.filter((each) => !needsNoTable.includes(each))) {
      write('here.mjs', {});
      await here.coatcheck(command.startsWith('copy') ? command : `${command} --config here.mjs`);
    }
    const database = new Database(join(here.directory, 'sessions.sqlite3'), { readonly: true });
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toEqual([]);
    database.close();
  });
});

describeServers('every command on a missing table', (kind) => {
  let place: Place;

  beforeAll(async () => {
    place = await kind.open();
  });
  afterAll(() => place.close());

  it('says so, and makes none', async () => {
    const table = 'not_there';
    const settings = {
      db: { url: place.url, table, timeoutMs: 30_000 },
      operationTimeoutMs: 60_000,
    };
    const found = await failures(settings, {}, needsNoTable);
    for (const said of found.values()) expect(said).toMatch(missing('db'));
  });
});
