import type { Command } from 'commander';
import { assertReachable, type CommandContext } from './command-context.ts';

/** What an engine that keeps sessions in a table has beyond the contract. */
interface Migrator {
  /** Makes what is missing; `false` when there was nothing to do. */
  migrate(): Promise<boolean>;
}

/** `coatcheck migrate`: creates the table where the configured engine needs one. Django: `manage.py migrate sessions`. */
export function addMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description('Create the table of the configured engine, if it needs one and has none.')
    .action(() =>
      context.withSessions(async (sessions, engine) => {
        const { backend } = sessions;
        if (!isMigrator(backend)) {
          await assertReachable(sessions);
          context.print(`Nothing to do: the engine '${engine}' needs no table.`);
          return;
        }
        const created = await backend.migrate();
        context.print(
          created
            ? `Created the table of the engine '${engine}'.`
            : `Nothing to do: the table of the engine '${engine}' exists.`,
        );
      }),
    );
}

function isMigrator(backend: object): backend is Migrator {
  return typeof (backend as Partial<Migrator>).migrate === 'function';
}
