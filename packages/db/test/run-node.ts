import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const here = import.meta.dirname;

/** Runs a process on the sources of this workspace. */
export function runNode(...args: string[]): Promise<unknown> {
  const loader = path.join(here, 'typescript-loader.mjs');
  return promisify(execFile)(
    process.execPath,
    ['--conditions=@coatcheck/source', '--import', loader, ...args],
    { cwd: here, timeout: 100_000 },
  );
}
