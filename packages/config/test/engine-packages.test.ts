import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { build, runNode } from './on-dist.ts';

// Every test starts a process, and the machine may be busy.
jest.setTimeout(60_000);

let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-packages-'));
  const packages = dirname(await build('config'));
  // Copies, so that nothing is found beside them.
  for (const name of ['config', 'core']) {
    for (const part of ['package.json', 'dist']) {
      const to = join(directory, 'node_modules', '@coatcheck', name, part);
      cpSync(join(packages, name, part), to, { recursive: true });
    }
  }
}, 180_000);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

it.each([
  ['cached_db', '@coatcheck/db'],
  ['file', '@coatcheck/file'],
  ['signed_cookies', '@coatcheck/signed-cookies'],
  ['cache', '@coatcheck/cache'],
])('the engine %s without its package names the command that installs it', async (engine, name) => {
  const program = `
    import { loadSessions } from '@coatcheck/config';
    await loadSessions().catch(({ name, message }) => console.log(name + ': ' + message));`;
  const env = {
    SECRET_KEY: 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf',
    SESSION_ENGINE: engine,
    SESSION_FILE_PATH: './files',
  };
  const { stdout } = await runNode(['--input-type=module', '-e', program], { cwd: directory, env });
  expect(stdout).toContain(
    `ImproperlyConfigured: The engine "${engine}" (setting engine, SESSION_ENGINE)`,
  );
  expect(stdout).toContain(` needs the package ${name}: npm install ${name}.\n`);
});
