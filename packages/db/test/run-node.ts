import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { typescriptLoader } from '@coatcheck/test-support';

const here = import.meta.dirname;

/** Runs a process on the sources of this workspace. */
export function runNode(...args: string[]): Promise<unknown> {
  return promisify(execFile)(
    process.execPath,
    ['--conditions=@coatcheck/source', '--import', typescriptLoader, ...args],
    { cwd: here, timeout: 100_000 },
  );
}
