import type { SafetyFinding } from '@coatcheck/core';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './command-error.ts';

interface Options {
  readonly json?: true;
}

const labels: Readonly<Record<SafetyFinding['level'], string>> = {
  safe: 'safe  ',
  notice: 'notice',
  unsafe: 'UNSAFE',
};

/** `coatcheck check`: says what the configured sessions would lose, and to whom. Django: `manage.py check --deploy`. */
export function addCheck(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('Say how safe the sessions are, as settings and server are set up now.')
    .option('--json', 'print the result as JSON')
    .action((options: Options) => check(options, context));
}

async function check({ json }: Options, context: CommandContext): Promise<void> {
  let findings: readonly SafetyFinding[] = [];
  await context.withSessions(async (sessions) => {
    findings = await sessions.checkSafety();
  });
  const unsafe = findings.filter(({ level }) => level === 'unsafe').length;
  if (json) context.print(JSON.stringify({ safe: unsafe === 0, findings }));
  else for (const line of findings.map(lineOf)) context.print(line);
  if (unsafe > 0) {
    throw new CommandError(unsafe === 1 ? 'One thing is unsafe.' : `${unsafe} things are unsafe.`);
  }
}

function lineOf({ level, about, message }: SafetyFinding): string {
  return `${labels[level]}  ${about}: ${message}`;
}
