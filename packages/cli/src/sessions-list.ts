import type { InspectedSession, Sessions } from '@coatcheck/core';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './command-error.ts';
import { count } from './option-values.ts';
import { instant, masked, printable } from './printable.ts';
import { table } from './table.ts';

interface Options {
  readonly limit: number;
  readonly after?: string;
  readonly account?: string;
  readonly scan?: true;
  readonly showKeys?: true;
  readonly json?: true;
}

interface Page {
  readonly sessions: readonly InspectedSession[];
  /** Where the next one begins; the least of a key that says so. */
  readonly next: string | undefined;
  readonly hasMore: boolean;
}

/** `coatcheck sessions list` */
export function addSessionsList(sessions: Command, context: CommandContext): void {
  sessions
    .command('list')
    .description('List sessions, page by page; the keys are masked.')
    .option('--limit <n>', 'sessions on a page', count, 20)
    .option('--after <text>', 'begin behind this, as the last page says')
    .option('--account <account>', 'only those of this account')
    .option('--scan', 'with --account: read every session instead of asking the index')
    .option('--show-keys', 'print whole keys; whoever sees one has the session')
    .option('--json', 'print the result as JSON')
    .action((options: Options) =>
      context.withSessions(
        (opened) =>
          options.account !== undefined && !options.scan
            ? listAccount(opened, options.account, options, context)
            : listAll(opened, options, context),
        { table: true },
      ),
    );
}

async function listAll(
  { inspector }: Sessions,
  options: Options,
  { print }: CommandContext,
): Promise<void> {
  const { json, showKeys } = options;
  const { sessions, next, hasMore } = await pageOf(inspector.scan.bind(inspector), options);
  if (json) {
    const listed = sessions.map((session) => ({
      handle: session.handle,
      ...(showKeys && { key: session.key }),
      account: session.account ?? null,
      state: session.state,
      expiresAt: session.expiresAt ?? null,
      savedAt: session.savedAt ?? null,
      bytes: session.bytes,
    }));
    print(JSON.stringify({ sessions: listed, after: hasMore ? (next ?? null) : null, hasMore }));
    return;
  }
  if (sessions.length === 0) return print('No sessions.');
  const head = ['SESSION', 'KEY', 'ACCOUNT', 'STATE', 'EXPIRES', 'BYTES'];
  const rows = sessions.map(({ handle, key, account, state, expiresAt, bytes }) => [
    handle,
    showKeys ? printable(key) : masked(key),
    printable(account ?? '-'),
    state,
    instant(expiresAt),
    bytes,
  ]);
  for (const line of table([head, ...rows])) print(line);
  if (!hasMore) return;
  print(
    next === undefined
      ? 'There are more, and this engine has no order to go on in: use a higher --limit.'
      : `There are more: --after ${next}`,
  );
}

async function pageOf(
  scan: Sessions['inspector']['scan'],
  { limit, after, account }: Options,
): Promise<Page> {
  const found = new Map<string, InspectedSession>();
  const batchSize = account === undefined ? Math.min(limit + 1, 1000) : 1000;
  let isOrdered = false;
  scanning: for await (const batch of scan({ after, batchSize })) {
    isOrdered = batch.after !== undefined;
    for (const session of batch.sessions) {
      if (account === undefined || session.account === account) found.set(session.key, session);
      if (found.size > limit) break scanning;
    }
  }
  const sessions = [...found.values()].slice(0, limit);
  const [last, beyond] = [sessions.at(-1), [...found.values()][limit]];
  const next = isOrdered && last && beyond ? between(last.key, beyond.key) : undefined;
  return { sessions, next, hasMore: beyond !== undefined };
}

/** The shortest beginning of the second key that lies behind the first: enough to go on, and no key. */
function between(last: string, beyond: string): string {
  let same = 0;
  while (same < last.length && last[same] === beyond[same]) same += 1;
  return beyond.slice(0, same + 1);
}

async function listAccount(
  opened: Sessions,
  account: string,
  { json, limit }: Options,
  { print }: CommandContext,
): Promise<void> {
  if (!opened.settings.account) {
    throw new CommandError(
      'Finding the sessions of an account without reading all of them needs the setting account: set it to true, or add --scan.',
    );
  }
  const all = await opened.of(account).list();
  const sessions = all.slice(0, limit);
  const hasMore = all.length > sessions.length;
  if (json) {
    const listed = sessions.map(({ isCurrent, ...session }) => session);
    return print(JSON.stringify({ account, sessions: listed, hasMore }));
  }
  if (sessions.length === 0)
    return print(`No sessions in the index of account ${printable(account)}.`);
  const head = ['SESSION', 'CREATED', 'LAST SEEN', 'EXPIRES', 'ADDRESS', 'USER AGENT'];
  const rows = sessions.map((session) => [
    session.handle,
    instant(session.createdAt),
    instant(session.lastSeenAt),
    instant(session.expiresAt),
    printable(session.address ?? '-'),
    printable(session.userAgent ?? '-'),
  ]);
  for (const line of table([head, ...rows])) print(line);
  if (hasMore) print(`There are ${all.length}: use a higher --limit.`);
}
