import { type Command, InvalidArgumentError } from 'commander';
import {
  type CommandContext,
  CommandError,
  exitCodes,
  expiredSessions,
  reasonOf,
} from './command-context.ts';

interface Options {
  readonly dryRun?: true;
  readonly batch?: number;
  readonly json?: true;
}

/** `coatcheck clearsessions`: removes expired sessions and prints how many. Django: `manage.py clearsessions`. */
export function addClearSessions(program: Command, context: CommandContext): void {
  program
    .command('clearsessions')
    .description('Remove expired sessions from the configured engine.')
    .option('--dry-run', 'count them and remove nothing')
    .option('--batch <n>', 'remove at most this many in one step', batchSize)
    .option('--json', 'print the result as JSON')
    .action((options: Options) => clearSessions(options, context));
}

async function clearSessions(options: Options, context: CommandContext): Promise<void> {
  const { dryRun = false, batch, json } = options;
  const { signal, release } = interruption(context.signal);
  let count = 0;
  try {
    await context.withSessions(async (sessions, engine) => {
      try {
        count = await sessions.clearExpired({ batchSize: batch, dryRun, signal });
      } catch (error) {
        throw new CommandError(
          `Session engine '${engine}' could not clear expired sessions: ${reasonOf(error)}`,
        );
      }
    });
  } finally {
    release();
  }
  const interrupted = signal.aborted;
  if (json) {
    context.print(
      JSON.stringify({ expired: count, removed: dryRun ? 0 : count, dryRun, interrupted }),
    );
  } else if (!interrupted) {
    const sessions = expiredSessions(count);
    context.print(dryRun ? `Would remove ${sessions}.` : `Removed ${sessions}.`);
  }
  if (interrupted) {
    throw new CommandError(
      `Interrupted after removing ${expiredSessions(dryRun ? 0 : count)}; run it again for the rest.`,
      exitCodes.interrupted,
    );
  }
}

/** The signal given, or one that SIGINT and SIGTERM abort until it is released. */
function interruption(given: AbortSignal | undefined): {
  signal: AbortSignal;
  release: () => void;
} {
  if (given) return { signal: given, release: () => {} };
  const controller = new AbortController();
  // Once: a second Ctrl-C ends the process at once.
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  const release = (): void => {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  };
  return { signal: controller.signal, release };
}

function batchSize(text: string): number {
  const size = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(size) && size > 0) return size;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}
