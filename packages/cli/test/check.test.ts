import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from 'coatcheck';

const SECRET_KEY = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';
const careful = { SECRET_KEY, SESSION_COOKIE_SECURE: 'true', SESSION_COOKIE_NAME: '__Host-s' };
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'coatcheck-check-'));
});

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

async function check(env: Record<string, string>, ...args: string[]) {
  let stdout = '';
  let stderr = '';
  const code = await run(['check', ...args], {
    cwd,
    env,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

describe('coatcheck check', () => {
  it('says what was looked at, and exits with 0 where nothing is unsafe', async () => {
    const { code, stdout, stderr } = await check(careful);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^safe {4}SQLite durability: synchronous is FULL/m);
    expect(stdout).toMatch(/^notice {2}Lifetime: /m);
    expect(stdout).not.toContain(SECRET_KEY);
  });

  it('exits with 1 where something is unsafe', async () => {
    const { code, stdout, stderr } = await check({ ...careful, SESSION_COOKIE_HTTPONLY: 'false' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'One thing is unsafe.\n' });
    expect(stdout).toMatch(/^UNSAFE {2}Cookie: cookie\.httpOnly is off/m);
  });

  it.each([
    ['cache', { SESSION_CACHE_URL: 'memory:' }, /^UNSAFE {2}Memory: /m],
    ['cached_db', { SESSION_CACHE_URL: 'memory:' }, /^notice {2}Cache: The cache in front/m],
    ['file', { SESSION_FILE_PATH: './sessions' }, /Files: |File system: /],
    ['signed_cookies', {}, /^notice {2}Signed cookies: Visitors can read their session/m],
    ['signed_cookies', { SESSION_SIGNED_COOKIES_ENCRYPT: 'true' }, /copied cookie outlives/],
  ])('looks at the engine %s', async (engine, env, expected) => {
    const { stdout } = await check({ ...careful, ...env, SESSION_ENGINE: engine });
    expect(stdout).toMatch(expected);
  });

  it('prints JSON', async () => {
    const { code, stdout } = await check(careful, '--json');
    expect(code).toBe(0);
    const { safe, findings } = JSON.parse(stdout);
    expect(safe).toBe(true);
    expect(findings).toContainEqual({
      level: 'safe',
      about: 'Secret key',
      message: 'It is long and looks random.',
    });
  });

  it.each([
    [
      'postgres://nobody@127.0.0.1:1/none',
      /^The server of the session engine 'db' does not answer \(ECONNREFUSED\): start it, .*\n$/,
    ],
    [
      'mysql://nobody@127.0.0.1:1/none',
      /^The server of the session engine 'db' does not answer \(ECONNREFUSED\): start it, .*\n$/,
    ],
  ])('says in one sentence that %s does not answer', async (url, expected) => {
    const { code, stdout, stderr } = await check({ ...careful, SESSION_DB_URL: url });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(expected);
  });
});
