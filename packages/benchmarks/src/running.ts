import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { typescriptLoader } from '@coatcheck/test-support';
import type { Contender } from './contender.ts';
import type { Whereabouts } from './places.ts';

/** What a server has used since it started, by the operating system's account. */
export interface Usage {
  /** User and system time of all its threads, in microseconds. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** The live and dead objects of V8's heap; `undefined` for what is no JavaScript. */
  readonly heapBytes?: number;
}

/** A contender whose server takes requests. */
export interface Running {
  readonly contender: Contender;
  readonly port: number;
  /** Of visitors who have a session from the start. */
  readonly cookies?: readonly string[] | undefined;
  /** In which steps its CPU time is told, in microseconds; none: it is exact. */
  readonly cpuStepMicros?: number | undefined;
  usage(): Promise<Usage>;
  /** The end of what it has printed, which is where its errors are. */
  printed(): string;
  stop(): Promise<void>;
}

const SOURCE = import.meta.url.endsWith('.ts');
const PROCESS = fileURLToPath(new URL(`./server-process.${SOURCE ? 'ts' : 'js'}`, import.meta.url));
// Measurements run what was built; tests run the sources.
const execArgv = SOURCE ? ['--conditions=@coatcheck/source', '--import', typescriptLoader] : [];

/**
 * Starts a contender in a process of its own.
 *
 * @param profile the file for a CPU profile, which is written when the process ends.
 * @throws {Error} with what it printed, when it does not start.
 */
export async function startContender(
  contender: Contender,
  at: Whereabouts,
  profile?: string,
): Promise<Running> {
  const child = fork(PROCESS, [contender.name, JSON.stringify(at)], {
    execArgv: profile === undefined ? execArgv : [...execArgv, ...profiling(profile)],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      printed = (printed + text).slice(-2000);
    });
  }
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${contender.name} ended with: ${printed}`);
  });
  // It is looked at only while an answer is waited for.
  ended.catch(() => {});
  const answerOf = async (): Promise<unknown> =>
    (await Promise.race([once(child, 'message'), ended]))[0];
  const started = (await answerOf()) as Pick<Running, 'port' | 'cookies'>;
  return {
    contender,
    ...started,
    usage: async () => {
      child.send('usage');
      return (await answerOf()) as Usage;
    },
    printed: () => printed,
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // It takes that as the end.
  child.disconnect();
  await ended;
}

function profiling(file: string): string[] {
  const [directory, name] = [path.dirname(file), path.basename(file)];
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${name}`];
}
