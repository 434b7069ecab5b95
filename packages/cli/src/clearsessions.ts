import { jittered, type Sessions } from '@coatcheck/core';
import type { Command } from 'commander';
import { assertReachable, type CommandContext } from './command-context.ts';
import { CommandError, exitCodes, failureOf } from './command-error.ts';
import { endSessions } from './end-sessions.ts';
import { count, interval } from './option-values.ts';
import { Progress } from './progress.ts';
import { addSelection, type Selection, type SelectionOptions, selectionOf } from './selection.ts';
import { sentence } from './sentence.ts';

interface Options extends SelectionOptions {
  readonly dryRun?: true;
  readonly batch?: number;
  readonly pause?: number;
  readonly watch?: number;
  readonly json?: true;
}

/** `coatcheck clearsessions`: removes expired sessions and prints how many. Django: `manage.py clearsessions`. */
export function addClearSessions(program: Command, context: CommandContext): void {
  const command = program
    .command('clearsessions')
    .description('Remove expired sessions from the configured engine, or live ones that are named.')
    .option('--dry-run', 'count them and remove nothing')
    .option('--batch <n>', 'remove at most this many in one step', count)
    .option('--pause <duration>', 'wait so long between two steps, such as 100ms', interval)
    .option('--watch <duration>', 'stay and do it again and again, about so often', interval);
  addSelection(command)
    .option('--json', 'print the result as JSON')
    .action((options: Options) =>
      context.interruptibly((signal) => clearSessions(options, context, signal)),
    );
}

async function clearSessions(
  options: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const work = async (sessions: Sessions, engine: string): Promise<void> => {
    await clearOnce(sessions, options, context, signal);
    const { watch } = options;
    if (watch === undefined) return;
    for (;;) {
      await context.wait(jittered(watch), signal);
      if (signal.aborted) return;
      try {
        await clearOnce(sessions, options, context, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        // Whoever watches stays: the server may be back next time.
        const { message } = failureOf(error, engine) as Error;
        context.report(sentence(message));
      }
    }
  };
  await context.withSessions(work, { table: true });
}

async function clearOnce(
  sessions: Sessions,
  options: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const { dryRun = false, json } = options;
  const selection = selectionOf(options, context.now);
  const found = selection
    ? await clearSelected(sessions, selection, options, context, signal)
    : await clearExpired(sessions, options, context, signal);
  const interrupted = signal.aborted;
  const kind = selection ? 'matching' : 'expired';
  const removed = dryRun ? 0 : found;
  if (json) {
    context.print(JSON.stringify({ [kind]: found, removed, dryRun, interrupted }));
  } else if (!interrupted) {
    context.print(`${dryRun ? 'Would remove' : 'Removed'} ${sessionsOf(found, kind)}.`);
  }
  if (interrupted) {
    throw new CommandError(
      `Interrupted after removing ${sessionsOf(removed, kind)}; run it again for the rest.`,
      exitCodes.interrupted,
    );
  }
}

async function clearExpired(
  sessions: Sessions,
  { batch: batchSize, pause, dryRun }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  // A cache clears by itself.
  if (sessions.backend.encoding === 'serialized') await assertReachable(sessions);
  if (dryRun) return sessions.clearExpired({ dryRun, signal });
  // Counting is worth it only where somebody watches a bar.
  const total = context.isTerminal
    ? await sessions.clearExpired({ dryRun: true, signal })
    : undefined;
  const progress = new Progress(context, 'removed', total);
  try {
    return await sessions.clearExpired({
      batchSize,
      signal,
      onProgress: (removed) => step(progress, removed, pause, context, signal),
    });
  } finally {
    progress.end();
  }
}

async function clearSelected(
  { inspector, backend }: Sessions,
  selection: Selection,
  { batch: batchSize, pause, dryRun, olderThan }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  if (olderThan !== undefined && backend.encoding === 'serialized') {
    throw new CommandError(
      'A cache does not keep when a session was saved, so that --older-than cannot tell: leave it out; its sessions end by themselves.',
    );
  }
  const progress = new Progress(context, 'looked at');
  try {
    return await endSessions(inspector, selection, {
      batchSize,
      dryRun,
      signal,
      onProgress: (read) => step(progress, read, pause, context, signal),
    });
  } finally {
    progress.end();
  }
}

async function step(
  progress: Progress,
  done: number,
  pause: number | undefined,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  progress.show(done);
  if (pause !== undefined && !signal.aborted) await context.wait(pause, signal);
}

/** `1 expired session`, `2 expired sessions`. */
function sessionsOf(count: number, kind: 'expired' | 'matching'): string {
  return `${count} ${kind} session${count === 1 ? '' : 's'}`;
}
