import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSessions } from '@coatcheck/config';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import type { RunOptions } from 'coatcheck';
import { Here } from './coatcheck-here.ts';

let here: Here;

beforeEach(() => {
  here = new Here();
});

afterEach(() => here.remove());

const coatcheck = (args: string, options?: RunOptions) => here.coatcheck(args, options);

/** Stores sessions that ended an hour ago, and some that have not ended. */
async function store(counts: { expired: number; live: number }): Promise<void> {
  const { directory: cwd, env } = here;
  const sessions = await loadSessions<{ n: number }>(undefined, { cwd, env });
  for (let n = 0; n < counts.expired + counts.live; n++) {
    const session = sessions.open();
    session.set('n', n);
    if (n < counts.expired) session.setExpiry(new Date(Date.now() - 3_600_000));
    await session.save();
  }
  await sessions.close();
}

function countRows(): unknown {
  const database = new Database(join(here.directory, 'sessions.sqlite3'), { readonly: true });
  try {
    return database.prepare('SELECT count(*) FROM django_session').pluck().get();
  } finally {
    database.close();
  }
}

describe('coatcheck clearsessions', () => {
  it('test_clearsessions_command: removes exactly the expired sessions, and prints how many', async () => {
    await store({ expired: 3, live: 2 });
    expect(await coatcheck('clearsessions')).toEqual({
      code: 0,
      stdout: 'Removed 3 expired sessions.\n',
      stderr: '',
    });
    expect(countRows()).toBe(2);
    expect((await coatcheck('clearsessions')).stdout).toBe('Removed 0 expired sessions.\n');
  });

  it('removes in batches', async () => {
    await store({ expired: 5, live: 1 });
    expect((await coatcheck('clearsessions --batch 2')).stdout).toBe(
      'Removed 5 expired sessions.\n',
    );
    expect(countRows()).toBe(1);
  });

  it('counts and removes nothing with --dry-run', async () => {
    await store({ expired: 1, live: 1 });
    expect((await coatcheck('clearsessions --dry-run')).stdout).toBe(
      'Would remove 1 expired session.\n',
    );
    expect(countRows()).toBe(2);
  });

  it('prints JSON with --json', async () => {
    await store({ expired: 2, live: 0 });
    const dry = await coatcheck('clearsessions --json --dry-run');
    expect(JSON.parse(dry.stdout)).toEqual({
      expired: 2,
      removed: 0,
      dryRun: true,
      interrupted: false,
    });
    const { code, stdout } = await coatcheck('clearsessions --json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      expired: 2,
      removed: 2,
      dryRun: false,
      interrupted: false,
    });
  });

  it('stops between two batches when it is interrupted, and says so', async () => {
    await store({ expired: 4, live: 0 });
    const { code, stdout, stderr } = await coatcheck('clearsessions --batch 1', {
      signal: AbortSignal.abort(),
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(
      /^Interrupted after removing \d expired sessions?; run it again for the rest\.\n$/,
    );
  });

  it.each(['0', '-1', '1.5', 'many', '1e3'])('refuses a batch of %s', async (size) => {
    expect(await coatcheck(`clearsessions --batch=${size}`)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^Option '--batch <n>' argument '.*' is invalid\. .*\n$/),
    });
  });
});

describe('coatcheck migrate', () => {
  it('creates the table, and finds it the second time', async () => {
    expect(await coatcheck('migrate')).toEqual({
      code: 0,
      stdout: "Created the table of the engine 'db'.\n",
      stderr: '',
    });
    expect(countRows()).toBe(0);
    expect(await coatcheck('migrate')).toEqual({
      code: 0,
      stdout: "Nothing to do: the table of the engine 'db' exists.\n",
      stderr: '',
    });
  });
});

describe('coatcheck', () => {
  it('reads the configuration file it is told to, before or after the command', async () => {
    const file = join(here.directory, 'staging.json');
    writeFileSync(file, '{"db":{"url":"sqlite:./staging.sqlite3"}}');
    await coatcheck(`migrate --config ${file}`);
    expect((await coatcheck(`--config ${file} migrate`)).stdout).toMatch(/^Nothing to do/);
    expect((await coatcheck('migrate')).stdout).toMatch(/^Created/);
  });

  it.each(['--help', 'clearsessions --help', 'migrate --help'])('%s explains', async (args) => {
    const { code, stdout, stderr } = await coatcheck(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: coatcheck/);
    expect(stdout).toContain('--config <file>');
  });

  it('--version prints the version', async () => {
    expect(await coatcheck('--version')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  it('without a command prints the help on stderr', async () => {
    const { code, stdout, stderr } = await coatcheck('');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: coatcheck/);
  });

  it.each([
    [
      'clearsession',
      "Unknown command 'clearsession' (Did you mean clearsessions?); see coatcheck --help.\n",
    ],
    ['migrate --now', "Unknown option '--now'; see coatcheck --help.\n"],
    ['migrate now', expect.stringMatching(/^Too many arguments .*\n$/)],
    ['--config', "Option '--config <file>' argument missing; see coatcheck --help.\n"],
  ])('%s is a usage error: one line, exit code 2', async (args, stderr) => {
    expect(await coatcheck(args)).toEqual({ code: 2, stdout: '', stderr });
  });

  it.each<[string, Record<string, string>, string]>([
    ['without a secret', { SECRET_KEY: '' }, 'SECRET_KEY'],
    ['with a weak secret', { SECRET_KEY: 'short' }, 'SECRET_KEY'],
    ['with an unknown engine', { SESSION_ENGINE: 'abacus' }, 'SESSION_ENGINE'],
    ['with a wrong type', { SESSION_COOKIE_SECURE: 'maybe' }, 'SESSION_COOKIE_SECURE'],
    ['with a directory that is missing', { SESSION_DB_URL: 'sqlite:./no/x.sqlite3' }, 'db.url'],
  ])('%s ends in one line that names the setting, exit code 1', async (_, variables, setting) => {
    for (const command of ['clearsessions', 'migrate']) {
      const { code, stdout, stderr } = await coatcheck(command, {
        env: { ...here.env, ...variables },
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^[^\n]*\.\n$/);
      expect(stderr).toContain(setting);
      expect(stderr).not.toContain('short');
    }
  });

  it('ends in one line when the database is damaged', async () => {
    writeFileSync(
      join(here.directory, 'sessions.sqlite3'),
      'not a database at all, but long enough'.repeat(99),
    );
    const { code, stderr } = await coatcheck('clearsessions');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^[^\n]*\.\n$/);
  });
});
