import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCheck } from './check.ts';
import { addClearSessions } from './clearsessions.ts';
import { createContext, type RunOptions } from './command-context.ts';
import { CommandError, exitCodes } from './command-error.ts';
import { addCopy } from './copy.ts';
import { addMigrate } from './migrate.ts';
import { addMove } from './move.ts';
import { addRotateSecret } from './rotate-secret.ts';
import { sentence } from './sentence.ts';
import { addSessions } from './sessions.ts';

/**
 * Runs a command line, such as `['clearsessions', '--dry-run']`, and returns its exit code: 0, 1 after an error, 2 for
 * a command line that makes no sense, 3 where a rotation has to wait, 130 when interrupted. Errors are one sentence on stderr. Never rejects.
 */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<number> {
  const stdout = options.stdout ?? ((text: string) => process.stdout.write(text));
  const stderr = options.stderr ?? ((text: string) => process.stderr.write(text));
  const program = new Command('coatcheck')
    .description('Looks after the sessions of a Coatcheck application.')
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print help')
    .helpCommand(false)
    .option('--config <file>', 'configuration file (default: the nearest sessions.config.*)')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: stdout,
      writeErr: stderr,
      outputError: (text, write) => {
        write(sentence(`${text.replace(/^error: /, '').trim()}; see coatcheck --help`));
      },
    });
  const context = createContext(
    options,
    { print: (line) => stdout(`${line}\n`), report: stderr },
    () => program.opts<{ config?: string }>().config,
  );
  addClearSessions(program, context);
  addMigrate(program, context);
  addCheck(program, context);
  addSessions(program, context);
  addCopy(program, context);
  addMove(program, context);
  addRotateSecret(program, context);

  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.success;
  } catch (error) {
    // Commander has printed its own message by now.
    if (error instanceof CommanderError) {
      const { code, exitCode } = error;
      return code !== 'commander.help' && exitCode === 0 ? exitCodes.success : exitCodes.usage;
    }
    stderr(sentence(error instanceof Error ? error.message : String(error)));
    return error instanceof CommandError ? error.exitCode : exitCodes.failure;
  }
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
