import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const Database: typeof import('better-sqlite3') = createRequire(import.meta.url)('better-sqlite3');

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

/** Brings `packages/<name>/dist` up to date, for tests that need real ESM, and returns the package's directory. */
export async function build(name: string): Promise<string> {
  const cache = `${root}node_modules/.cache`;
  mkdirSync(cache, { recursive: true });
  // One build at a time among jest's workers; a lock that ends with its process.
  const lock = new Database(`${cache}/build-lock.sqlite3`, { timeout: 120_000 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    await run(
      process.execPath,
      [`${root}node_modules/typescript/bin/tsc`, '-b', `packages/${name}`],
      { cwd: root },
    );
  } catch (error) {
    // Type errors keep nothing from being emitted; they are for the build to report.
    if (typeof (error as Partial<Ended>).code !== 'number') throw error;
  } finally {
    lock.close();
  }
  return `${root}packages/${name}`;
}

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node until it ends, in an environment of its own. */
export async function runNode(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<Ended> {
  const env = { PATH: process.env.PATH, ...options.env };
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd: options.cwd, env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}
