import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { typescriptLoader } from '@coatcheck/test-support';

const here = import.meta.dirname;

const runSource = [
  process.execPath,
  '--conditions=@coatcheck/source',
  '--import',
  typescriptLoader,
];

/** Starts a process on the sources of this workspace. */
function startNode(script: string, ...args: string[]): ChildProcess {
  const [command = '', ...options] = runSource;
  const child = spawn(command, [...options, path.join(here, script), ...args], {
    cwd: here,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

const running = new Set<ChildProcess>();

/** Ends what a failed test left running. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs a process to its end. @throws when it fails. */
export async function runNode(script: string, ...args: string[]): Promise<void> {
  const [code] = await once(startNode(script, ...args), 'exit');
  if (code !== 0) throw new Error(`${script} ended with ${code}.`);
}

/** A process that counts up in an entry of a session until it is killed. */
export function startWriter(directory: string, key: string, name: string) {
  const child = startNode('writer-process.ts', directory, key, name);
  const exit = once(child, 'exit');
  let acknowledged = 0;
  child.stdout?.on('data', (chunk) => {
    // The last line may be cut off.
    acknowledged = Number(String(chunk).split('\n').at(-2) ?? acknowledged);
  });
  return {
    name,
    /** The last count that was stored, as far as the process could say. */
    acknowledged: () => acknowledged,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    async started(): Promise<void> {
      while (acknowledged === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** What a process says that may have only this many files open. */
export function runWithFewFiles(files: number, script: string, ...args: string[]): string {
  const limited = `ulimit -n ${files} && exec "$@"`;
  const command = [...runSource, path.join(here, script), ...args];
  return execFileSync('sh', ['-c', limited, 'sh', ...command], { cwd: here, encoding: 'utf8' });
}
