import { SessionConflict, type UpdateError } from './errors.ts';

/** Milliseconds for which a commit competes with other processes before it gives up. */
const PATIENCE_MS = 10_000;
const LONGEST_PAUSE_MS = 64;

/**
 * Repeats a compare-and-set until it met nobody else's write, which `attempt` says by `true`; with jitter, so that
 * processes take turns.
 *
 * @param failures how many attempts have failed before.
 * @throws {SessionConflict} after ten seconds.
 */
export async function untilUnchanged(attempt: () => Promise<boolean>, failures = 0): Promise<void> {
  const start = performance.now();
  for (let failed = failures; !(await attempt()); failed += 1) {
    if (performance.now() - start > PATIENCE_MS) {
      throw new SessionConflict(
        'Other writers kept changing the session for ten seconds; nothing was saved.',
      );
    }
    const pauseMs = Math.random() * Math.min(2 ** failed, LONGEST_PAUSE_MS);
    if (failed > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

// By name: a backend may come with a copy of this package of its own.
export function isNamed(error: unknown, name: string): boolean {
  return (error as { name?: unknown } | null | undefined)?.name === name;
}

/** Whether a backend said that the record is gone or changed. */
export function isUpdateError(error: unknown): error is UpdateError {
  return isNamed(error, 'UpdateError');
}
