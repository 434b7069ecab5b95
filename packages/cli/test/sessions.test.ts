import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { Here } from './coatcheck-here.ts';

let here: Here;
const hourAgo = () => new Date(Date.now() - 3_600_000);

beforeEach(() => {
  here = new Here();
});

afterEach(() => here.remove());

function configure(settings: string): void {
  writeFileSync(join(here.directory, 'sessions.config.mjs'), `export default ${settings};`);
}

function countRows(): unknown {
  const database = new Database(join(here.directory, 'sessions.sqlite3'), { readonly: true });
  try {
    return database.prepare('SELECT count(*) FROM django_session').pluck().get();
  } finally {
    database.close();
  }
}

describe('coatcheck sessions list', () => {
  it('lists account, state, expiry and size, and no key', async () => {
    const key = await here.store({ _auth_user_id: '7' });
    await here.store({ cart: [1] }, hourAgo());
    const { code, stdout, stderr } = await here.coatcheck('sessions list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^SESSION +KEY +ACCOUNT +STATE +EXPIRES +BYTES\n/);
    expect(stdout).toMatch(/^[\w-]{22} {2}\w{4}… +7 +live +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +\d+$/m);
    expect(stdout).toMatch(/ - +expired /);
    expect(stdout).not.toContain(key);
    expect((await here.coatcheck('sessions list --show-keys')).stdout).toContain(key);
  });

  it('goes on where the last page ended, without telling a key', async () => {
    const keys: string[] = [];
    for (let n = 0; n < 7; n += 1) keys.push(await here.store({ n }));
    const seen: string[] = [];
    let args = '--show-keys --json --limit 3';
    for (let page = 1; page <= 3; page += 1) {
      const { stdout } = await here.coatcheck(`sessions list ${args}`);
      const { sessions, after, hasMore } = JSON.parse(stdout);
      seen.push(...sessions.map(({ key }: { key: string }) => key));
      expect(hasMore).toBe(page < 3);
      if (!hasMore) break;
      expect(after.length).toBeLessThan(8);
      args = `--show-keys --json --limit 3 --after ${after}`;
    }
    expect(seen).toEqual(keys.sort());
  });

  it('asks the index for an account, and says what it needs for that', async () => {
    await here.store({ _auth_user_id: '7' });
    const without = await here.coatcheck('sessions list --account 7');
    expect(without).toMatchObject({ code: 1, stdout: '' });
    expect(without.stderr).toMatch(/the setting account: set it to true, or add --scan\.\n$/);
    expect((await here.coatcheck('sessions list --account 7 --scan')).stdout).toContain(' live ');
    configure('{ account: true }');
    await here.store({ _auth_user_id: '7' });
    await here.store({ _auth_user_id: '8' });
    const { stdout } = await here.coatcheck('sessions list --account 7');
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(/^SESSION +CREATED +LAST SEEN/);
  });

  it('writes nothing that steers a terminal', async () => {
    await here.store({ _auth_user_id: '\u001b[2J\u009b\u202e' });
    const { stdout } = await here.coatcheck('sessions list');
    expect(stdout).toContain('\\u001b[2J\\u009b\\u202e');
  });
});

describe('coatcheck sessions show', () => {
  it('shows the entries of a session by its key and by its handle', async () => {
    const key = await here.store({ cart: [{ id: 1 }], name: 'Zoë' });
    const byKey = await here.coatcheck(`sessions show ${key}`);
    expect(byKey.stdout).toContain('cart: [\n  {\n    "id": 1\n  }\n]\n');
    expect(byKey.stdout).not.toContain(key);
    const [, handle] = /^session {2}(\S+)$/m.exec(byKey.stdout) ?? [];
    expect((await here.coatcheck(`sessions show ${handle}`)).stdout).toBe(byKey.stdout);
    const { stdout } = await here.coatcheck(`sessions show ${handle} --json`);
    expect(JSON.parse(stdout)).toMatchObject({ handle, data: { cart: [{ id: 1 }], name: 'Zoë' } });
  });

  it('says that there is none', async () => {
    await here.store({ n: 1 });
    const { code, stdout, stderr } = await here.coatcheck(`sessions show ${'a'.repeat(32)}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^There is no such session: .*\.\n$/);
  });
});

describe('coatcheck sessions revoke', () => {
  it('ends one session, by its key or its handle', async () => {
    const [one, two] = [await here.store({ n: 1 }), await here.store({ n: 2 })];
    const { stdout } = await here.coatcheck(`sessions show ${two} --json`);
    expect((await here.coatcheck(`sessions revoke ${one}`)).stdout).toBe('Ended 1 session.\n');
    expect(await here.exists(one)).toBe(false);
    expect(await here.exists(two)).toBe(true);
    const { handle } = JSON.parse(stdout);
    expect((await here.coatcheck(`sessions revoke ${handle} --dry-run`)).stdout).toBe(
      'Would end 1 session.\n',
    );
    expect(await here.exists(two)).toBe(true);
    await here.coatcheck(`sessions revoke ${handle}`);
    expect(await here.exists(two)).toBe(false);
    expect((await here.coatcheck(`sessions revoke ${handle}`)).code).toBe(1);
  });

  it('ends all of an account that the index knows, and says what it does not know', async () => {
    const before = await here.store({ _auth_user_id: '7' });
    configure('{ account: true }');
    const keys = [
      await here.store({ _auth_user_id: '7' }),
      await here.store({ _auth_user_id: '7' }),
    ];
    const other = await here.store({ _auth_user_id: '8' });
    const { code, stdout } = await here.coatcheck('sessions revoke --account 7');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^Ended 2 sessions of account 7\.\nSessions that Django made .*--scan/,
      ),
    });
    for (const key of keys) expect(await here.exists(key)).toBe(false);
    expect(await here.exists(before)).toBe(true);
    expect((await here.coatcheck('sessions revoke --account 7 --scan')).stdout).toBe(
      'Ended 1 session of account 7.\n',
    );
    expect(await here.exists(before)).toBe(false);
    expect(await here.exists(other)).toBe(true);
  });

  it.each(['', ' --scan'])(
    'ends all of an account but one%s, and none where there is no such one',
    async (scan) => {
      configure('{ account: true }');
      const mine = await here.store({ _auth_user_id: '7' });
      const others = [
        await here.store({ _auth_user_id: '7' }),
        await here.store({ _auth_user_id: '7' }),
      ];
      const stranger = await here.store({ _auth_user_id: '8' });
      const handleOf = async (key: string): Promise<string> =>
        JSON.parse((await here.coatcheck(`sessions show ${key} --json`)).stdout).handle;
      const refused = await here.coatcheck(
        `sessions revoke --account 7 --except ${await handleOf(stranger)}${scan}`,
      );
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/nothing was ended/),
      });
      const args = `sessions revoke --account 7 --except ${await handleOf(mine)}${scan}`;
      expect((await here.coatcheck(`${args} --dry-run`)).stdout).toMatch(/^Would end 2 sessions/);
      expect(await here.exists(String(others[0]))).toBe(true);
      expect((await here.coatcheck(args)).stdout).toMatch(/^Ended 2 sessions of account 7\./);
      expect(await Promise.all(others.map((key) => here.exists(key)))).toEqual([false, false]);
      expect(await Promise.all([mine, stranger].map((key) => here.exists(key)))).toEqual([
        true,
        true,
      ]);
    },
  );

  it('spares one of an account only', async () => {
    expect(await here.coatcheck('sessions revoke abc --except def')).toMatchObject({
      code: 2,
      stderr: '--except goes with --account: it spares one of its sessions.\n',
    });
  });

  it.each(['sessions revoke', 'sessions revoke abc --account 7'])(
    '%s makes no sense',
    async (args) => {
      expect(await here.coatcheck(args)).toEqual({
        code: 2,
        stdout: '',
        stderr: 'Say which: either a session, or --account.\n',
      });
    },
  );
});

describe('coatcheck sessions stats', () => {
  it('counts live and expired sessions, per day and by size, and what cannot be read', async () => {
    for (let n = 0; n < 3; n += 1) await here.store({ n });
    await here.store({ text: 'x'.repeat(500) });
    await here.store({ n: 1 }, hourAgo());
    const database = new Database(join(here.directory, 'sessions.sqlite3'));
    database
      .prepare("INSERT INTO django_session VALUES ('forged', 'forged', '2999-01-01 00:00:00')")
      .run();
    database.close();
    const { stdout } = await here.coatcheck('sessions stats --json');
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ live: 4, expired: 1, cycled: 0, unreadable: 1 });
    expect(Object.values(found.endsPerDay)).toEqual([4]);
    expect(
      found.sizes.reduce((n: number, size: { sessions: number }) => n + size.sessions, 0),
    ).toBe(4);
    const text = (await here.coatcheck('sessions stats')).stdout;
    expect(text).toMatch(/^live +4\nexpired +1\nunreadable 1\nbytes/);
    expect(text).toMatch(/^\d{4}-\d\d-\d\d {2}4 {2}█+$/m);
    expect(text).toMatch(/^up to \d+ B +3 {2}█+$/m);
  });
});

describe('every command about sessions', () => {
  const commands = [
    'sessions list',
    'sessions stats',
    `sessions show ${'a'.repeat(32)}`,
    `sessions revoke ${'a'.repeat(32)}`,
    'sessions revoke --account 7 --scan',
    'clearsessions',
    'clearsessions --older-than 30d',
  ];

  it.each(commands)('%s says that the table is missing, and makes none', async (command) => {
    const { code, stdout, stderr } = await here.coatcheck(command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^The table of the engine 'db' is missing: run coatcheck migrate, [^\n]*\.\n$/,
    );
    expect(countRows).toThrow(/no such table/);
  });

  it.each([...commands, 'migrate', 'check'])(
    '%s says that the server does not answer',
    async (command) => {
      for (const [engine, url] of [
        ['db', 'postgres://u:hidden@127.0.0.1:1/x'],
        ['db', 'mysql://u:hidden@127.0.0.1:1/x'],
        ['cache', 'redis://u:hidden@127.0.0.1:1'],
      ] as const) {
        if (engine === 'cache' && /^(clearsessions|migrate)/.test(command)) continue;
        here.env = {
          ...here.env,
          SESSION_ENGINE: engine,
          [engine === 'db' ? 'SESSION_DB_URL' : 'SESSION_CACHE_URL']: url,
        };
        const { code, stdout, stderr } = await here.coatcheck(command);
        expect({ engine, url, code, stdout }).toEqual({ engine, url, code: 1, stdout: '' });
        expect(stderr).toMatch(
          /^The server of the session engine '\w+' does not answer \(\w+\): start it, [^\n]*\.\n$/,
        );
        expect(stderr).not.toContain('hidden');
      }
    },
  );

  it.each(commands.slice(0, 5))(
    '%s says of signed cookies that they cannot be listed',
    async (command) => {
      here.env = { ...here.env, SESSION_ENGINE: 'signed_cookies' };
      const { code, stdout, stderr } = await here.coatcheck(command);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^[^\n]*\.\n$/);
    },
  );
});
