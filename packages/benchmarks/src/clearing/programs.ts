import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { typescriptLoader } from '@coatcheck/test-support';

const isSource = import.meta.url.endsWith('.ts');

/** Starts a program of this directory; what it sends is what it has to tell. */
export function startProgram(name: string, argument: unknown): ChildProcess {
  const file = fileURLToPath(new URL(`./${name}.${isSource ? 'ts' : 'js'}`, import.meta.url));
  return fork(file, [JSON.stringify(argument)], {
    execArgv: isSource ? ['--conditions=@coatcheck/source', '--import', typescriptLoader] : [],
  });
}

/** What the program sends next. @throws where it ends instead. */
export async function told<T>(program: ChildProcess): Promise<T> {
  const ended = once(program, 'exit').then(([code]) => {
    throw new Error(`A program of the benchmark ended with ${code}.`);
  });
  const [message] = (await Promise.race([once(program, 'message'), ended])) as [T];
  ended.catch(() => {});
  return message;
}
