import type { InspectedSession } from '@coatcheck/core';
import type { Command } from 'commander';
import {
  assertReachable,
  assertTable,
  type CommandContext,
  type Place,
} from './command-context.ts';
import { CommandError, exitCodes, failureOf } from './command-error.ts';
import { count } from './option-values.ts';
import { Progress } from './progress.ts';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly batch?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** Sessions written at once. */
const AT_ONCE = 20;

/** `coatcheck copy`: the live sessions of one place to another, under their own keys. */
export function addCopy(program: Command, context: CommandContext): void {
  const place =
    'a configuration file, or a URL such as redis://host, sqlite:./x.sqlite3, file:./dir';
  program
    .command('copy')
    .description('Copy live sessions to another engine; what is there already stays.')
    .requiredOption('--from <place>', place)
    .requiredOption('--to <place>', 'the same')
    .option('--batch <n>', 'read at most this many in one step', count)
    .option('--dry-run', 'count them and write nothing')
    .option('--json', 'print the result as JSON')
    .action((options: Options) =>
      context.interruptibly((signal) => copy(options, context, signal)),
    );
}

async function copy(options: Options, context: CommandContext, signal: AbortSignal): Promise<void> {
  const { from, to, dryRun = false, json } = options;
  const counts = await within(context, from, (source) =>
    within(context, to, (target) => copySessions(source, target, options, context, signal)),
  );
  const { copied, present, arriving } = counts;
  if (json) {
    context.print(JSON.stringify({ ...counts, dryRun, interrupted: signal.aborted }));
  } else if (!signal.aborted) {
    const sessions = `${copied} session${copied === 1 ? '' : 's'}`;
    context.print(
      dryRun ? `Would copy ${sessions}.` : `Copied ${sessions}; ${present} had been there already.`,
    );
  }
  if (signal.aborted) {
    throw new CommandError(
      `Interrupted after copying ${dryRun ? 0 : copied}; run it again for the rest.`,
      exitCodes.interrupted,
    );
  }
  if (arriving > 0) {
    throw new CommandError(
      `${arriving} in --from are still arriving from its migratingFrom and were not copied, since they may have ended meanwhile: run coatcheck move there, then this again.`,
    );
  }
}

async function copySessions(
  { sessions: source, engine }: Place,
  { sessions: target, engine: targetEngine, isMigrating }: Place,
  { batch: batchSize, dryRun }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<{ copied: number; present: number; arriving: number }> {
  await blaming(engine, () => assertTable(source.backend, engine));
  if (isMigrating) {
    throw new CommandError(
      'The configuration of --to has migratingFrom, so that a copy could bring back sessions that have ended: take that out first, here and in the application.',
    );
  }
  if (source.settings.hashKeys && !target.settings.hashKeys) {
    throw new CommandError(
      'The keys in --from are hashed and those in --to are not, and nobody can turn them back: set hashKeys there too.',
    );
  }
  await blaming(targetEngine, async () => {
    await assertReachable(target);
    if (!dryRun) await assertTable(target.backend, targetEngine);
  });
  const progress = new Progress(context, 'copied');
  const batches = source.inspector.scan({ batchSize, signal });
  let copied = 0;
  let present = 0;
  let arriving = 0;
  const adopt = async (session: InspectedSession): Promise<void> => {
    const isNew = dryRun || (await blaming(targetEngine, () => target.inspector.adopt(session)));
    if (isNew) copied += 1;
    else present += 1;
  };
  try {
    for (;;) {
      const { value, done } = await blaming(engine, () => batches.next());
      if (done) break;
      const live = value.sessions.filter(({ state }) => state === 'live');
      arriving += value.sessions.filter(({ state }) => state === 'arriving').length;
      for (let start = 0; start < live.length && !signal.aborted; start += AT_ONCE) {
        await Promise.all(live.slice(start, start + AT_ONCE).map(adopt));
      }
      progress.show(copied + present);
    }
  } finally {
    progress.end();
  }
  return { copied, present, arriving };
}

/** What the work returns; its errors are those of this engine. */
async function blaming<T>(engine: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, engine);
  }
}

/** Works with a place, and closes it. */
async function within<T>(
  context: CommandContext,
  name: string,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const place = await context.openPlace(name);
  try {
    return await work(place);
  } finally {
    await place.sessions.close();
  }
}
