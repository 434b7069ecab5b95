import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addSessionsList } from './sessions-list.ts';
import { addSessionsRevoke } from './sessions-revoke.ts';
import { addSessionsShow } from './sessions-show.ts';
import { addSessionsStats } from './sessions-stats.ts';

/** `coatcheck sessions`: what there is, and how to end it. */
export function addSessions(program: Command, context: CommandContext): void {
  const sessions = program
    .command('sessions')
    .description('Look at the sessions of the configured engine, and end them.')
    .helpCommand(false);
  addSessionsList(sessions, context);
  addSessionsShow(sessions, context);
  addSessionsRevoke(sessions, context);
  addSessionsStats(sessions, context);
}
