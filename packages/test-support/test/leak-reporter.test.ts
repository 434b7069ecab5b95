import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = path.join(import.meta.dirname, '../../..');
const KEY = 'k0k1k2k3k4k5k6k7k8k9kakbkckdkekf';
const SIGNED = `eyJjYXJ0IjpbMV19:1r31eq:${'5MgoLqkmKp1F-_'.repeat(4).slice(0, 43)}`;
const CANARY = 'canary-of-this-test';

/** Files of tests that let something out, each in a way of its own. */
const LEAKING = {
  'console.log': `console.log('session ${KEY}')`,
  'standard output': `process.stdout.write('sessionid${KEY}\\n')`,
  'debug line': `process.stderr.write(new Date().toISOString() + ' app:session ${KEY}\\n')`,
  'two pieces': `process.stderr.write('${KEY.slice(0, 9)}'); process.stderr.write('${KEY.slice(9)}\\n')`,
  warning: `process.emitWarning('no record: ${KEY}')`,
  event: `require('node:diagnostics_channel').channel('coatcheck:error').publish({ cause: new Error('${KEY}') })`,
  'child process': `run('process.stderr.write("${KEY}")')`,
  'child process that dies': `run('throw new Error("${KEY}")')`,
  'signed data': `console.error('.${SIGNED}')`,
  canary: `console.error({ text: '${CANARY}' })`,
  'canary in base64': `console.error('${Buffer.from(`{"a":"${CANARY}"}`).toString('base64url')}')`,
};

describe.each([
  ['in one process', '-i'],
  ['in workers', '--maxWorkers=2'],
])('a run of tests %s that prints', (_, workers) => {
  const run = temporaryRun();
  let all: Awaited<ReturnType<typeof run.jest>>;
  beforeAll(async () => {
    all = await run.jest(workers, LEAKING);
  }, 120_000);
  afterAll(run.remove);

  it.each(Object.keys(LEAKING))('a key or data in the way "%s" fails, and says where', (name) => {
    expect(all.code).toBe(1);
    const lines = all.leaks.filter((each) => each.startsWith(`${name}.`)).join('\n');
    expect(lines).toMatch(/<(a session key|signed data|data of a session)>/);
    for (const secret of [KEY, SIGNED, CANARY]) expect(lines).not.toContain(secret);
  });

  it('anything else succeeds, and shows no debug lines', async () => {
    const { code, leaks, printed } = await run.jest(workers, {
      digests: `console.log('${'0123456789abcdef'.repeat(2)} ${'0a'.repeat(32)} ${'x'.repeat(40)}')`,
      'near misses': `console.log('${KEY.slice(1)} ${KEY.toUpperCase()} canary ${SIGNED.slice(0, -1)}')`,
      debug: `process.stderr.write(new Date().toISOString() + ' app:session of ' + process.env.DEBUG + '\\n')`,
      'a lot': `process.stderr.write(new Date().toISOString() + ' app:session ' + '-'.repeat(2e6).padEnd(4e6) + '\\n')`,
      'what its child answers': `run('console.log("${KEY}"); console.error("fine")')`,
    });
    expect({ code, leaks }).toEqual({ code: 0, leaks: [] });
    expect(printed).toMatch(/^No session keys or data in what was printed \(\d+ processes, /m);
    expect(printed).toContain(KEY.toUpperCase());
    expect(printed).not.toContain('app:session');
  }, 120_000);
});

/** Runs jest, with the reporter, on files of one test each. */
function temporaryRun() {
  const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-leaking-'));
  const child = `function run(code) {
    const script = __filename.replace('.test.', '.child.');
    require('node:fs').writeFileSync(script, code);
    require('node:child_process').spawnSync(process.execPath, [script]);
  }`;
  const config = {
    testMatch: ['**/*.test.cjs'],
    transform: {},
    reporters: ['default', path.join(ROOT, 'packages/test-support/leaks/leak-reporter.mjs')],
  };
  // The run that this test belongs to must not search what these print.
  const { DEBUG, NODE_OPTIONS, COATCHECK_PRINTED, ...env } = process.env;
  return {
    async jest(workers: string, files: Record<string, string>) {
      const names = Object.keys(files).map((name) => `${name}.test.cjs`);
      for (const [name, code] of Object.entries(files)) {
        const text = `${child}\ntest('prints', () => { ${code} });\n`;
        writeFileSync(path.join(directory, `${name}.test.cjs`), text);
      }
      const jest = path.join(ROOT, 'node_modules/jest/bin/jest.js');
      const args = [jest, '--rootDir', directory, '--config', JSON.stringify(config), workers];
      return new Promise<{ code: number; leaks: string[]; printed: string }>((resolve) => {
        const done = (error: unknown, stdout: string, stderr: string): void => {
          const [, told = ''] =
            /^Session keys or data in what was printed.*\n((?: {2}.*\n)*)/m.exec(stderr) ?? [];
          const leaks = told.split('\n').flatMap((line) => (line ? [line.trim()] : []));
          resolve({ code: error ? 1 : 0, leaks, printed: stdout + stderr });
        };
        execFile(
          process.execPath,
          [...args, '--runTestsByPath', ...names],
          { env, cwd: directory },
          done,
        );
      });
    },
    remove: (): void => rmSync(directory, { recursive: true }),
  };
}
