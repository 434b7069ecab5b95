import type { Sessions } from '@coatcheck/core';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError, exitCodes } from './command-error.ts';
import { endSessions } from './end-sessions.ts';
import { printable } from './printable.ts';
import { Progress } from './progress.ts';
import { canBeEnded } from './selection.ts';

interface Options {
  readonly account?: string;
  readonly except?: string;
  readonly scan?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const INDEXED =
  'Sessions that Django made are in the index from their first change here; --scan reads every session.';

/** `coatcheck sessions revoke` */
export function addSessionsRevoke(sessions: Command, context: CommandContext): void {
  sessions
    .command('revoke')
    .description('End a session, or all of an account, at once and for good.')
    .argument('[session]', 'a handle from the list, which reads every session, or a key')
    .option('--account <account>', 'end every session of this account')
    .option('--except <handle>', 'with --account: but not the session with this handle')
    .option('--scan', 'with --account: read every session instead of asking the index')
    .option('--dry-run', 'count them and end nothing')
    .option('--json', 'print the result as JSON')
    .action((name: string | undefined, options: Options) =>
      context.interruptibly((signal) => revoke(name, options, context, signal)),
    );
}

async function revoke(
  name: string | undefined,
  options: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const { account, except, scan, dryRun = false, json } = options;
  if ((name === undefined) === (account === undefined)) {
    throw new CommandError('Say which: either a session, or --account.', exitCodes.usage);
  }
  if (except !== undefined && account === undefined) {
    throw new CommandError(
      '--except goes with --account: it spares one of its sessions.',
      exitCodes.usage,
    );
  }
  let revoked = 0;
  await context.withSessions(
    async (sessions) => {
      if (name !== undefined) revoked = await revokeOne(sessions, name, dryRun, signal);
      else if (scan)
        revoked = await revokeScanned(sessions, String(account), options, context, signal);
      else revoked = await revokeIndexed(sessions, String(account), options);
    },
    { table: true },
  );
  const ended = `${revoked} session${revoked === 1 ? '' : 's'}`;
  if (signal.aborted) {
    throw new CommandError(
      `Interrupted after ending ${dryRun ? 'nothing' : ended}; run it again for the rest.`,
      exitCodes.interrupted,
    );
  }
  if (json)
    return context.print(JSON.stringify({ revoked: dryRun ? 0 : revoked, found: revoked, dryRun }));
  const of = account === undefined ? '' : ` of account ${printable(account)}`;
  context.print(`${dryRun ? 'Would end' : 'Ended'} ${ended}${of}.`);
  if (account !== undefined && !scan) context.print(INDEXED);
}

async function revokeOne(
  { inspector }: Sessions,
  name: string,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<number> {
  const found = await inspector.find(name, { signal });
  if (found && canBeEnded(found) && (dryRun || (await inspector.revoke(found)))) return 1;
  if (signal.aborted) return 0;
  throw new CommandError(
    'There is no such live session: it may have ended; coatcheck sessions list has the handles.',
  );
}

async function revokeIndexed(
  sessions: Sessions,
  account: string,
  { except, dryRun }: Options,
): Promise<number> {
  if (!sessions.settings.account) {
    throw new CommandError(
      'Ending the sessions of an account without reading all of them needs the setting account: set it to true, or add --scan.',
    );
  }
  const those = sessions.of(account);
  if (except === undefined && !dryRun) return those.revokeAll();
  const handles = (await those.list()).map(({ handle }) => handle);
  if (except !== undefined && !handles.includes(except)) throw nothingToSpare();
  if (dryRun) return handles.filter((handle) => handle !== except).length;
  return those.revokeAllBut(String(except));
}

async function revokeScanned(
  { inspector }: Sessions,
  account: string,
  { except, dryRun }: Options,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const spared = except === undefined ? undefined : await inspector.find(except, { signal });
  if (signal.aborted) return 0;
  const isSpared = spared && canBeEnded(spared) && spared.account === account;
  if (except !== undefined && !isSpared) {
    throw nothingToSpare();
  }
  const progress = new Progress(context, 'looked at');
  try {
    return await endSessions(
      inspector,
      (session) => canBeEnded(session) && session.account === account && session.handle !== except,
      { dryRun, signal, onProgress: (read) => progress.show(read) },
    );
  } finally {
    progress.end();
  }
}

/** A handle that was mistyped must not end what it was meant to spare. */
function nothingToSpare(): CommandError {
  return new CommandError(
    'The account has no live session with the handle of --except, so nothing was ended; coatcheck sessions list --account has the handles.',
  );
}
