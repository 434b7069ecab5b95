import { loadConfig, loadSessions } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';

/** What a command runs in; by default, the process. */
export interface RunOptions {
  /** @default process.stdout.write */
  readonly stdout?: ((text: string) => void) | undefined;
  /** @default process.stderr.write */
  readonly stderr?: ((text: string) => void) | undefined;
  /** Where the search for the configuration begins. @default process.cwd() */
  readonly cwd?: string | undefined;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Stops a command between two steps. @default SIGINT or SIGTERM of the process */
  readonly signal?: AbortSignal | undefined;
}

/** The exit codes of a shell command. */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Ends a command with one sentence on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What every command gets. */
export interface CommandContext {
  print(line: string): void;
  readonly signal: AbortSignal | undefined;
  /** Works with the sessions of the configured engine, and closes them afterwards. */
  withSessions(work: (sessions: Sessions, engine: string) => Promise<void>): Promise<void>;
}

/** The context of a command; `configFile` is asked when the command runs. */
export function createContext(
  options: RunOptions,
  print: (line: string) => void,
  configFile: () => string | undefined,
): CommandContext {
  const { cwd, env, signal } = options;
  return {
    print,
    signal,
    async withSessions(work) {
      const { settings, directory } = await loadConfig({ cwd, env, file: configFile() });
      const sessions = await loadSessions(settings, { cwd: directory });
      try {
        await work(sessions, settings.engine ?? 'db');
      } finally {
        await sessions.close();
      }
    },
  };
}

/** `1 expired session`, `2 expired sessions`. */
export function expiredSessions(count: number): string {
  return `${count} expired session${count === 1 ? '' : 's'}`;
}

/** Why something failed, in words; some errors of the network have only a code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}
