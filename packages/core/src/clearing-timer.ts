import { ImproperlyConfigured } from './errors.ts';
import type { ClearExpiredOptions } from './session-backend.ts';

/** Milliseconds that a timer of Node can run. */
const LONGEST_MS = 2 ** 31 - 1;
/** How far an interval strays, so that processes that were started together do not clear together for ever. */
const JITTER = 0.1;

/** Starts a timer, and returns what stops it. */
export type StartTimer = (run: () => void, ms: number) => () => void;

/** How a process clears expired sessions by itself. */
export interface ClearingOptions extends Pick<ClearExpiredOptions, 'batchSize'> {
  /** Seconds from the end of one clearing to the next, a tenth more or less; the first waits as long. */
  readonly every: number;
  /** Hears how many sessions a clearing has removed. */
  readonly onCleared?: ((count: number) => void) | undefined;
  /** Hears why a clearing failed; the next one is tried all the same. @default a warning of the process */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The timer, for tests. @default one that does not keep the process alive */
  readonly startTimer?: StartTimer | undefined;
}

/** A clearing that goes on until it is stopped. */
export interface Clearing {
  /** Ends it, between two batches if it is at work; resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** Clears again and again. @throws {ImproperlyConfigured} when `every` is no time that a timer can wait */
export function startClearing(
  clear: (options: ClearExpiredOptions) => Promise<number>,
  { every, batchSize, onCleared, onError = warn, startTimer = startUnref }: ClearingOptions,
): Clearing {
  const ms = every * 1000;
  if (!(ms > 0 && ms * (1 + JITTER) <= LONGEST_MS)) {
    throw new ImproperlyConfigured(
      'every must be a number of seconds above 0, at most 22 days, such as 3600 for every hour.',
    );
  }
  const controller = new AbortController();
  const { signal } = controller;
  let underWay: Promise<void> = Promise.resolve();
  let stopTimer = (): void => undefined;

  const run = async (): Promise<void> => {
    try {
      const count = await clear({ batchSize, signal });
      onCleared?.(count);
    } catch (error) {
      tell(error);
    }
    if (!signal.aborted) schedule();
  };
  const tell = (error: unknown): void => {
    try {
      onError(error);
    } catch {
      // Whoever cannot be told must not end the clearing, nor the process.
      warn(error);
    }
  };
  const schedule = (): void => {
    const start = (): void => {
      underWay = run();
    };
    stopTimer = startTimer(start, jittered(ms));
  };
  schedule();
  return {
    async stop() {
      controller.abort();
      stopTimer();
      await underWay;
    },
  };
}

/** The interval, a tenth more or less. */
export function jittered(ms: number): number {
  return ms * (1 - JITTER + 2 * JITTER * Math.random());
}

function startUnref(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

function warn(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(`Expired sessions could not be cleared: ${reason}`, {
    code: 'COATCHECK_CLEARING_FAILED',
  });
}
