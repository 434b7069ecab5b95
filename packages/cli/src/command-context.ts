import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig, loadSessions, type SessionsConfig } from '@coatcheck/config';
import type { Sessions } from '@coatcheck/core';
import { CommandError, failureOf } from './command-error.ts';
import { settingsOfUrl } from './place-url.ts';

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
  /** Whether stderr is a terminal, where progress is drawn. @default what the process says */
  readonly isTerminal?: boolean | undefined;
  /** The clock. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** Waits so many milliseconds, and no longer than until the signal is aborted. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** What every command gets. */
export interface CommandContext {
  print(line: string): void;
  /** Writes to stderr, as it is. */
  report(text: string): void;
  readonly isTerminal: boolean;
  readonly now: () => Date;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Works with the sessions of the configured engine, and closes them afterwards. */
  withSessions(
    work: (sessions: Sessions, engine: string, settings: SessionsConfig) => Promise<void>,
    needs?: { readonly table?: boolean },
  ): Promise<void>;
  /**
   * Opens the sessions of another place: a configuration file, or the URL of a place with the settings that are
   * configured; whoever opens them closes them.
   */
  openPlace(place: string): Promise<Place>;
  /** Works with a signal that SIGINT and SIGTERM abort, unless another one is given. */
  interruptibly<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** Sessions, and the name of their engine. */
export interface Place {
  readonly sessions: Sessions;
  readonly engine: string;
  /** Whether its configuration moves sessions there from another engine, each when it is used. */
  readonly isMigrating: boolean;
}

/** The context of a command; `configFile` is asked when the command runs. */
export function createContext(
  options: RunOptions,
  output: Pick<CommandContext, 'print' | 'report'>,
  configFile: () => string | undefined,
): CommandContext {
  const { cwd, env, isTerminal = process.stderr.isTTY === true, now = () => new Date() } = options;
  return {
    ...output,
    isTerminal,
    now,
    wait: options.wait ?? waitUntilAborted,
    async withSessions(work, { table = false } = {}) {
      const { settings, directory } = await loadConfig({ cwd, env, file: configFile() });
      const sessions = await loadSessions(settings, { cwd: directory });
      const engine = settings.engine ?? 'db';
      try {
        if (table) await assertTable(sessions.backend, engine);
        await work(sessions, engine, settings);
      } catch (error) {
        throw failureOf(error, engine);
      } finally {
        await sessions.close();
      }
    },
    async openPlace(place) {
      const named = settingsOfUrl(place);
      const file = named ? configFile() : place;
      const { settings, directory } = await loadConfig({
        cwd,
        env: named ? env : secretOf(env),
        file,
      });
      const own = named ? { ...settings, ...named } : settings;
      const sessions = await loadSessions(own, { cwd: named ? cwd : directory });
      return {
        sessions,
        engine: own.engine ?? 'db',
        isMigrating: own.migratingFrom !== undefined,
      };
    },
    interruptibly: (work) => interruptibly(work, options.signal),
  };
}

/** The secret of the environment; where a file says which place is meant, the environment must not say another. */
function secretOf(env: RunOptions['env'] = process.env): Record<string, string | undefined> {
  const { SECRET_KEY, SECRET_KEY_FALLBACKS } = env;
  return { SECRET_KEY, SECRET_KEY_FALLBACKS };
}

/** @throws {CommandError} where the engine keeps its sessions in a table and has none. */
export async function assertTable(backend: object, engine: string): Promise<void> {
  if (await hasTable(backend)) return;
  throw new CommandError(
    `The table of the engine '${engine}' is missing: run coatcheck migrate, or correct db.url and db.table if it should be there.`,
  );
}

/** Whether the engine has its table, or needs none. */
export async function hasTable(backend: object): Promise<boolean> {
  return !tellsOfTable(backend) || (await backend.isMigrated());
}

/** A key that nobody has. */
export const ANY_KEY: string = 'a'.repeat(32);

/** @throws where the place does not answer: for commands that have nothing to ask it by themselves. */
export async function assertReachable(sessions: Sessions): Promise<void> {
  await sessions.exists(ANY_KEY);
}

/** An engine that has a table and cannot tell makes it when it is first needed. */
function tellsOfTable(backend: object): backend is { isMigrated(): Promise<boolean> } {
  const { isMigrated } = backend as { isMigrated?: unknown };
  return typeof isMigrated === 'function';
}

async function waitUntilAborted(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function interruptibly<T>(
  work: (signal: AbortSignal) => Promise<T>,
  given: AbortSignal | undefined,
): Promise<T> {
  if (given) return work(given);
  const controller = new AbortController();
  // Once: a second Ctrl-C ends the process at once.
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  }
}
