import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** What an engine that keeps sessions in a table has beyond the contract. */
export interface Migrator {
  /** Makes what is missing; `false` when there was nothing to do. */
  migrate(): Promise<boolean>;
  /** Whether that would do nothing. */
  isMigrated(): Promise<boolean>;
}

/** `coatcheck migrate`: creates the table where the configured engine needs one. Django: `manage.py migrate sessions`. */
export function addMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description('Create the table of the configured engine, if it needs one and has none.')
    .action(() =>
      context.withSessions(async ({ backend }, engine) => {
        if (!isMigrator(backend)) {
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

/** Whether the engine keeps its sessions in a table. */
export function isMigrator(backend: object): backend is Migrator {
  const { migrate, isMigrated } = backend as Partial<Migrator>;
  return typeof migrate === 'function' && typeof isMigrated === 'function';
}
