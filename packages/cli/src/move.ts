import type { SessionBackend } from '@coatcheck/core';
import type { Command } from 'commander';
import { ANY_KEY, type CommandContext, hasTable } from './command-context.ts';
import { CommandError, exitCodes, failureOf, reasonOf } from './command-error.ts';
import { count } from './option-values.ts';
import { Progress } from './progress.ts';

interface Options {
  readonly batch?: number;
  readonly json?: true;
}

/** `coatcheck move`: what is left in the engine of `migratingFrom`, so that it can be dropped. */
export function addMove(program: Command, context: CommandContext): void {
  program
    .command('move')
    .description(
      'Move the sessions that the engine of migratingFrom still has, as their use would.',
    )
    .option('--batch <n>', 'read at most this many in one step', count)
    .option('--json', 'print the result as JSON')
    .action((options: Options) =>
      context.interruptibly((signal) => move(options, context, signal)),
    );
}

async function move(
  { batch: batchSize, json }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const progress = new Progress(context, 'moved');
  let moved = 0;
  let unreadable = 0;
  let failed = 0;
  let reason: unknown;
  const onUnreadable = (found: number): void => {
    unreadable = found;
  };
  const onFailed = (error: unknown): void => {
    if (failed === 0) reason = error;
    failed += 1;
  };
  const onProgress = (done: number): void => {
    moved = done;
    progress.show(done);
  };
  await context.withSessions(
    async (sessions, _, { migratingFrom }) => {
      const { backend, formerBackend } = sessions;
      await backend.load(ANY_KEY);
      if (formerBackend) await assertFormer(formerBackend, migratingFrom?.engine ?? 'db');
      try {
        moved = await sessions.moveRest({
          batchSize,
          signal,
          onProgress,
          onUnreadable,
          onFailed,
        });
      } catch (error) {
        // Which of the two places has failed meanwhile.
        if (formerBackend) await assertFormer(formerBackend, migratingFrom?.engine ?? 'db');
        throw error;
      } finally {
        progress.end();
      }
    },
    { table: true },
  );
  if (json)
    context.print(JSON.stringify({ moved, unreadable, failed, interrupted: signal.aborted }));
  else if (!signal.aborted) context.print(`Moved ${moved} session${moved === 1 ? '' : 's'}.`);
  if (signal.aborted) {
    throw new CommandError(
      `Interrupted after moving ${moved}; run it again for the rest.`,
      exitCodes.interrupted,
    );
  }
  if (failed > 0) {
    const also = unreadable > 0 ? `, and ${unreadable} more cannot be read` : '';
    throw new CommandError(
      `${failed} could not be moved and stay in the engine of migratingFrom${also}; the first failed so: ${reasonOf(reason).replace(/\.$/, '')}; run it again once that is mended.`,
    );
  }
  if (unreadable > 0) {
    throw new CommandError(
      `${unreadable} in the engine of migratingFrom cannot be read and stay there: correct migratingFrom.secretKey and the limits; or they are forged, and can go.`,
    );
  }
}

/** @throws {CommandError} where sessions cannot be read: to move none of them must not look like being done. */
async function assertFormer(backend: SessionBackend, engine: string): Promise<void> {
  let isThere: boolean;
  try {
    isThere = await hasTable(backend);
    await backend.load(ANY_KEY);
  } catch (error) {
    const { message } = failureOf(error, engine) as Error;
    throw new CommandError(`In migratingFrom: ${message}`);
  }
  if (isThere) return;
  throw new CommandError(
    `In migratingFrom: The table of the engine '${engine}' is missing: correct db.url and db.table, or leave migratingFrom out.`,
  );
}
